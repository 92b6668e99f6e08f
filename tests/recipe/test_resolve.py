"""Settings without effect: what is said of them is true of the network, the loss and the steps."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from localizer.models.localizer_model import build_localizer
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import build_config
from localizer.recipe.resolve import describe_idle, idle_settings, value_of
from localizer.training.losses import build_losses
from localizer.training.optimization import build_optimizer

OTHER = {
    "look_size": 96,
    "feature_stride": 16,
    "head_width": 8,
    "distribution_loss_weight": 3.0,
    "coordinates": "sqrt_size",
    "coordinate_unit": "image",
    "class_loss": "binary_crossentropy",
    "class_loss_weight": 2.0,
    "weight_decay": 0.5,
}


def described(config):
    """The loss of a network with drawn weights on a drawn photo, and how it would be minimised."""
    keras.utils.set_random_seed(0)
    classes = 0 if config.class_output == "none" else 3
    model = build_localizer(config, classes)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, config.view_size, config.view_size, 3))
    outputs = model(pixels.astype("float32"))
    box = np.array([[0.2, 0.3, 0.6, 0.7]], "float32")
    truth = {"class": np.array([[0, 1, 0]], "float32")}
    losses, weights = build_losses(config, outputs)
    total = sum(
        weights[name] * losses[name](truth.get(name, box), outputs[name]) for name in losses
    )
    optimizer = build_optimizer(config, 10).get_config()
    del optimizer["name"]
    return float(total), [weight.shape for weight in model.weights], optimizer


@pytest.mark.parametrize(
    "given",
    [
        {"head": "recipe", "looks": 1, "class_output": "none", "box_loss": "mse"},
        {"box_loss": "mse", "looks": 1, "optimizer": "adam"},
        {"class_output": "none"},
    ],
)
def test_what_is_called_idle_changes_nothing_and_the_rest_does(given):
    config = build_config({"weights": "none", "class_output": "supercategory", "looks": 2} | given)
    idle, before = idle_settings(config), described(config)
    for name, value in OTHER.items():
        changed = described(replace(config, **{name: value}))
        assert (changed == before) == (name in idle), name


def test_a_note_names_what_was_set_to_no_effect_and_why():
    assert describe_idle(TrainingConfig(), TrainingConfig()) == []
    off = {"optimizer": "adam", "weight_decay": 0.0, "augment": False}
    assert describe_idle(build_config(off), build_config(off)) == []
    # That looks are no larger than the input is no wish of the user's.
    small = TrainingConfig(looks=1, image_size=96)
    assert describe_idle(small, replace(small, look_size=96)) == []
    large = TrainingConfig(look_size=160)
    settled = replace(large, looks=2, look_size=128)
    assert describe_idle(large, settled) == [
        "look_size: not used, as looks are no larger than image_size 128"
    ]
    given = {"head": "recipe", "head_width": 8, "augment": False, "augmentation.hue": 9.0}
    given |= {"augmentation.blur": 0.5, "looks": 1, "look_size": 96, "distribution_loss_weight": 2}
    assert describe_idle(build_config(given), build_config(given)) == [
        "look_size: not used, as looks is 1",
        "head_width, distribution_loss_weight: not used, as head is recipe",
        "augmentation.hue, augmentation.blur: not used, as augment is false",
    ]
    assert value_of(build_config(given), "augmentation.hue") == 9.0
