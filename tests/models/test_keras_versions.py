"""Model files between the versions of Keras that requirements.txt allows."""

import json
import zipfile

import keras
import numpy as np
import pytest

from localizer.errors import InputError
from localizer.models import keras_versions
from localizer.models.keras_versions import portable
from localizer.models.localizer_model import as_used, build_localizer
from localizer.models.model_file import load_model_file, save_model_file
from localizer.recipe.config import TrainingConfig
from tests.conftest import REPOSITORY

# Every option that Keras 3.12 writes into the file of a model of two looks with classes.
KNOWN = {
    "activation",
    "activity_regularizer",
    "antialias",
    "axes",
    "axis",
    "batch_shape",
    "beta_constraint",
    "beta_initializer",
    "beta_regularizer",
    "bias_constraint",
    "bias_initializer",
    "bias_regularizer",
    "center",
    "crop_to_aspect_ratio",
    "data_format",
    "depth_multiplier",
    "depthwise_constraint",
    "depthwise_initializer",
    "depthwise_regularizer",
    "dilation_rate",
    "dtype",
    "epsilon",
    "fill_mode",
    "fill_value",
    "filters",
    "gamma_constraint",
    "gamma_initializer",
    "gamma_regularizer",
    "groups",
    "indices_or_sections",
    "initial",
    "input_layers",
    "interpolation",
    "keepdims",
    "kernel_constraint",
    "kernel_initializer",
    "kernel_regularizer",
    "kernel_size",
    "layers",
    "max_value",
    "momentum",
    "moving_mean_initializer",
    "moving_variance_initializer",
    "name",
    "negative_slope",
    "newshape",
    "offset",
    "optional",
    "output_layers",
    "pad_to_aspect_ratio",
    "padding",
    "ragged",
    "registered_name",
    "repeats",
    "scale",
    "seed",
    "size",
    "sparse",
    "strides",
    "synchronized",
    "threshold",
    "trainable",
    "units",
    "use_bias",
}
GLOROT = keras.initializers.GlorotUniform


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.keras"
    config = TrainingConfig(weights="none", image_size=96, looks=2, look_size=96)
    said = {"target": "head", "image_size": 96, "stored_size": 160, "classes": ["a", "b"]}
    save_model_file(as_used(build_localizer(config, class_count=2), config), path, said)
    return path


def config_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def options_in(config):
    """Names of all options of a network's layers and of what these are made of."""
    parts = config if isinstance(config, list) else list(config.values())
    found = [options_in(part) for part in parts if isinstance(part, (dict, list))]
    own = config.get("config") if isinstance(config, dict) and config.get("module") else None
    return set(own or ()).union(*found)


def test_a_file_has_only_what_the_oldest_promised_keras_knows(saved):
    """With a new Keras, what this finds belongs into `keras_versions._LATER`, with its default."""
    assert options_in(config_of(saved)) <= KNOWN
    with zipfile.ZipFile(saved) as archive:
        assert archive.namelist()[-1] == "localizer.json" and archive.testzip() is None
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def test_options_in_use_stay():
    config = {"a": [{"renorm": True, "renorm_momentum": 0.99, "input_axes": None}], "b": 1}
    assert portable(config) == {"a": [{"renorm": True}], "b": 1}


@pytest.fixture
def older_keras(monkeypatch):
    monkeypatch.setattr(keras_versions.keras, "__version__", "3.12.0")
    init = GLOROT.__init__
    monkeypatch.setattr(GLOROT, "__init__", lambda self, seed=None: init(self, seed))


def test_an_older_keras_reads_what_a_newer_one_wrote(older_keras, saved):
    plain = keras.saving.load_model(saved, compile=False)
    loaded, _ = load_model_file(saved)
    for one, other in zip(plain.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_older_keras_reads_the_shipped_models(older_keras):
    for path in sorted((REPOSITORY / "models").glob("*.keras")):
        assert "input_axes" in json.dumps(config_of(path))
        model, _ = load_model_file(path)
        assert "box" in model.output


def test_a_file_that_a_newer_keras_wrote_says_so(saved, tmp_path, monkeypatch):
    newer = tmp_path / "newer.keras"
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(newer, "w") as archive:
        for entry in whole.infolist():
            content = whole.read(entry)
            if entry.filename == "config.json":
                content = content.replace(b'"negative_slope"', b'"slope_of_the_future"')
            if entry.filename == "metadata.json":
                content = json.dumps({"keras_version": "9.1.0"})
            archive.writestr(entry.filename, content)
    with pytest.raises(
        InputError, match=r"newer\.keras: .* model, saved by Keras 9\.1\.0, this is 3\."
    ):
        load_model_file(newer)
