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
from threadpoolctl import threadpool_limits

THUMBNAIL_SIZE = 64
CANDIDATE_CORRELATION = 0.92
ALIGNED_CORRELATION = 0.9
DETAIL_CORRELATION = 0.55
OVERLAP = 0.4

_DESCRIPTOR_SIZE = 8
_WINDOW_FRACTIONS = (0.85, 0.7)
# A descriptor's norm below this is a blank picture, whose correlation would be that of its noise.
_BLANK_NORM = 8.0
# Bounds the memory, whatever the number of photos.
_PAIRS_AT_A_TIME = 2**21


def thumbnail(photo):
    """Grey uint8 [64, 64] of a photo (uint8 RGB [height, width, 3])."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (THUMBNAIL_SIZE, THUMBNAIL_SIZE), interpolation=cv2.INTER_AREA)


def find_groups(thumbnails):
    """Groups of near-duplicates among n thumbnails.

    Args:
        thumbnails: uint8 [n, 64, 64], from `thumbnail`; anything that gives them by index and by
            slice will do, so they may stay on disk.

    Returns:
        List of sorted index lists, each of two or more photos.
    """
    parent = list(range(len(thumbnails)))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    # The products are too small to share: threads of BLAS that wait for each other cost ten times
    # the work itself on a busy machine.
    with threadpool_limits(1, user_api="blas"):
        candidates = sorted(_candidates(thumbnails))
    for i, j in candidates:
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
    with np.errstate(invalid="ignore", divide="ignore"):  # No detail at all gives NaN: no.
        return bool(np.corrcoef(_detail(a)[overlap], aligned[overlap])[0, 1] >= DETAIL_CORRELATION)


def _detail(picture):
    picture = picture.astype(np.float32)
    return picture - cv2.GaussianBlur(picture, (0, 0), 3)


def _spans():
    """Where a window may begin and end along one side of a thumbnail; the whole side first."""
    yield 0, THUMBNAIL_SIZE
    for fraction in _WINDOW_FRACTIONS:
        side = round(fraction * THUMBNAIL_SIZE)
        rest = THUMBNAIL_SIZE - side
        yield from ((start, start + side) for start in (0, rest // 2, rest))


def _averaging():
    """The matrix that averages each span of a side to 8 values: float32 [7 spans x 8, 64]."""
    identity = np.eye(THUMBNAIL_SIZE, dtype=np.float32)
    size = (THUMBNAIL_SIZE, _DESCRIPTOR_SIZE)
    parts = [cv2.resize(identity[a:b], size, interpolation=cv2.INTER_AREA) for a, b in _spans()]
    return np.concatenate(parts)


def _windows():
    """Spans (rows, columns) of the windows a crop may correspond to; the whole photo first.

    A crop keeps a fraction of both sides, or of one and all of the other.
    """
    yield 0, 0
    for first in range(1, 1 + 3 * len(_WINDOW_FRACTIONS), 3):
        spans = range(first, first + 3)
        yield from ((rows, columns) for rows in spans for columns in spans)
        yield from ((span, 0) for span in spans)
        yield from ((0, span) for span in spans)


def _descriptors(thumbnails, windows):
    """Unit vectors whose product is the correlation: float32 [windows, n, 64]."""
    averaging = _averaging()
    small = averaging @ np.asarray(thumbnails, np.float32) @ averaging.T
    side = _DESCRIPTOR_SIZE
    small = small.reshape(len(thumbnails), -1, side, len(averaging) // side, side)
    flat = np.stack([small[:, rows, :, columns] for rows, columns in windows])
    flat = flat.reshape(len(flat), len(thumbnails), -1)
    flat -= flat.mean(axis=-1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), _BLANK_NORM)


def _sketches(descriptors):
    """A quarter of the numbers, whose products are never below the descriptors' own.

    [..., 64] to [..., 17]: the orthonormal projection P to 4 x 4 blocks, and the length of what is
    left; by Cauchy-Schwarz a.b <= Pa.Pb + |a - Pa| |b - Pb|.
    """
    half = _DESCRIPTOR_SIZE // 2
    blocks = descriptors.reshape(*descriptors.shape[:-1], half, 2, half, 2).sum(axis=(-3, -1)) / 2
    blocks = blocks.reshape(*descriptors.shape[:-1], -1)
    rest = np.square(descriptors).sum(axis=-1) - np.square(blocks).sum(axis=-1)
    return np.concatenate([blocks, np.sqrt(np.maximum(rest, 0))[..., None]], axis=-1)


def _candidates(thumbnails):
    """Pairs (i, j), i < j, whose descriptors correlate."""
    pairs = set()
    step = max(1, _PAIRS_AT_A_TIME // max(1, len(thumbnails)))
    blocks = [slice(start, start + step) for start in range(0, len(thumbnails), step)]
    if not blocks:
        return pairs
    whole = np.concatenate([_descriptors(thumbnails[block], [(0, 0)])[0] for block in blocks])
    sketches = _sketches(whole).T.copy()
    # One buffer for all products: fresh memory of this size costs more than the products do.
    buffer = np.empty((step, len(whole)), np.float32)
    for block in blocks:
        for window in _descriptors(thumbnails[block], _windows()):
            bounds = np.matmul(_sketches(window), sketches, out=buffer[: len(window)])
            likely = np.flatnonzero(bounds > CANDIDATE_CORRELATION)
            i, j = np.divmod(likely, len(whole))
            sure = np.einsum("ij,ij->i", window[i], whole[j]) > CANDIDATE_CORRELATION
            i, j = i[sure] + block.start, j[sure]
            pairs.update(zip(np.minimum(i, j).tolist(), np.maximum(i, j).tolist(), strict=True))
    return {(i, j) for i, j in pairs if i != j}
