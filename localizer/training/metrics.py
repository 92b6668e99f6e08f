"""Metrics inside the training step, written with keras.ops so that they run on any backend."""

import keras
from keras import ops

from localizer.models.iou import iou_xyxy


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
