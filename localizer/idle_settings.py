"""Settings that change nothing beside others, so that nobody waits for a run that tells nothing."""

from dataclasses import fields

from localizer.config import AugmentationConfig, TrainingConfig

_COORDINATE_LOSSES = ("mse", "smooth_l1")


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
        idle |= dict.fromkeys(["feature_stride", "head_width"], "head is recipe")
    if config.head != "simcc":
        idle["distribution_loss_weight"] = f"head is {config.head}"
    # The recipe's head puts out coordinates, whatever compares them; the others for these losses.
    if config.head != "recipe" and config.box_loss not in _COORDINATE_LOSSES:
        idle |= dict.fromkeys(["coordinates", "coordinate_unit"], f"box_loss is {config.box_loss}")
    if config.class_output == "none":
        idle |= dict.fromkeys(["class_loss", "class_loss_weight"], "class_output is none")
    if config.optimizer == "adam":
        idle["weight_decay"] = "optimizer is adam"
    if not config.augment:
        names = [f"augmentation.{field.name}" for field in fields(AugmentationConfig)]
        idle |= dict.fromkeys(names, "augment is false")
    return idle


def describe_idle(config):
    """What was set to no effect: a list of texts, as "look_size: not used, as looks is 1".

    A value of 0 switches something off, which then is off anyway.
    """
    default, names = TrainingConfig(), {}
    for name, reason in idle_settings(config).items():
        if value_of(config, name) not in (0, value_of(default, name)):
            names.setdefault(reason, []).append(name)
    return [f"{', '.join(several)}: not used, as {reason}" for reason, several in names.items()]


def value_of(config, name):
    """The value of a dotted field."""
    for part in name.split("."):
        config = getattr(config, part)
    return config
