"""The recipe's network: its size, its cost, its coding of boxes, and its file."""

import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from localizer.errors import InputError
from localizer.models.coordinates import decode, encode
from localizer.models.cost import count_macs
from localizer.models.heads.simcc import confidence, sharpened
from localizer.models.localizer_model import build_localizer, for_inference
from localizer.models.model_file import load_model_file, save_model_file
from localizer.recipe.config import TrainingConfig

SCRATCH = TrainingConfig(weights="none", head="recipe", box_loss="mse", looks=1)


@pytest.fixture(scope="module")
def recipe():
    return build_localizer(SCRATCH)


def test_the_recipe_has_the_published_number_of_parameters(recipe):
    assert recipe.count_params() == 289_460
    dense = [layer for layer in recipe.layers if isinstance(layer, keras.layers.Dense)]
    assert not dense


def test_macs_agree_with_tensorflows_profiler(recipe):
    graph = tf.function(recipe).get_concrete_function(tf.TensorSpec([1, 128, 128, 3])).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    operations = tf.compat.v1.profiler.profile(graph, options=options).total_float_ops
    # The profiler counts two operations a multiply-add, and the element-wise layers as well.
    assert 2 * count_macs(recipe) < operations < 2.2 * count_macs(recipe)


def test_macs_by_hand():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    x = keras.layers.Dense(10)(keras.layers.Flatten()(x))
    by_hand = 4 * 4 * 4 * 3 * 9 + 4 * 4 * 4 * 9 + 64 * 10
    assert count_macs(keras.Model(inputs, x)) == by_hand


@pytest.mark.parametrize(("alpha", "size"), [(0.25, 96), (0.25, 100), (0.5, 144)])
@pytest.mark.parametrize("head", ["recipe", "simcc"])
def test_any_alpha_and_any_size_from_96_up(head, alpha, size):
    config = replace(SCRATCH, head=head, alpha=alpha, image_size=size)
    model = build_localizer(config, class_count=3)
    outputs = model(np.zeros((2, size, size, 3), np.float32))
    assert outputs["box"].shape == (2, 4)
    np.testing.assert_allclose(ops.sum(outputs["class"], axis=-1), 1.0, atol=1e-5)


def test_a_coarser_stride_leaves_the_finest_features_out():
    fine, coarse = (
        build_localizer(replace(SCRATCH, head="simcc", feature_stride=stride)) for stride in (8, 16)
    )
    assert count_macs(coarse) < count_macs(fine)
    names = [{layer.name for layer in model.layers} for model in (fine, coarse)]
    assert names[0] - names[1] >= {"lateral_8", "mix_8_dw"}


def test_a_head_stays_within_the_limits_of_a_tiny_network():
    model = build_localizer(replace(SCRATCH, head="simcc"))
    assert model.count_params() < 500_000 and count_macs(model) < 25_000_000


def test_edges_are_the_means_of_their_distributions():
    """A distribution that is all in one bin is that bin's place, and sure of it."""
    edges = np.zeros((1, 64, 4), np.float32)
    edges[0, [0, 21, 42, 63], [0, 1, 2, 3]] = 1.0
    box = np.array([[0, 21, 42, 63]], np.float32) / 63
    np.testing.assert_allclose(confidence(edges, box), [1.0], atol=1e-6)
    edges[0, [20, 21, 22], 1] = 1 / 3
    # One third is a bin away on either side, of a box that is 42 bins high.
    np.testing.assert_allclose(confidence(edges, box), [np.exp(-(2 / 3) / 42)], atol=1e-6)


def test_the_simcc_head_finds_an_edge_where_its_bin_is_likely():
    model = build_localizer(replace(SCRATCH, head="simcc"))
    outputs = model(np.zeros((1, 128, 128, 3), np.float32))
    assert outputs["edges"].shape == (1, 64, 4)
    np.testing.assert_allclose(ops.sum(outputs["edges"], axis=1), 1.0, atol=1e-5)
    places = np.linspace(0, 1, 64)
    edges = ops.convert_to_numpy(outputs["edges"])
    means = np.einsum("nbe,b->ne", edges, places)
    np.testing.assert_allclose(outputs["mean_box"], means, atol=1e-5)
    means = [np.average(places, weights=edges[0, :, edge] ** 2) for edge in range(4)]
    np.testing.assert_allclose(outputs["box"], [means], atol=1e-5)


