"""Metrics inside the training step, written with keras.ops so that they run on any backend."""

import keras
from keras import ops


def iou_xyxy(boxes_a, boxes_b):
    """Intersection over union of each pair of boxes, tensors [n, 4] in one format, in [0, 1]."""
    low = ops.maximum(boxes_a[..., :2], boxes_b[..., :2])
    high = ops.minimum(boxes_a[..., 2:], boxes_b[..., 2:])
    intersection = ops.prod(ops.maximum(high - low, 0.0), axis=-1)
    area_a = ops.prod(ops.maximum(boxes_a[..., 2:] - boxes_a[..., :2], 0.0), axis=-1)
    area_b = ops.prod(ops.maximum(boxes_b[..., 2:] - boxes_b[..., :2], 0.0), axis=-1)
    union = area_a + area_b - intersection
    return ops.where(union > 0.0, intersection / ops.maximum(union, 1e-12), 0.0)


class MeanIoU(keras.metrics.MeanMetricWrapper):
    """Mean IoU of true and predicted boxes in `rel_xyxy`, predictions clipped to the image."""

    def __init__(self, name="iou", **kwargs):
        super().__init__(
            lambda true, predicted: iou_xyxy(true, ops.clip(predicted, 0.0, 1.0)), name
        )
