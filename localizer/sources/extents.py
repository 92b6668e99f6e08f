"""Axis-parallel extents of shapes: points, rotated boxes, masks in COCO's run-length encoding.

Boxes are [xmin, ymin, xmax, ymax] in 0-based continuous pixels.
"""

import math
from collections.abc import Sequence

import numpy as np

from localizer.errors import InputError
from localizer.sources.choosing import MAX_PIXELS_ALONG_SIDE

Box = tuple[float, float, float, float]
_MOST_PIXELS = MAX_PIXELS_ALONG_SIDE**2


def extent_of_points(xs: Sequence[float], ys: Sequence[float]) -> Box:
    """The extent of points; InputError unless there are at least two, each with both numbers."""
    if len(xs) != len(ys) or len(xs) < 2:
        raise InputError(f"the points have {len(xs)} x and {len(ys)} y, not two or more of both")
    return min(xs), min(ys), max(xs), max(ys)


def extent_of_rotated(cx: float, cy: float, width: float, height: float, angle: float) -> Box:
    """The extent of a box that is rotated by `angle` (radians) around its centre.

    >>> [round(value, 6) for value in extent_of_rotated(50, 50, 20, 30, math.pi / 2)]
    [35.0, 40.0, 65.0, 60.0]

    Raises:
        InputError: a side is not above 0, or the angle is more than a full turn.
    """
    if min(width, height) <= 0:
        raise InputError("the rotated box is empty (its width or height is not above 0)")
    if abs(angle) > 2 * math.pi:
        raise InputError("the angle of a rotated box is more than a full turn: it is in radians")
    cosine, sine = abs(math.cos(angle)) / 2, abs(math.sin(angle)) / 2
    dx, dy = width * cosine + height * sine, width * sine + height * cosine
    return cx - dx, cy - dy, cx + dx, cy + dy


def extent_of_ellipse(cx: float, cy: float, rx: float, ry: float, angle: float) -> Box:
    """The extent of an ellipse whose radii are turned by `angle` (radians) around its centre."""
    if min(rx, ry) <= 0:
        raise InputError("the ellipse is empty (a radius is not above 0)")
    dx = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    dy = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    return cx - dx, cy - dy, cx + dx, cy + dy


def extent_of_runs(counts: str | Sequence[int], height: int, width: int) -> Box:
    """The extent of a mask: runs of 0 and 1 in turns, column by column (COCO's "RLE").

    >>> extent_of_runs([5, 2, 8], 3, 5)
    (1, 0, 3, 3)

    Args:
        counts: lengths of the runs, the first one of 0; or the compressed text of them.
        height, width: of the mask.

    Raises:
        InputError: they do not fill the mask, or there is nothing in it.
    """
    runs = np.array(_uncompressed(counts) if isinstance(counts, str) else counts, np.int64)
    if (runs < 0).any() or runs.sum() != height * width:
        raise InputError("the runs of the mask do not fill its size")
    ends = np.cumsum(runs)
    starts, ends = (ends - runs)[1::2], ends[1::2]
    starts, ends = starts[ends > starts], ends[ends > starts] - 1
    if not len(starts):
        raise InputError("the mask is empty")
    left, right = starts // height, ends // height
    top = np.where(left == right, starts % height, 0)
    bottom = np.where(left == right, ends % height, height - 1)
    return int(left.min()), int(top.min()), int(right.max()) + 1, int(bottom.max()) + 1


def _uncompressed(text: str) -> list[int]:
    """COCO's own code (maskApi.c, rleFrString): 5 bits a character, then differences."""
    counts, value, shift = [], 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 40:
            raise InputError("the compressed runs of the mask are damaged")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift or max(map(abs, counts), default=0) > _MOST_PIXELS:
        raise InputError("the compressed runs of the mask are damaged")
    return counts
