"""Box losses, written with keras.ops so that they run on any backend."""

import keras
from keras import ops

from localizer.models.coordinates import encode


class CoordinateLoss(keras.losses.Loss):
    """Error of the coordinates, the mean over the four numbers and the batch.

    Args:
        kind: "mse", the mean squared error; or "smooth_l1", quadratic below an error of 1 and
            linear above (R. Girshick, "Fast R-CNN", ICCV 2015, equation 3).
        coordinates, unit: the coding, see `localizer.models.coordinates.encode`.
    """

    def __init__(self, kind, coordinates, unit, **kwargs):
        super().__init__(**kwargs)
        self._error = {"mse": ops.square, "smooth_l1": _smooth_l1}[kind]
        self._coordinates, self._unit = coordinates, unit

    def call(self, boxes_rel_xyxy, predicted_coordinates):
        """Both float [n, 4]: true boxes in `rel_xyxy`, the network's numbers in their coding."""
        target = encode(boxes_rel_xyxy, self._coordinates, self._unit)
        return ops.mean(self._error(predicted_coordinates - target), axis=-1)


def _smooth_l1(difference):
    size = ops.abs(difference)
    return ops.where(size < 1.0, 0.5 * ops.square(difference), size - 0.5)


class BoxLoss(keras.losses.Loss):
    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        self._kind = kind

    def call(self, t, p):
        if self._kind == "l1":
            return ops.mean(ops.abs(t - p), axis=-1) * 10.0
        low = ops.maximum(t[:, :2], p[:, :2])
        high = ops.minimum(t[:, 2:], p[:, 2:])
        inter = ops.prod(ops.maximum(high - low, 0.0), axis=-1)
        pw = ops.maximum(p[:, 2:] - p[:, :2], 1e-4)
        at = ops.prod(t[:, 2:] - t[:, :2], axis=-1)
        union = at + ops.prod(pw, axis=-1) - inter
        iou = inter / (union + 1e-7)
        elow = ops.minimum(t[:, :2], p[:, :2])
        ehigh = ops.maximum(t[:, 2:], p[:, 2:])
        if self._kind == "giou":
            e = ops.prod(ehigh - elow, axis=-1)
            return 1.0 - iou + (e - union) / (e + 1e-7)
        d = ops.sum(ops.square((t[:, :2] + t[:, 2:] - p[:, :2] - p[:, 2:]) / 2), axis=-1)
        c = ops.sum(ops.square(ehigh - elow), axis=-1)
        return 1.0 - iou + d / (c + 1e-7)


def build_losses(config):
    """What `keras.Model.compile` needs for a recipe: losses and their weights, by output name."""
    if config.box_loss in ("giou", "diou", "l1"):
        losses, weights = {"box": BoxLoss(config.box_loss)}, {"box": 1.0}
        if config.class_output != "none":
            losses["class"] = config.class_loss
            weights["class"] = config.class_loss_weight
        return losses, weights
    unit = config.image_size if config.coordinate_unit == "pixel" else 1.0
    losses = {"coordinates": CoordinateLoss(config.box_loss, config.coordinates, unit)}
    weights = {"coordinates": 1.0}
    if config.class_output != "none":
        losses["class"] = config.class_loss
        weights["class"] = config.class_loss_weight
    return losses, weights
