"""Finds the photos that show one and the same picture: recompressed, resized, recoloured, cropped.

A split that puts two copies on both sides leaks, so copies are grouped first. Two steps:

1. Candidates: the grey 8 x 8 picture of each photo, and of windows cut out of it, correlated with
   every other photo's. Cheap, and generous.
2. Verification: the two photos are aligned by an affine transform that maximises their enhanced
   correlation coefficient (G. Evangelidis, E. Psarakis, PAMI 2008, as in OpenCV), and their fine
   detail has to agree where they overlap. Soft gradients pass the first step, not this one.

The bounds were set by looking at the pairs found among 6,994 photos of the Oxford-IIIT Pet data:
below them the photos differ. Photos of one session with hardly any movement are grouped, too.
"""

import cv2
import numpy as np

THUMBNAIL_SIZE = 64
CANDIDATE_CORRELATION = 0.92
ALIGNED_CORRELATION = 0.9
DETAIL_CORRELATION = 0.55
OVERLAP = 0.4

_DESCRIPTOR_SIZE = 8
_WINDOW_FRACTIONS = (0.85, 0.7)
# A descriptor's norm below this is a blank picture, whose correlation would be that of its noise.
_BLANK_NORM = 8.0


def thumbnail(photo):
    """Grey uint8 [64, 64] of a photo (uint8 RGB [height, width, 3])."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (THUMBNAIL_SIZE, THUMBNAIL_SIZE), interpolation=cv2.INTER_AREA)


def find_groups(thumbnails, block=2048):
    """Groups of near-duplicates among n thumbnails.

    Args:
        thumbnails: uint8 [n, 64, 64], from `thumbnail`.
        block: photos that are compared with all others at a time; bounds the memory.

    Returns:
        List of sorted index lists, each of two or more photos.
    """
    parent = list(range(len(thumbnails)))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in sorted(_candidates(thumbnails, block)):
        if root(i) != root(j) and is_same_picture(thumbnails[i], thumbnails[j]):
            parent[max(root(i), root(j))] = min(root(i), root(j))
    groups = {}
    for i in range(len(thumbnails)):
        groups.setdefault(root(i), []).append(i)
    return [group for group in groups.values() if len(group) > 1]


def is_same_picture(a, b):
    """Whether two thumbnails (uint8 [64, 64]) show one picture, up to crop, scale and light."""
    warp = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)
    try:
        correlation, warp = cv2.findTransformECC(a, b, warp, cv2.MOTION_AFFINE, stop, None, 5)
    except cv2.error:  # It did not converge: nothing to align.
        return False
    if correlation < ALIGNED_CORRELATION:
        return False
    back = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (a.shape[1], a.shape[0])
    overlap = cv2.warpAffine(np.full_like(b, 255), warp, size, flags=back) == 255
    if overlap.mean() < OVERLAP:
        return False
    aligned = cv2.warpAffine(_detail(b), warp, size, flags=back)
    return np.corrcoef(_detail(a)[overlap], aligned[overlap])[0, 1] >= DETAIL_CORRELATION


def _detail(picture):
    picture = picture.astype(np.float32)
    return picture - cv2.GaussianBlur(picture, (0, 0), 3)


def _windows():
    """Slices of a thumbnail that a crop of the photo may correspond to."""
    whole = slice(0, THUMBNAIL_SIZE)
    for fraction in _WINDOW_FRACTIONS:
        side = round(fraction * THUMBNAIL_SIZE)
        rest = THUMBNAIL_SIZE - side
        parts = [slice(start, start + side) for start in (0, rest // 2, rest)]
        yield from ((rows, columns) for rows in parts for columns in parts)
        yield from ((part, whole) for part in parts)
        yield from ((whole, part) for part in parts)


def _descriptors(thumbnails, rows, columns):
    size = (_DESCRIPTOR_SIZE, _DESCRIPTOR_SIZE)
    small = [cv2.resize(t[rows, columns], size, interpolation=cv2.INTER_AREA) for t in thumbnails]
    flat = np.asarray(small, np.float32).reshape(len(small), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), _BLANK_NORM)


def _candidates(thumbnails, block):
    pairs = set()
    whole = slice(0, THUMBNAIL_SIZE)
    descriptors = _descriptors(thumbnails, whole, whole)
    for start in range(0, len(thumbnails), block):
        part = thumbnails[start : start + block]
        variants = [descriptors[start : start + block]]
        variants += [_descriptors(part, rows, columns) for rows, columns in _windows()]
        for variant in variants:
            i, j = np.divmod(
                np.flatnonzero(variant @ descriptors.T > CANDIDATE_CORRELATION), len(descriptors)
            )
            i += start
            pairs.update(zip(np.minimum(i, j)[i != j].tolist(), np.maximum(i, j)[i != j].tolist()))
    return pairs
