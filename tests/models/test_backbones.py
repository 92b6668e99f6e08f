"""MobileNet v1, v2 and v3 small: what they give, and that nothing is lost on the way to a file."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from localizer.ablation.plan import read_plan
from localizer.errors import InputError
from localizer.models.cost import count_macs
from localizer.models.fused_normalization import FusedNormalization, with_fused_normalization
from localizer.models.localizer_model import as_used, build_localizer
from localizer.models.model_file import load_model_file, save_model_file
from localizer.plugins import BACKBONES
from localizer.recipe.config import IMAGENET_ALPHAS, TrainingConfig
from localizer.recipe.former_settings import as_now, settings_identity
from tests.conftest import REPOSITORY

# Channels at strides 8, 16 and 32 for alpha 1, as the papers have them.
CHANNELS = {
    "mobilenet_v1": [256, 512, 1024],
    "mobilenet_v2": [192, 576, 1280],
    "mobilenet_v3_small": [96, 288, 576],
}


@pytest.mark.parametrize("name", CHANNELS)
def test_features_are_those_before_each_halving(name):
    backbone = BACKBONES[name](128, 1.0, "none")
    shapes = {stride: features.shape[1:] for stride, features in backbone.output.items()}
    sides = [(128 // stride, 128 // stride) for stride in (8, 16, 32)]
    assert shapes == {
        stride: (*side, channels)
        for stride, side, channels in zip((8, 16, 32), sides, CHANNELS[name], strict=True)
    }
    # Pixels are brought to -1 to 1 once, whatever Keras' own network would do.
    rescaling = [one for one in backbone.layers if isinstance(one, keras.layers.Rescaling)]
    assert [(one.scale, one.offset) for one in rescaling] == [(1 / 127.5, -1.0)]


def test_widths_without_imagenet_weights_are_refused_by_the_backbones_name():
    assert set(IMAGENET_ALPHAS) == set(CHANNELS)
    for name, alpha, listed in (
        ("mobilenet_v1", 0.35, "of mobilenet_v1 for 0.25, 0.5, 0.75, 1.0"),
        ("mobilenet_v2", 0.25, "of mobilenet_v2 for 0.35, 0.5, 0.75, 1.0, 1.3, 1.4"),
        ("mobilenet_v3_small", 0.5, "of mobilenet_v3_small for 0.75, 1.0"),
    ):
        with pytest.raises(InputError, match=f"alpha {alpha}: .* {listed}"):
            build_localizer(TrainingConfig(backbone=name, alpha=alpha, looks=1))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "alpha"), [("mobilenet_v2", 0.35), ("mobilenet_v3_small", 0.75)])
def test_two_looks_and_fused_normalization_and_the_file_keep_the_answers(name, alpha, tmp_path):
    config = TrainingConfig(
        weights="none", backbone=name, alpha=alpha, looks=2, image_size=112, look_size=96
    )
    network = build_localizer(config)
    fused = with_fused_normalization(network)
    kinds = [type(layer) for layer in fused.layers]
    assert FusedNormalization in kinds and keras.layers.BatchNormalization not in kinds
    photos = np.random.default_rng(0).uniform(0, 255, (2, 112, 112, 3)).astype(np.float32)
    # The statistics of these photos: with the first ones, the signal dies on its way down.
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    fused(photos[:, :96, :96], training=True)
    model = as_used(network, config)
    assert count_macs(model) == 2 * count_macs(network)
    path = tmp_path / "model.keras"
    description = {"target": "head", "image_size": 112, "stored_size": 112, "dataset": None}
    save_model_file(model, path, description)
    expected, found = model(photos), load_model_file(path)[0](photos)
    assert np.abs(np.diff(expected["box"], axis=0)).max() > 1e-5
    for output in expected:
        np.testing.assert_allclose(found[output], expected[output], atol=1e-6)


def test_runs_of_before_the_field_keep_their_names_and_go_on():
    config = TrainingConfig()
    assert "backbone" not in settings_identity(config)
    other = TrainingConfig(backbone="mobilenet_v2")
    assert settings_identity(other)["backbone"] == "mobilenet_v2"
    before = {name: value for name, value in config.to_dict().items() if name != "backbone"}
    assert as_now(before) == config.to_dict()
    assert as_now(other.to_dict()) == other.to_dict()


def test_the_shipped_plan_compares_them_at_like_cost():
    plan = read_plan(REPOSITORY / "experiments/ablations/backbones.yaml")
    assert [row.name for row in plan.rows] == list(CHANNELS)
    macs = []
    for row in plan.rows:
        row.config.refuse_missing_weights()
        macs.append(count_macs(build_localizer(replace(row.config, weights="none"))) / 1e6)
    assert [f"{one:.1f}" for one in macs] == ["21.8", "23.4", "22.4"]
    assert all(f"{row.name} {one:.1f} M" in plan.text for row, one in zip(plan.rows, macs))