def test_a_sharpened_distribution_lies_nearer_to_its_mode():
    edges = np.zeros((1, 5, 4), np.float32)
    edges[0, [0, 4]] = [[0.75], [0.25]]
    expected = [[0.9] * 4, [0.1] * 4]
    np.testing.assert_allclose(np.asarray(sharpened(edges))[0, [0, 4]], expected, atol=1e-6)


@pytest.mark.parametrize("coordinates", ["corners", "sqrt_size"])
@given(
    low=st.tuples(st.floats(0, 0.8), st.floats(0, 0.8)),
    size=st.tuples(st.floats(0.01, 0.2), st.floats(0.01, 0.2)),
)
def test_decode_is_the_inverse_of_encode(coordinates, low, size):
    box = np.array([[*low, *np.add(low, size)]], np.float32)
    coded = encode(ops.convert_to_tensor(box), coordinates, 128.0)
    np.testing.assert_allclose(decode(coded, coordinates, 128.0), box, atol=1e-5)


def test_codes_by_hand():
    box = ops.convert_to_tensor([[0.25, 0.5, 0.5, 1.0]])
    np.testing.assert_allclose(encode(box, "corners", 128.0), [[32, 64, 64, 128]])
    np.testing.assert_allclose(
        encode(box, "sqrt_size", 1.0), [[0.375, 0.75, 0.5, np.sqrt(0.5)]], rtol=1e-6
    )


@pytest.mark.parametrize("coordinates", ["corners", "sqrt_size"])
@pytest.mark.parametrize(("head", "names"), [("recipe", {"box"}), ("simcc", {"box", "score"})])
def test_a_model_file_keeps_the_model_and_its_description(head, names, coordinates, tmp_path):
    config = replace(SCRATCH, head=head, coordinates=coordinates)
    model = for_inference(build_localizer(config, class_count=3))
    said = {"classes": ["a", "b", "ü"], "target": "head", "image_size": 128, "stored_size": 160}
    save_model_file(model, tmp_path / "model.keras", said)
    loaded, description = load_model_file(tmp_path / "model.keras")
    assert description == said
    image = np.random.default_rng(0).uniform(0, 255, (1, 128, 128, 3)).astype(np.float32)
    outputs = loaded(image)
    assert set(outputs) == names | {"class"}
    before = [weight.copy() for weight in loaded.get_weights()]
    for name, expected in model.predict_on_batch(image).items():
        np.testing.assert_allclose(outputs[name], expected, atol=1e-5)
        np.testing.assert_allclose(loaded(image)[name], expected, atol=1e-5)
    for one, other in zip(before, loaded.get_weights()):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_model_files_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match="no such model file"):
        load_model_file(tmp_path / "missing.keras")
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputError, match=r"broken\.keras: cannot be loaded"):
        load_model_file(tmp_path / "broken.keras")
    inputs = keras.Input((4,))
    foreign = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    foreign.save(tmp_path / "foreign.keras")
    with pytest.raises(InputError, match="not one that train_model.py wrote"):
        load_model_file(tmp_path / "foreign.keras")
    code = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1, output_shape=(4,))(inputs))
    said = {"target": "head", "image_size": 128, "stored_size": 160}
    save_model_file(code, tmp_path / "code.keras", said)
    with pytest.raises(InputError, match="is a Lambda"):
        load_model_file(tmp_path / "code.keras")


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file; give a Keras weights file"):
        build_localizer(replace(SCRATCH, weights=str(tmp_path / "missing.h5")))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "best.keras").touch()
    with pytest.raises(InputError, match="is a folder; give .*run/best.keras"):
        build_localizer(replace(SCRATCH, weights=str(tmp_path / "run")))
    (tmp_path / "README.md").touch()
    with pytest.raises(InputError, match="README.md: no file of weights; give a Keras weights"):
        build_localizer(replace(SCRATCH, weights=str(tmp_path / "README.md")))
    with pytest.raises(InputError, match=r"alpha 0\.3"):
        build_localizer(replace(SCRATCH, alpha=0.3, weights="imagenet"))


def test_a_small_file_that_is_huge_inside_is_refused_before_it_is_unpacked(recipe, tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("localizer.json", b" " * 60_000_000)
    with pytest.raises(InputError, match="grows to 60,000,000: not a model"):
        load_model_file(path)


@pytest.mark.parametrize("dataset", ["text", {}, {"target": "head", "source": "x", "sha256": {}}])
def test_a_damaged_description_is_refused(recipe, tmp_path, dataset):
    save_model_file(for_inference(recipe), tmp_path / "m.keras", {"dataset": dataset})
    with pytest.raises(InputError, match="damaged"):
        load_model_file(tmp_path / "m.keras")
