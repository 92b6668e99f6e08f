"""Areas and intersections of boxes as operations of Keras."""

from keras import ops


def iou_xyxy(boxes_a, boxes_b):
    """Intersection over union of pairs of boxes in one format.

    Args:
        boxes_a, boxes_b: float tensors [..., 4] of one shape.

    Returns:
        Float tensor [...], in [0, 1].
    """
    low_a, high_a = ops.split(boxes_a, 2, axis=-1)
    low_b, high_b = ops.split(boxes_b, 2, axis=-1)
    intersection = _area(ops.maximum(low_a, low_b), ops.minimum(high_a, high_b))
    union = _area(low_a, high_a) + _area(low_b, high_b) - intersection
    return ops.where(union > 0.0, intersection / ops.maximum(union, 1e-12), 0.0)


def _area(low, high):
    return ops.prod(ops.maximum(high - low, 0.0), axis=-1)
