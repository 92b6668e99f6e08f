"""Finds the photos that show one and the same picture: recompressed, resized, recoloured, cropped.

A split that puts two copies on both sides leaks, so copies are grouped first. Two steps:

1. Candidates: the grey 8 x 8 picture of each photo, and of windows cut out of it, correlated with
   every other photo's. Cheap, and generous.
2. Verification: the two photos are aligned by an affine transform that maximises their enhanced
   correlation coefficient (G. Evangelidis, E. Psarakis, PAMI 2008, as in OpenCV), and their fine
   detail has to agree where they overlap. Soft gradients pass the first step, not this one.

The bounds were set by looking at the pairs found among 6,994 photos of the Oxford-IIIT Pet data:
below them the photos differ. Photos of one session with hardly any movement are grouped, too.

Most pairs of the first step are no copies (frames of videos, plain backgrounds), and to find that
out costs milliseconds each. So the work is bounded: pairs that agree as they lie, as frames of one
camera do, need no alignment; the others are verified from the best on, a hopeless one is given up
after a few iterations, and a photo that failed FAILURES times is not compared any more.
"""

import cv2
import numpy as np

from localizer.runtimes.one_thread import one_thread

THUMBNAIL_SIZE = 64
CANDIDATE_CORRELATION = 0.92
ALIGNED_CORRELATION = 0.9
DETAIL_CORRELATION = 0.55
OVERLAP = 0.4
FAILURES = 20

# Of the alignment: iterations at first, and what they have to show for it to go on to all.
_FIRST_ITERATIONS, _ITERATIONS = 10, 60
_FIRST_CORRELATION = 0.5
_FIRST_DETAIL = 0.1
# Candidates of a photo that are kept, the best; a pair is dropped where neither photo keeps it.
_KEPT_CANDIDATES = 64
# Of comparing photos as they lie.
_ROUNDS = 4
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
    groups = _Groups(len(thumbnails))
    # The products are too small to share: threads of BLAS that wait for each other cost ten times
    # the work itself on a busy machine.
    with one_thread():
        first, second, _ = _candidates(thumbnails, groups)
    failures = np.zeros(len(thumbnails), int)
    for i, j in zip(first.tolist(), second.tolist(), strict=True):
        if groups.root(i) == groups.root(j) or max(failures[i], failures[j]) >= FAILURES:
            continue
        if is_same_picture(thumbnails[i], thumbnails[j]):
            groups.join(i, j)
        else:
            failures[[i, j]] += 1
    return groups.lists()


class _Groups:
    """Disjoint sets of n photos; the root of one is its first photo."""

    def __init__(self, count):
        self._parent = list(range(count))

    def root(self, i):
        """The photo that stands for the group of photo i."""
        parent = self._parent
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(self, i, j):
        """Make the groups of two photos one."""
        i, j = self.root(i), self.root(j)
        self._parent[max(i, j)] = min(i, j)

    def roots(self):
        """The root of each photo, int [n]."""
        return np.array([self.root(i) for i in range(len(self._parent))], int)

    def lists(self):
        """Sorted lists of the groups that have two or more photos."""
        groups = {}
        for i, root in enumerate(self.roots().tolist()):
            groups.setdefault(root, []).append(i)
        return [group for group in groups.values() if len(group) > 1]


def is_same_picture(a, b):
    """Whether two thumbnails (uint8 [64, 64]) show one picture, up to crop, scale and light."""
    warp = np.eye(2, 3, dtype=np.float32)
    for iterations in (_FIRST_ITERATIONS, _ITERATIONS - _FIRST_ITERATIONS):
        stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, iterations, 1e-4)
        try:
            correlation, warp = cv2.findTransformECC(a, b, warp, cv2.MOTION_AFFINE, stop, None, 5)
        except cv2.error:  # It did not converge: nothing to align.
            return False
        overlap, detail = _agreement(a, b, warp)
        if correlation < _FIRST_CORRELATION or not detail >= _FIRST_DETAIL:
            return False
    return (
        correlation >= ALIGNED_CORRELATION and overlap >= OVERLAP and detail >= DETAIL_CORRELATION
    )


def _agreement(a, b, warp):
    """The share of `a` that the aligned `b` covers, and the correlation of their detail there.

    NaN where there is no detail at all.
    """
    back = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (a.shape[1], a.shape[0])
    overlap = cv2.warpAffine(np.full_like(b, 255), warp, size, flags=back) == 255
    aligned = cv2.warpAffine(_detail(b), warp, size, flags=back)
    return overlap.mean(), float(
        _correlations(_detail(a)[overlap][None], aligned[overlap][None])[0]
    )


