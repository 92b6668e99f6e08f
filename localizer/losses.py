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
        """Both float [n, 4]: true boxes in `rel_xyxy`, the network's numbers in their own coding."""
        target = encode(boxes_rel_xyxy, self._coordinates, self._unit)
        return ops.mean(self._error(predicted_coordinates - target), axis=-1)


def _smooth_l1(difference):
    size = ops.abs(difference)
    return ops.where(size < 1.0, 0.5 * ops.square(difference), size - 0.5)


def build_losses(config):
    """What `keras.Model.compile` needs for a recipe: losses and their weights, by output name."""
    unit = config.image_size if config.coordinate_unit == "pixel" else 1.0
    losses = {"coordinates": CoordinateLoss(config.box_loss, config.coordinates, unit)}
    weights = {"coordinates": 1.0}
    if config.class_output != "none":
        losses["class"] = config.class_loss
        weights["class"] = config.class_loss_weight
    return losses, weights
