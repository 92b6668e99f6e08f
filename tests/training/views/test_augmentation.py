"""Augmentation: boxes follow pixels, parts are independent, randomness is a function."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localizer.images import resizing
from localizer.images.resizing import resample, warp
from localizer.recipe.config import AugmentationConfig
from localizer.training.views import augmentation
from localizer.training.views.augmentation import augment, map_box
from localizer.training.views.close_ups import close_up

OFF = AugmentationConfig(
    flip=0.0,
    zoom_in=1.0,
    zoom_out=1.0,
    translation=0.0,
    aspect=1.0,
    rotation=0.0,
    min_visible=1.0,
    brightness=0.0,
    contrast=1.0,
    saturation=1.0,
    hue=0.0,
    grey=0.0,
    blur=0.0,
    erasing=0.0,
)
GEOMETRY = {
    "flip": {"flip": 1.0},
    "zoom": {"zoom_in": 1.6, "zoom_out": 1.4},
    "translation": {"translation": 0.2},
    "aspect": {"aspect": 1.5},
    "rotation": {"rotation": 30.0},
    "all": {
        "flip": 0.5,
        "zoom_in": 1.5,
        "zoom_out": 1.3,
        "translation": 0.2,
        "aspect": 1.3,
        "rotation": 20.0,
    },
}
COLOUR = {
    "brightness": {"brightness": 0.3},
    "contrast": {"contrast": 1.5},
    "saturation": {"saturation": 2.0},
    "hue": {"hue": 40.0},
    "grey": {"grey": 1.0},
    "blur": {"blur": 1.0},
    "erasing": {"erasing": 1.0},
}
SIZE, RESULT = 160, 128


def photo(seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    return cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def drawn(box_rel_xyxy, shape):
    """White rectangle or ellipse on black, drawn 8 times larger and averaged down: exact edges."""
    big = np.zeros((8 * SIZE, 8 * SIZE), np.uint8)
    x0, y0, x1, y1 = np.round(np.array(box_rel_xyxy) * 8 * SIZE).astype(int).tolist()
    if shape == "rectangle":
        big[y0:y1, x0:x1] = 255
    else:
        ys, xs = np.mgrid[0 : 8 * SIZE, 0 : 8 * SIZE] + 0.5
        inside = ((xs - (x0 + x1) / 2) / ((x1 - x0) / 2)) ** 2 + (
            (ys - (y0 + y1) / 2) / ((y1 - y0) / 2)
        ) ** 2 <= 1
        big[inside] = 255
    small = cv2.resize(big, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.repeat(small[..., None], 3, axis=2)


def found(image):
    """Bounds of what is at least half white, in pixels of the result."""
    rows, columns = np.nonzero(image[..., 0] >= 128)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize(
    ("part", "shape"),
    [
        *((part, "ellipse") for part in GEOMETRY),
        *((part, "rectangle") for part in GEOMETRY if "rotation" not in GEOMETRY[part]),
    ],
)
@settings(max_examples=40, deadline=None)
@given(
    corner=st.tuples(st.floats(0.02, 0.6), st.floats(0.02, 0.6)),
    size=st.tuples(st.floats(0.15, 0.38), st.floats(0.15, 0.38)),
    index=st.integers(0, 10**6),
)
def test_a_drawn_shape_is_found_within_a_pixel(part, shape, corner, size, index):
    box = np.round(np.array([*corner, *np.add(corner, size)]) * 8 * SIZE) / (8 * SIZE)
    config = replace(OFF, **GEOMETRY[part])
    # FILL is just below the threshold of `found`, so the outside of the photo counts as black.
    image, moved = augment(drawn(box, shape), box, RESULT, config, 7, 3, index)
    error = np.abs(found(image) - moved * RESULT)
    assert error.max() <= 1.0


@settings(max_examples=40, deadline=None)
@given(
    corner=st.tuples(st.floats(0.02, 0.6), st.floats(0.02, 0.6)),
    size=st.tuples(st.floats(0.15, 0.38), st.floats(0.15, 0.38)),
    index=st.integers(0, 10**6),
)
def test_a_drawn_shape_is_found_in_a_turned_and_mirrored_close_up(corner, size, index):
    box = np.round(np.array([*corner, *np.add(corner, size)]) * 8 * SIZE) / (8 * SIZE)
    config = replace(OFF, flip=1.0, rotation=20.0, min_visible=0.9)
    image = drawn(box, "ellipse")
    # The boundary of the photo is not the ellipse's.
    image[0] = image[-1] = image[:, 0] = image[:, -1] = 0
    view, moved = augment(image, box, RESULT, config, 7, 3, index, close_ups=1.0)
    # A photo of 160 pixels is enlarged up to five times, and its edges with it.
    scale = RESULT * np.sqrt(np.prod(moved[2:] - moved[:2]) / np.prod(box[2:] - box[:2])) / SIZE
    assert np.abs(found(view) - moved * RESULT).max() <= 1.0 + scale


def test_a_close_up_is_cut_first_and_turned_and_mirrored_then():
    """The map against matrices multiplied by hand: the photo's centre turned about the view's."""
    numbers = augmentation.random_numbers(3, 1, 5)
    config = replace(OFF, flip=1.0, rotation=20.0, min_visible=0.0)
    box = [0.5, 0.1, 0.8, 0.3]
    matrix, _ = augmentation.draw_map(numbers[0], box, config, close=numbers[2])
    near = np.vstack([close_up(numbers[2][0], box), [0, 0, 1]])
    angle = np.radians(20.0 * (2 * numbers[0][0][3] - 1))
    to_centre, back = np.eye(3), np.eye(3)
    to_centre[:2, 2], back[:2, 2] = -0.5, 0.5
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    by_hand = back @ turn @ np.diag([-1.0, 1.0, 1.0]) @ to_centre @ near
    np.testing.assert_allclose(matrix, by_hand[:2], atol=1e-9)


def test_bounds_of_a_turned_ellipse_against_points_on_it():
    angle = np.radians(30)
    matrix = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])
    box = np.array([0.1, 0.2, 0.5, 0.4])
    around = np.linspace(0, 2 * np.pi, 100_000)
    points = [0.3, 0.3] + np.column_stack([np.cos(around), np.sin(around)]) * [0.2, 0.1]
    points = points @ matrix[:, :2].T
    expected = np.concatenate([points.min(axis=0), points.max(axis=0)])
    np.testing.assert_allclose(map_box(box, matrix), expected, atol=1e-6)


@pytest.mark.parametrize("part", {**GEOMETRY, **COLOUR})
def test_each_part_changes_the_picture_and_only_geometry_moves_the_box(part):
    config = replace(OFF, **{**GEOMETRY, **COLOUR}[part])
    box = np.array([0.3, 0.2, 0.6, 0.6], np.float32)
    plain = resample(photo(), RESULT)
    views = [augment(photo(), box, RESULT, config, 0, 0, index) for index in range(5)]
    assert any(np.abs(plain.astype(int) - image).mean() > 1 for image, _ in views)
    moved = any(np.abs(box - b).max() > 1e-3 for _, b in views)
    assert moved == (part in GEOMETRY)


def test_everything_off_is_the_plain_view():
    box = np.array([0.3, 0.2, 0.6, 0.6], np.float32)
    image, moved = augment(photo(), box, RESULT, OFF, 0, 0, 0)
    np.testing.assert_array_equal(image, resample(photo(), RESULT))
    np.testing.assert_array_equal(moved, box)


def test_a_view_depends_on_seed_epoch_and_index_alone():
    config = AugmentationConfig()
    box = np.array([0.3, 0.2, 0.6, 0.6], np.float32)

    def view(seed, epoch, index):
        return augment(photo(), box, RESULT, config, seed, epoch, index)[0]

    first = view(1, 2, 3)
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert (view(*other) != first).any()
    np.testing.assert_array_equal(view(1, 2, 3), first)


def test_switching_colour_off_leaves_the_geometry_as_it_was():
    box = np.array([0.3, 0.2, 0.6, 0.6], np.float32)
    for index in range(20):
        one = augment(photo(), box, RESULT, AugmentationConfig(), 0, 0, index)[1]
        other = augment(
            photo(), box, RESULT, AugmentationConfig(brightness=0.0, blur=0.0), 0, 0, index
        )
        np.testing.assert_array_equal(one, other[1])


def test_enough_of_the_box_stays_in_view():
    config = AugmentationConfig(translation=0.6, min_visible=0.7)
    rng = np.random.default_rng(0)
    for index in range(300):
        low = rng.uniform(0, 0.7, 2)
        box = np.concatenate([low, low + 0.25]).astype(np.float32)
        numbers, *_ = augmentation.random_numbers(0, 0, index)
        matrix, clipped = augmentation.draw_map(numbers, box, config)
        whole = map_box(box, matrix)
        visible = np.prod(clipped[2:] - clipped[:2]) / np.prod(whole[2:] - whole[:2])
        assert visible >= 0.7 - 1e-5 or matrix is resizing.IDENTITY
        assert (clipped >= 0).all() and (clipped <= 1).all()


def test_identity_warp_agrees_with_opencv_resize():
    ours = resample(photo(), RESULT).astype(int)
    theirs = cv2.resize(photo(), (RESULT, RESULT), interpolation=cv2.INTER_LINEAR).astype(int)
    # OpenCV's warp rounds its weights to 1/32.
    assert np.abs(ours - theirs)[1:-1, 1:-1].max() <= 8
    assert np.abs(ours - theirs).mean() < 1


def test_grey_and_hue_keep_brightness():
    image = photo()
    grey = augmentation.change_colour(
        image,
        augmentation.colour_matrix(np.array([0.5, 0.5, 0.5, 0.5, 0.0]), replace(OFF, grey=1.0)),
    )
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 1] == grey[..., 2]).all()
    assert abs(grey.mean() - cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean()) < 1
    neutral = np.full((4, 4, 3), 90, np.uint8)
    turned = augmentation.change_colour(
        neutral,
        augmentation.colour_matrix(np.array([0.5, 0.5, 0.9, 0.99, 0.9]), replace(OFF, hue=90.0)),
    )
    assert np.abs(turned.astype(int) - 90).max() <= 1


def test_outside_of_the_photo_is_grey():
    half = np.array([[0.5, 0, 0.25], [0, 0.5, 0.25]])
    image = warp(np.full((SIZE, SIZE, 3), 255, np.uint8), half, RESULT)
    assert tuple(image[0, 0]) == resizing.FILL and tuple(image[64, 64]) == (255, 255, 255)
