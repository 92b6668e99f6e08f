"""Model files that ask for more than they hold, or say of themselves what cannot be."""

import json
import zipfile

import keras
import pytest

from localizer.errors import InputError
from localizer.models.localizer_model import build_localizer, for_inference
from localizer.models.model_file import load_model_file, save_model_file
from localizer.recipe.config import TrainingConfig

SIZE = 96
SOUND = {"target": "head", "image_size": SIZE, "stored_size": 96, "classes": ["a", "b"]}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A tiny model with two classes in a file."""
    path = tmp_path_factory.mktemp("models") / "sound.keras"
    config = TrainingConfig(weights="none", image_size=SIZE, looks=1, head="recipe")
    save_model_file(for_inference(build_localizer(config, class_count=2)), path, SOUND)
    return path


def changed(sound, path, member, change):
    """A copy of a model file in which `change` has been at one of its JSON members."""
    with zipfile.ZipFile(sound) as whole, zipfile.ZipFile(path, "w") as archive:
        for entry in whole.infolist():
            content = whole.read(entry)
            if entry.filename == member:
                content = json.dumps(change(json.loads(content)))
            archive.writestr(entry.filename, content)
    return path


def with_filters(config, count):
    layers = config["config"]["layers"]
    next(layer for layer in layers if layer["class_name"] == "Conv2D")["config"]["filters"] = count
    return config


def test_a_layer_larger_than_its_file_is_refused_before_it_is_made(sound, tmp_path):
    # Few enough for a machine on which they are not refused.
    path = changed(sound, tmp_path / "m.keras", "config.json", lambda c: with_filters(c, 500_000))
    with pytest.raises(InputError, match=r"m\.keras: layer conv1 asks for .*500000"):
        load_model_file(path)
    assert load_model_file(sound)[1] == SOUND


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"class_name": "Normalization"}, "layer conv1 is a Normalization"),
        ({"config": {"dtype": {"config": {"name": "int8_from_float32"}}}}, "int8_from_float32"),
        ({"config": {"lora_rank": 4}}, "weights of another kind"),
    ],
)
def test_a_layer_whose_weights_cannot_be_counted_is_refused(sound, tmp_path, change, reason):
    def of_conv1(config):
        layer = next(layer for layer in config["config"]["layers"] if layer["name"] == "conv1")
        layer |= change | {"config": layer["config"] | change.get("config", {})}
        return config

    path = changed(sound, tmp_path / "m.keras", "config.json", of_conv1)
    with pytest.raises(InputError, match=reason):
        load_model_file(path)


def test_what_is_loaded_is_what_was_saved_with_its_initializers(sound):
    plain = keras.saving.load_model(sound, compile=False)
    loaded, _ = load_model_file(sound)
    kernels = [model.get_layer("conv1").kernel_initializer for model in (plain, loaded)]
    assert type(kernels[0]) is type(kernels[1])
    assert "CountedInitializer" not in loaded.to_json()
    for one, other in zip(plain.get_weights(), loaded.get_weights(), strict=True):
        assert (one == other).all()


def test_parts_of_a_head_of_ones_own_are_counted(tmp_path):
    image = keras.Input((SIZE, SIZE, 3))
    cells = keras.layers.Reshape((36, 48))(keras.layers.Conv2D(48, 16, strides=16)(image))
    cells = keras.layers.MultiHeadAttention(2, 8)(cells, cells)
    cells = keras.layers.PReLU()(keras.layers.LayerNormalization()(cells))
    box = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling1D()(cells))
    model = keras.Model(image, {"box": box})
    save_model_file(model, tmp_path / "m.keras", SOUND | {"classes": None})
    loaded, _ = load_model_file(tmp_path / "m.keras")
    assert loaded.count_params() == model.count_params()


def test_layers_inside_a_sequence_and_inside_an_activation_are_counted(tmp_path):
    image = keras.Input((SIZE, SIZE, 3))
    line = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(image))
    box = keras.Sequential([keras.Input((432,)), keras.layers.Dense(4, name="edges")])(line)
    path = tmp_path / "m.keras"
    save_model_file(keras.Model(image, {"box": box}), path, SOUND | {"classes": None})
    assert load_model_file(path)[0].count_params() == 433 * 4

    def larger(config):
        text = json.dumps(config)
        assert text.count('"units": 4') == 1
        return json.loads(text.replace('"units": 4', '"units": 400000'))

    def active(config):
        dense = {"module": "keras.layers", "class_name": "LSTM", "config": {"units": 400000}}
        text = json.dumps(config)
        return json.loads(
            text.replace('"activation": "linear"', f'"activation": {json.dumps(dense)}')
        )

    with pytest.raises(InputError, match="layer edges asks for .*400000"):
        load_model_file(changed(path, tmp_path / "larger.keras", "config.json", larger))
    with pytest.raises(InputError, match="is a LSTM"):
        load_model_file(changed(path, tmp_path / "active.keras", "config.json", active))


@pytest.mark.parametrize("nested", [False, True])
def test_a_layer_without_weights_that_fills_the_memory(tmp_path, nested):
    image = keras.Input((SIZE, SIZE, 3))
    huge = keras.layers.UpSampling2D(200)(image)
    box = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(huge))
    model = keras.Model(image, {"box": box})
    if nested:
        image = keras.Input((SIZE, SIZE, 3))
        model = keras.Model(image, model(image))
    save_model_file(model, tmp_path / "m.keras", SOUND)
    with pytest.raises(InputError, match=r"makes a tensor of \[None, 19200, 19200, 3\]"):
        load_model_file(tmp_path / "m.keras")


@pytest.mark.parametrize("head", ["recipe", "simcc"])
def test_models_of_all_heads_are_loaded(tmp_path, head):
    model = build_localizer(TrainingConfig(weights="none", image_size=SIZE, looks=1, head=head))
    said = SOUND | {"classes": None}
    save_model_file(for_inference(model), tmp_path / "m.keras", said)
    loaded, description = load_model_file(tmp_path / "m.keras")
    assert description == said and loaded.count_params() == for_inference(model).count_params()


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("stored_size", "96"),
        ("stored_size", None),
        ("stored_size", 0),
        ("stored_size", -5),
        ("stored_size", 60_000),
        ("stored_size", 96.5),
        ("stored_size", True),
        ("image_size", 200),
        ("image_size", 40_000),
        ("target", None),
        ("target", ["<b>"]),
        ("classes", 7),
        ("classes", [1, 2]),
        ("classes", ["a"]),
        ("classes", None),
    ],
)
def test_a_description_that_cannot_be_is_refused(sound, tmp_path, fact, value):
    path = changed(sound, tmp_path / "m.keras", "localizer.json", lambda d: d | {fact: value})
    with pytest.raises(InputError, match=r"m\.keras: .*localizer\.json"):
        load_model_file(path)


@pytest.mark.parametrize("description", [{}, [], 7, "text", None])
def test_a_description_that_is_none_is_refused(sound, tmp_path, description):
    path = changed(sound, tmp_path / "m.keras", "localizer.json", lambda d: description)
    with pytest.raises(InputError, match=r"m\.keras: localizer\.json in it is damaged"):
        load_model_file(path)
