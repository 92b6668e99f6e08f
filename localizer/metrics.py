"""Metrics inside the training step, written with keras.ops so that they run on any backend."""

import keras
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


class ClassAccuracy(keras.metrics.CategoricalAccuracy):
    """Share of right classes among the photos whose class is known, those with a one in the row."""

    def __init__(self, name="accuracy", **kwargs):
        super().__init__(name, **kwargs)

    def update_state(self, one_hot, probabilities, sample_weight=None):
        """Both float [n, classes]."""
        super().update_state(one_hot, probabilities, ops.sum(one_hot, axis=-1))


class MeanIoU(keras.metrics.MeanMetricWrapper):
    """Mean IoU of true and predicted boxes in `rel_xyxy`, predictions clipped to the image."""

    def __init__(self, name="iou", **kwargs):
        super().__init__(
            lambda true, predicted: iou_xyxy(true, ops.clip(predicted, 0.0, 1.0)), name
        )
