"""Boxes: conversions, checks and IoU on NumPy arrays, with the format in every name.

Inside the project a box is `rel_xyxy`: float32 [xmin, ymin, xmax, ymax] in units of the whole
image, continuous edges, so the whole image is [0, 0, 1, 1]. Other formats:

* `voc_xyxy`: Pascal VOC pixels, 1-based and inclusive: the first pixel alone is [1, 1, 1, 1].
* `coco_xywh`: COCO pixels, 0-based, continuous [xmin, ymin, width, height].
* `rel_yxyx`: [ymin, xmin, ymax, xmax] in units of the image, as Google's detectors give it.

Every function takes boxes of shape [..., 4] and returns float32 of the same shape, unless it says
otherwise.
"""

import numpy as np

from localizer.errors import InputError


def voc_xyxy_to_rel_xyxy(boxes, width, height):
    """Pascal VOC pixels of an image of `width` x `height` pixels to `rel_xyxy`.

    >>> voc_xyxy_to_rel_xyxy([1, 1, 50, 100], width=100, height=100).tolist()
    [0.0, 0.0, 0.5, 1.0]
    """
    boxes = np.asarray(boxes, np.float64) - [1, 1, 0, 0]
    return (boxes / [width, height, width, height]).astype(np.float32)


def coco_xywh_to_rel_xyxy(boxes, width, height):
    """COCO pixels of an image of `width` x `height` pixels to `rel_xyxy`.

    >>> coco_xywh_to_rel_xyxy([10, 20, 40, 80], width=100, height=100).tolist()
    [0.10000000149011612, 0.20000000298023224, 0.5, 1.0]
    """
    boxes = np.asarray(boxes, np.float64)
    corners = np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)
    return (corners / [width, height, width, height]).astype(np.float32)


def abs_xyxy_to_rel_xyxy(boxes, width, height):
    """Continuous pixel corners (0-based) of an image of `width` x `height` pixels to `rel_xyxy`."""
    return (np.asarray(boxes, np.float64) / [width, height, width, height]).astype(np.float32)


def rel_xyxy_to_abs_xyxy(boxes, width, height):
    """`rel_xyxy` to continuous pixel corners (0-based) of an image of `width` x `height` pixels."""
    return (np.asarray(boxes, np.float64) * [width, height, width, height]).astype(np.float32)


def rel_yxyx_to_rel_xyxy(boxes):
    """[ymin, xmin, ymax, xmax] to [xmin, ymin, xmax, ymax]."""
    return np.asarray(boxes, np.float32)[..., [1, 0, 3, 2]]


def clip_rel_xyxy(boxes):
    """The part of each box that lies inside the image."""
    return np.clip(np.asarray(boxes, np.float32), 0.0, 1.0)


def area_xyxy(boxes):
    """Area, shape [...]; an inverted box has area 0."""
    boxes = np.asarray(boxes, np.float64)
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0), axis=-1)


def intersection_xyxy(boxes_a, boxes_b):
    """Area that each pair of boxes shares, shape [...]."""
    boxes_a, boxes_b = np.asarray(boxes_a, np.float64), np.asarray(boxes_b, np.float64)
    low = np.maximum(boxes_a[..., :2], boxes_b[..., :2])
    high = np.minimum(boxes_a[..., 2:], boxes_b[..., 2:])
    return np.prod(np.maximum(high - low, 0.0), axis=-1)


def iou_xyxy(boxes_a, boxes_b):
    """Intersection over union of each pair, float64 in [0, 1], shape [...].

    A box that is empty, inverted or NaN (no answer) has IoU 0 with everything.

    >>> float(iou_xyxy([0, 0, 2, 2], [1, 0, 3, 2]))
    0.3333333333333333
    """
    intersection = intersection_xyxy(boxes_a, boxes_b)
    union = area_xyxy(boxes_a) + area_xyxy(boxes_b) - intersection
    with np.errstate(invalid="ignore"):
        iou = np.where(union > 0, intersection / np.where(union > 0, union, 1.0), 0.0)
    return np.nan_to_num(iou, nan=0.0)


def is_possible_rel_xyxy(boxes):
    """Whether each could be the box of an object in the image, bool [...].

    It has finite edges in their order, and a part inside the image.
    """
    clipped = clip_rel_xyxy(boxes)
    return np.isfinite(boxes).all(axis=-1) & (clipped[..., 2:] > clipped[..., :2]).all(axis=-1)


def usable_rel_xyxy(box):
    """The box clipped to the image, float32 [4], or an InputError that says why it is unusable.

    Unusable are coordinates that are not finite, inverted or empty boxes, and boxes that lie
    outside the image altogether.
    """
    box = np.asarray(box, np.float32)
    if not np.isfinite(box).all():
        raise InputError("the box has a coordinate that is not a finite number")
    if (box[2:] <= box[:2]).any():
        raise InputError("the box is empty or inverted (xmax <= xmin or ymax <= ymin)")
    clipped = clip_rel_xyxy(box)
    if (clipped[2:] <= clipped[:2]).any():
        raise InputError("the box lies outside the image")
    return clipped
