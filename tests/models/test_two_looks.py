"""Two looks: against the same done by hand with other libraries."""

from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy.ndimage import map_coordinates

from localizer.images.boxes import clip_rel_xyxy
from localizer.models import two_looks
from localizer.models.cost import count_macs
from localizer.models.localizer_model import as_used, build_localizer
from localizer.models.model_file import load_model_file, save_model_file
from localizer.models.second_view import MARGIN, SMALLEST, second_view
from localizer.models.two_looks import look_twice, sample
from localizer.recipe.config import TrainingConfig
from localizer.recipe.resolve import fill_the_photos
from localizer.training.views.close_ups import close_up, wrong_box

CONFIG = TrainingConfig(weights="none", looks=2)
INPUT, SIZE = CONFIG.image_size, CONFIG.look_size


def by_hand(image, view_rel_xyxy, size):
    """Part of an image [rows, columns, 3], resized bilinearly by SciPy."""
    rows, columns, _ = image.shape
    xmin, ymin, xmax, ymax = view_rel_xyxy
    centres = (np.arange(size) + 0.5) / size
    ys = (ymin + (ymax - ymin) * centres) * rows - 0.5
    xs = (xmin + (xmax - xmin) * centres) * columns - 0.5
    grid = np.meshgrid(ys, xs, indexing="ij")
    channels = [map_coordinates(image[..., c], grid, order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=-1)


def noise(count, size=INPUT, seed=0):
    """Smooth random images: float32 [count, size, size, 3], 0 to 255 and a little more."""
    small = np.random.default_rng(seed).uniform(0, 255, (count, 6, 6, 3)).astype(np.float32)
    return np.stack([cv2.resize(s, (size, size), interpolation=cv2.INTER_CUBIC) for s in small])


@pytest.fixture(scope="module")
def network():
    """A small network whose answers depend smoothly on the image, so rounding stays rounding."""
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.AveragePooling2D(SIZE // 4)(image / 255.0 - 0.5)
    x = keras.layers.Flatten()(x)
    corners = keras.layers.Dense(4, "tanh")(x)
    outputs = {
        "box": 0.3 * corners + np.array([[0.3, 0.4, 0.6, 0.8]], np.float32),
        "mean_box": 0.2 * corners + np.array([[0.3, 0.3, 0.7, 0.8]], np.float32),
        "score": ops.squeeze(keras.layers.Dense(1, "sigmoid")(x), axis=-1),
        "class": keras.layers.Dense(3, "softmax")(x),
    }
    return keras.Model(image, outputs)


@pytest.fixture(scope="module")
def model(network):
    return look_twice(network, INPUT)


BOXES = st.lists(st.floats(-0.3, 1.3), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(BOXES)
def test_the_view_lies_inside_the_image_around_the_box(numbers):
    """For any four numbers, as a network may put them out; in NumPy and in the graph alike."""
    xmin, ymin, xmax, ymax = view = second_view(numbers)
    assert view.min() >= 0 and view.max() <= 1 + 1e-9
    assert min(xmax - xmin, ymax - ymin) >= SMALLEST - 1e-9
    start, side = two_looks.second_view(np.array([numbers], np.float32))
    np.testing.assert_allclose(ops.concatenate([start, start + side], -1)[0], view, atol=1e-6)


def test_the_view_by_hand():
    np.testing.assert_allclose(
        second_view([0.4, 0.4, 0.6, 0.8], margin=1.5), [0.35, 0.3, 0.65, 0.9]
    )
    # At the edge it is moved, not cut; a box of the whole image has no more around it.
    np.testing.assert_allclose(second_view([0.0, 0.1, 0.2, 0.9], margin=1.5), [0, 0, 0.3, 1.0])


def test_sampling_against_scipy():
    images = noise(5, 40)
    views = np.array(
        [
            [0, 0, 1, 1],
            [0.1, 0.3, 0.4, 0.35],
            [0.5, 0, 1, 0.2],
            [0, 0.9, 0.05, 1],
            [0.2, 0.2, 0.9, 1],
        ]
    )
    got = sample(images, views[:, :2].astype("f"), (views[:, 2:] - views[:, :2]).astype("f"), 24)
    for image, view, one in zip(images, views, ops.convert_to_numpy(got)):
        np.testing.assert_allclose(one, by_hand(image, view, 24), atol=1e-2)


def test_both_looks_by_hand(network, model):
    images = noise(6)
    answer = model.predict_on_batch(images)
    whole = np.stack([by_hand(image, [0, 0, 1, 1], SIZE) for image in images])
    first = network.predict_on_batch(whole)
    views = np.stack([second_view(box) for box in first["mean_box"]])
    assert np.ptp(first["mean_box"], axis=0).min() > 0.05
    near = np.stack([by_hand(image, view, SIZE) for image, view in zip(images, views)])
    second = network.predict_on_batch(near)
    side = np.tile(views[:, 2:] - views[:, :2], 2)
    boxes = np.tile(views[:, :2], 2) + clip_rel_xyxy(second["box"]) * side
    np.testing.assert_allclose(answer["box"], boxes, atol=1e-4)
    assert set(answer) == {"box", "score", "class"}
    np.testing.assert_allclose(answer["score"], second["score"], atol=1e-4)
    np.testing.assert_allclose(answer["class"], (first["class"] + second["class"]) / 2, atol=1e-4)


def test_a_photo_does_not_depend_on_the_others_of_its_batch(model):
    images = noise(70)
    together = model.predict_on_batch(images)
    for number in (0, 35, 69):
        alone = model.predict_on_batch(images[number : number + 1])
        for name, values in alone.items():
            np.testing.assert_allclose(values[0], together[name][number], atol=1e-5)


@pytest.mark.parametrize("head", ["recipe", "simcc"])
def test_a_saved_model_of_two_looks_is_the_same(head, tmp_path):
    config = replace(CONFIG, head=head)
    model = as_used(build_localizer(config, 3), config)
    said = {"classes": ["a", "b", "c"], "target": "head", "image_size": INPUT, "stored_size": 160}
    save_model_file(model, tmp_path / "model.keras", said)
    loaded, _ = load_model_file(tmp_path / "model.keras")
    assert loaded.count_params() == model.count_params()
    assert count_macs(loaded) == count_macs(model)
    for name, values in loaded.predict_on_batch(noise(3)).items():
        np.testing.assert_allclose(values, model.predict_on_batch(noise(3))[name], atol=1e-6)


def test_the_weights_count_once_and_the_work_twice(network, model):
    assert model.count_params() == network.count_params()
    assert count_macs(model) == 2 * count_macs(network)


def test_the_default_model_stays_within_the_limits_of_a_tiny_network():
    model = as_used(build_localizer(CONFIG, 37), CONFIG)
    assert model.input.shape[1:] == (128, 128, 3)
    assert model.count_params() < 500_000 and count_macs(model) < 25_000_000


def test_one_look_is_the_network_itself():
    config = replace(CONFIG, looks=1)
    model = as_used(build_localizer(config), config)
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]


def test_wrong_boxes_are_wrong_as_often_as_they_should_be():
    """Edges off by Laplace errors of mean 0.06 of the side, and of 0.25 for 15 % of the boxes."""
    box = np.array([0.2, 0.4, 0.6, 0.5])
    numbers = np.random.default_rng(0).random((20_000, 5))
    side = np.tile(box[2:] - box[:2], 2)
    errors = (np.stack([wrong_box(n, box) for n in numbers]) - box) / side
    assert np.abs(errors).max() <= 0.45 + 1e-9
    assert np.abs(np.mean(errors, axis=0)).max() < 0.005
    near = np.mean(np.abs(errors) < 0.06)
    assert near == pytest.approx(0.85 * (1 - np.exp(-1)) + 0.15 * (1 - np.exp(-0.24)), abs=0.01)


def test_close_ups_show_the_box_where_their_map_says():
    numbers = np.array([0.5, 0.5, 0.5, 0.5, 0.9, 0.0])  # No error, and the nearest view: 1.25.
    matrix = close_up(numbers, [0.4, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(matrix @ [0.4, 0.4, 1], [0.1, 0.1], atol=1e-9)
    np.testing.assert_allclose(matrix @ [0.6, 0.8, 1], [0.9, 0.9], atol=1e-9)
    assert MARGIN >= 1.25


def test_objects_that_fill_their_photos_are_known():
    heads = np.tile([0.3, 0.2, 0.7, 0.6], (9, 1))
    bodies = np.tile([0.1, 0.05, 0.9, 0.95], (11, 1))
    assert not fill_the_photos(heads) and fill_the_photos(bodies)
    assert fill_the_photos(np.concatenate([heads, bodies]))