def _correlations(a, b):
    """Pearson's correlation of each row of a with that of b, both [n, m]; NaN for constant ones."""
    a, b = (x - x.mean(axis=1, keepdims=True) if x.size else x for x in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


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


def _candidates(thumbnails, groups):
    """Pairs whose descriptors correlate, and that are in no common group, the best first.

    Photos that agree as they lie are joined in `groups` on the way.

    Returns:
        (i, j, correlation): int [p], int [p] and float32 [p], i < j.
    """
    step = max(1, _PAIRS_AT_A_TIME // max(1, len(thumbnails)))
    blocks = [slice(start, start + step) for start in range(0, len(thumbnails), step)]
    found = (np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32))
    if not blocks:
        return found
    whole = np.concatenate([_descriptors(thumbnails[block], [(0, 0)])[0] for block in blocks])
    sketches = _sketches(whole).T.copy()
    # One buffer for all products: fresh memory of this size costs more than the products do.
    buffer = np.empty((step, len(whole)), np.float32)
    for block in blocks:
        parts, roots = [found], groups.roots()
        for number, window in enumerate(_descriptors(thumbnails[block], _windows())):
            bounds = np.matmul(_sketches(window), sketches, out=buffer[: len(window)])
            likely = np.flatnonzero(bounds > CANDIDATE_CORRELATION)
            i, j = np.divmod(likely, len(whole))
            apart = roots[i + block.start] != roots[j]
            i, j = i[apart], j[apart]
            correlation = _products(window, whole, i, j)
            sure = correlation > CANDIDATE_CORRELATION
            i, j, correlation = i[sure] + block.start, j[sure], correlation[sure]
            if number == 0 and len(i):  # Of the whole photo.
                _join_unmoved(thumbnails, groups, i, j, correlation)
                roots = groups.roots()
            parts.append((np.minimum(i, j), np.maximum(i, j), correlation))
            if sum(len(part[0]) for part in parts) > _PAIRS_AT_A_TIME:
                parts = [_best(parts, roots)]
        found = _best(parts, groups.roots())
    order = np.lexsort((found[1], found[0], -found[2]))
    return tuple(values[order] for values in found)


def _products(window, whole, i, j):
    """The products of some pairs of descriptors, float32 [p], a part at a time."""
    parts = [slice(start, start + 2**16) for start in range(0, len(i), 2**16)]
    products = [np.einsum("ij,ij->i", window[i[part]], whole[j[part]]) for part in parts]
    return np.concatenate([np.zeros(0, np.float32), *products])


def _best(parts, roots):
    """The pairs of all parts, each once, but for those far down in the lists of both photos."""
    i, j, correlation = (np.concatenate(values) for values in zip(*parts, strict=True))
    apart = roots[i] != roots[j]
    i, j, correlation = i[apart], j[apart], correlation[apart]
    # From the best to the worst of each pair, so that `unique` gives the best.
    order = np.argsort(-correlation, kind="stable")
    _, first = np.unique((i * len(roots) + j)[order], return_index=True)
    kept = order[first]
    i, j, correlation = i[kept], j[kept], correlation[kept]
    # The rank of each pair in the list of its first photo, then in that of its second.
    photos = np.concatenate([i, j])
    order = np.lexsort((np.tile(-correlation, 2), photos))
    begins = np.flatnonzero(np.diff(photos[order], prepend=-1))
    ranks = np.empty(len(photos), int)
    ranks[order] = np.arange(len(photos)) - np.repeat(begins, np.diff(begins, append=len(photos)))
    keep = np.minimum(*np.split(ranks, 2)) < _KEPT_CANDIDATES
    return i[keep], j[keep], correlation[keep]


def _join_unmoved(thumbnails, groups, i, j, correlation):
    """Join the pairs that are one picture as they lie: along a spanning structure, not all pairs.

    In each round every photo of `j` is compared with the best candidate that it has left.
    """
    order = np.argsort(-correlation, kind="stable")
    i, j = i[order], j[order]
    for _ in range(_ROUNDS):
        if not len(i):
            return
        best = np.unique(j, return_index=True)[1]
        for part in np.array_split(best, -(-len(best) // 256)):
            a, b = thumbnails[i[part]], thumbnails[j[part]]
            flat = [x.reshape(len(x), -1).astype(np.float32) for x in (a, b)]
            detail = [np.stack([_detail(x).ravel() for x in pictures]) for pictures in (a, b)]
            same = _correlations(*flat) >= ALIGNED_CORRELATION
            same &= _correlations(*detail) >= DETAIL_CORRELATION
            for one, other in zip(i[part][same].tolist(), j[part][same].tolist(), strict=True):
                groups.join(one, other)
        roots = groups.roots()
        left = roots[i] != roots[j]
        left[best] = False
        i, j = i[left], j[left]
