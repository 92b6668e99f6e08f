"""What a recipe comes to: what "auto" means on a dataset, and which settings change nothing."""

from dataclasses import fields, replace

import numpy as np

from localizer.images.boxes import area_xyxy
from localizer.recipe.config import AugmentationConfig, TrainingConfig

# What compares boxes as they are, whatever their coding. Nobody knows what one's own parts use.
_IOU_LOSSES = ("iou", "giou", "diou", "ciou")
_OTHERS = [field.name for field in fields(TrainingConfig) if field.name != "augmentation"]
_AUGMENTATION = [f"augmentation.{field.name}" for field in fields(AugmentationConfig)]


def idle_settings(config):
    """The fields that the others make meaningless.

    Args:
        config: TrainingConfig.

    Returns:
        Dict from the dotted field to the reason, as "looks is 1".
    """
    idle = {}
    if config.looks == 1:
        idle |= dict.fromkeys(["look_size"], "looks is 1")
    if config.head == "recipe":
        names = ["feature_stride", "head_width", "distribution_loss_weight"]
        idle |= dict.fromkeys(names, "head is recipe")
    # The recipe's head puts out coordinates, whatever compares them.
    if config.head == "simcc" and config.box_loss in _IOU_LOSSES:
        idle |= dict.fromkeys(["coordinates", "coordinate_unit"], f"box_loss is {config.box_loss}")
    if config.class_output == "none":
        idle |= dict.fromkeys(["class_loss", "class_loss_weight"], "class_output is none")
    if config.optimizer == "adam":
        idle["weight_decay"] = "optimizer is adam"
    if not config.class_loss_weight:
        idle["class_loss"] = "class_loss_weight is 0"
    if not config.augment:
        idle |= dict.fromkeys(_AUGMENTATION, "augment is false")
    return idle


def describe_idle(config: TrainingConfig, settled: TrainingConfig) -> list[str]:
    """What was set to no effect: a list of texts, as "look_size: not used, as looks is 1".

    A value of 0 switches something off, which then is off anyway.

    Args:
        config: TrainingConfig as it was asked for.
        settled: what `settle` makes of it.
    """
    default, names = TrainingConfig(), {}
    reasons = idle_settings(settled)
    if config.look_size > config.image_size:
        reasons.setdefault("look_size", f"looks are no larger than image_size {config.image_size}")
    for name, reason in reasons.items():
        if value_of(config, name) not in (0, value_of(default, name)):
            names.setdefault(reason, []).append(name)
    return [f"{', '.join(several)}: not used, as {reason}" for reason, several in names.items()]


def effective_settings(config):
    """Dict from the dotted fields to what they come to: None for those that are idle."""
    idle = {*idle_settings(config), "workers"}
    settings = {name: value_of(config, name) for name in (*_OTHERS, *_AUGMENTATION)}
    settings["look_size"] = min(config.look_size, config.image_size)
    return {name: None if name in idle else value for name, value in settings.items()}


def value_of(config, name):
    """The value of a dotted field."""
    for part in name.split("."):
        config = getattr(config, part)
    return config


# Share of the photo that the median box covers, from which a second look sees what the first did.
_FILLED = 0.4


def fill_the_photos(boxes_rel_xyxy):
    """Whether most objects are so large that nothing is left to look at closely.

    Args:
        boxes_rel_xyxy: float [n, 4].
    """
    return bool(np.median(area_xyxy(boxes_rel_xyxy)) > _FILLED)


def settle(config, dataset):
    """The recipe as a dataset makes it: what "auto" means, and looks no larger than the input.

    Whoever begins a training or times one calls it; what is called from there takes its answer.
    """
    if config.class_output == "auto":
        config = replace(config, class_output=dataset.finest_class_column())
    if config.looks == "auto":
        filled = fill_the_photos(dataset.boxes_rel_xyxy[dataset.indices("train")])
        config = replace(config, looks=1 if filled else 2)
    return replace(config, look_size=min(config.look_size, config.image_size))
