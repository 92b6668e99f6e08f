"""Box losses, written with keras.ops so that they run on any backend."""

import keras
from keras import ops

from localizer.metrics import iou_xyxy
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


class DIoULoss(keras.losses.Loss):
    """1 - IoU + squared distance of the centres over squared diagonal of the enclosing box.

    Z. Zheng et al., "Distance-IoU Loss", AAAI 2020, equation 7.
    """

    def call(self, boxes_rel_xyxy, predicted_rel_xyxy):
        """Both float [n, 4]; the prediction may reach outside the image, or be inverted."""
        low = ops.minimum(boxes_rel_xyxy[..., :2], predicted_rel_xyxy[..., :2])
        high = ops.maximum(boxes_rel_xyxy[..., 2:], predicted_rel_xyxy[..., 2:])
        diagonal = ops.sum(ops.square(high - low), axis=-1)
        apart = _centre(boxes_rel_xyxy) - _centre(predicted_rel_xyxy)
        distance = ops.sum(ops.square(apart), axis=-1)
        return 1.0 - iou_xyxy(boxes_rel_xyxy, predicted_rel_xyxy) + distance / diagonal


def _centre(boxes_xyxy):
    return (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2


def build_losses(config):
    """What `keras.Model.compile` needs for a recipe: losses and their weights, by output name."""
    unit = config.image_size if config.coordinate_unit == "pixel" else 1.0
    if config.box_loss == "diou":
        losses = {"box": DIoULoss()}
    else:
        losses = {"coordinates": CoordinateLoss(config.box_loss, config.coordinates, unit)}
    if config.class_output != "none":
        losses["class"] = config.class_loss
    weights = {name: config.class_loss_weight if name == "class" else 1.0 for name in losses}
    return losses, weights
