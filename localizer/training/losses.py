"""Losses of the box and of the class, written with keras.ops so that they run on any backend."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from localizer.errors import InputError
from localizer.models.coordinates import encode
from localizer.models.iou import iou_xyxy
from localizer.plugins import BOX_LOSSES
from localizer.recipe.config import TrainingConfig

# Standard deviation, in bins, of the smoothed label of a distribution.
SMOOTHING = 1.5
_TINY = 1e-9


class CoordinateLoss(keras.losses.Loss):
    """Error of the coordinates, the mean over the four numbers and the batch.

    Args:
        kind: "mse", the mean squared error; or "smooth_l1", quadratic below an error of 1 and
            linear above (R. Girshick, "Fast R-CNN", ICCV 2015, equation 3).
        coordinates, unit: the coding, see `localizer.models.coordinates.encode`.
    """

    output = "coordinates"

    @classmethod
    def from_recipe(cls, config):
        """That of a TrainingConfig."""
        return cls(config.box_loss, config.coordinates, config.unit)

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


class IoULoss(keras.losses.Loss):
    """1 - IoU, and a penalty that keeps a gradient where boxes do not overlap.

    Args:
        kind: "iou", nothing more; "giou", the share of the enclosing box that neither box covers
            (H. Rezatofighi et al., CVPR 2019, algorithm 1); "diou", the squared distance of the
            centres over the squared diagonal of the enclosing box (Z. Zheng et al., AAAI 2020,
            equation 7); "ciou", the same and a term for the aspect ratio (equations 8 to 11).
    """

    @classmethod
    def from_recipe(cls, config):
        """That of a TrainingConfig."""
        return cls(config.box_loss)

    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        self._penalty = {
            "iou": _no_penalty,
            "giou": _giou_penalty,
            "diou": _diou_penalty,
            "ciou": _ciou_penalty,
        }[kind]

    def call(self, boxes_rel_xyxy, predicted_rel_xyxy):
        """Both float [n, 4]; the prediction may reach outside the image, or be inverted."""
        iou = iou_xyxy(boxes_rel_xyxy, predicted_rel_xyxy)
        return 1.0 - iou + self._penalty(boxes_rel_xyxy, predicted_rel_xyxy, iou)


# The penalty terms in the symbols of the papers.


def _no_penalty(true, predicted, iou):
    return 0.0


def _giou_penalty(true, predicted, iou):
    """(|C| - |union|) / |C|, with the enclosing box C."""
    area_of_c = ops.prod(_enclosing(true, predicted), axis=-1)
    # intersection = iou * union, and area + area = intersection + union.
    union = (_area(true) + _area(predicted)) / (1.0 + iou)
    return (area_of_c - union) / ops.maximum(area_of_c, _TINY)


def _diou_penalty(true, predicted, iou):
    """rho ** 2 / c ** 2: distance of the centres, and diagonal of the enclosing box."""
    c_squared = ops.sum(ops.square(_enclosing(true, predicted)), axis=-1)
    offset = (true[..., :2] + true[..., 2:] - predicted[..., :2] - predicted[..., 2:]) / 2
    rho_squared = ops.sum(ops.square(offset), axis=-1)
    return rho_squared / ops.maximum(c_squared, _TINY)


def _ciou_penalty(true, predicted, iou):
    """rho ** 2 / c ** 2 + alpha * v, where v says how the aspect ratios differ."""
    v = 4.0 / np.pi**2 * ops.square(_angle(true) - _angle(predicted))
    alpha = ops.stop_gradient(v / ops.maximum(1.0 - iou + v, _TINY))
    return _diou_penalty(true, predicted, iou) + alpha * v


def _angle(boxes_xyxy):
    """Of the diagonal, in radians; bounded heights keep the gradient finite for empty boxes."""
    width, height = ops.split(_sides(boxes_xyxy), 2, axis=-1)
    return ops.squeeze(ops.arctan(width / ops.maximum(height, 1e-3)), axis=-1)


def _sides(boxes_xyxy):
    """Width and height, [..., 2]; those of an inverted box are 0."""
    return ops.maximum(boxes_xyxy[..., 2:] - boxes_xyxy[..., :2], 0.0)


def _area(boxes_xyxy):
    return ops.prod(_sides(boxes_xyxy), axis=-1)


def _enclosing(a, b):
    """Width and height of the smallest box around two, [..., 2]."""
    return ops.maximum(a[..., 2:], b[..., 2:]) - ops.minimum(a[..., :2], b[..., :2])


class DistributionLoss(keras.losses.Loss):
    """Cross-entropy of the edges' distributions with a Gaussian around each true edge.

    SimCC's label smoothing: Y. Li et al., ECCV 2022, section 3.2. The mean over the four edges.
    """

    def call(self, boxes_rel_xyxy, distributions):
        """True boxes [n, 4]; distributions of xmin, ymin, xmax, ymax [n, bins, 4]."""
        bins = distributions.shape[1]
        places = ops.reshape(ops.arange(bins, dtype="float32"), (1, bins, 1))
        away = (places - ops.expand_dims(boxes_rel_xyxy, 1) * (bins - 1)) / SMOOTHING
        smooth = ops.softmax(-0.5 * ops.square(away), axis=1)
        crossed = -ops.sum(smooth * ops.log(distributions + 1e-8), axis=1)
        return ops.mean(crossed, axis=-1)


class ClassLoss(keras.losses.Loss):
    """Error of the class output; 0 for photos whose class is not known.

    Args:
        kind: "categorical_crossentropy"; or "binary_crossentropy", the mean over the classes.
    """

    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        self._error = getattr(keras.losses, kind)

    def call(self, one_hot, probabilities):
        """Both float [n, classes]; a row of zeros where the class is not known."""
        return self._error(one_hot, probabilities) * ops.sum(one_hot, axis=-1)


class _OwnLoss(keras.losses.Loss):
    """A loss that somebody added: a function or a `keras.losses.Loss`. Its errors name its file."""

    def __init__(self, name, loss):
        is_loss = isinstance(loss, keras.losses.Loss)
        super().__init__(name=name, **({"reduction": loss.reduction} if is_loss else {}))
        self._compare = loss.call if is_loss else loss

    def call(self, boxes_rel_xyxy, predicted):
        with BOX_LOSSES.blamed(self.name):
            return ops.convert_to_tensor(self._compare(boxes_rel_xyxy, predicted))


def build_losses(
    config: TrainingConfig, outputs: Sequence[str]
) -> tuple[dict[str, keras.losses.Loss], dict[str, float]]:
    """What `keras.Model.compile` needs for a recipe: losses and their weights, by output name.

    Args:
        config: TrainingConfig.
        outputs: names of the network's outputs.

    Raises:
        InputError: the loss of the box is none, or compares what the network does not put out.
    """
    weights = {"class": config.class_loss_weight, "edges": config.distribution_loss_weight}
    loss, output = _box_loss(config, outputs)
    losses = {output: loss}
    if "edges" in outputs and config.distribution_loss_weight:
        losses["edges"] = DistributionLoss()
    if config.class_output != "none":
        losses["class"] = ClassLoss(config.class_loss)
    return losses, {name: weights.get(name, 1.0) for name in losses}


def _box_loss(config, outputs):
    """The loss of the box, and the name of the output that it compares with the true box.

    That is its attribute `output`, else `mean_box` where the head has one, else `box`.
    """
    name = config.box_loss
    with BOX_LOSSES.blamed(name):
        loss = BOX_LOSSES[name]
        if isinstance(loss, type):
            loss = loss.from_recipe(config) if hasattr(loss, "from_recipe") else loss()
    output = getattr(loss, "output", "mean_box" if "mean_box" in outputs else "box")
    if output not in outputs:
        raise InputError(
            f"box_loss {name} compares the output {output!r}, which head {config.head} does not "
            f"have; it has {', '.join(outputs)}"
        )
    return _OwnLoss(name, loss) if BOX_LOSSES.is_own(name) else loss, output
