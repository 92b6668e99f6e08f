"""How a photo becomes a foreign network's input."""

import numpy as np
import pytest

from localizer.errors import InputError
from localizer.images.resizing import stretch
from localizer.predictors.pretrained.photo_input import PhotoInput, stretch_to
from localizer.predictors.pretrained.tflite_metadata import TensorMetadata


def details(dtype, shape=(1, 8, 8, 3), quantization=(0.0, 0), **more):
    return {
        "dtype": dtype,
        "shape": np.array(shape),
        "quantization": quantization,
        "index": 0,
    } | more


@pytest.mark.parametrize(
    ("dtype", "quantization", "norm", "value_range", "expected"),
    [
        # Bytes are bytes, whatever the range that they stand for.
        (np.uint8, (1 / 127.5, 128), ([127.5], [127.5]), None, [0, 100, 255]),
        (np.uint8, (0.0, 0), None, "0..255", [0, 100, 255]),
        (np.int8, (1 / 255, -128), ([0], [255]), None, [-128, -28, 127]),
        (np.int8, (1 / 127.5, -1), None, None, [-128, -28, 127]),
        # A tensor that holds -1 to 0.8 only.
        (np.int8, (1.8 / 255, 14), ([127.5], [127.5]), None, [-128, -17, 127]),
        # Metadata that leave the scaling to the quantization.
        (np.uint8, (1 / 127.5, 128), ([0], [1]), None, [0, 100, 255]),
        (np.float32, (0.0, 0), None, "0..255", [0, 100, 255]),
        (np.float32, (0.0, 0), None, None, [-1, 100 / 127.5 - 1, 1]),
        (np.float32, (0.0, 0), ([0], [255]), "-1..1", [-1, 100 / 127.5 - 1, 1]),
    ],
)
def test_what_bytes_become(dtype, quantization, norm, value_range, expected):
    said = TensorMetadata(mean=norm and norm[0], std=norm and norm[1])
    taken = PhotoInput("m", [details(dtype, quantization=quantization)], said, None, value_range)
    photo = np.zeros((8, 8, 3), np.uint8) + np.uint8([0, 100, 255])
    value = taken.fit(photo)
    assert value.dtype == dtype and value.shape == (1, 8, 8, 3)
    assert value[0, 3, 3].tolist() == pytest.approx(expected)


def test_a_range_for_each_channel():
    said = TensorMetadata(mean=(0.0, 100.0, 200.0), std=(1.0, 10.0, 100.0))
    value = PhotoInput("m", [details(np.float32)], said).fit(np.full((8, 8, 3), 150, np.uint8))
    assert value[0, 0, 0].tolist() == [150, 5, -0.5]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([details(np.float16)], r"float16 \[1, 8, 8, 3\]; a detector of one colour photo"),
        ([details(np.uint8, (1, 8, 8, 4))], r"uint8 \[1, 8, 8, 4\]"),
        ([details(np.uint8, (4, 8, 8, 3))], r"uint8 \[4, 8, 8, 3\]"),
        ([details(np.uint8), details(np.uint8)], r"uint8 .*, uint8 "),
        ([], "the input is none"),
    ],
)
def test_other_inputs_are_refused(inputs, message):
    with pytest.raises(InputError, match=message):
        PhotoInput("m", inputs, TensorMetadata())


def test_a_range_that_an_integer_input_cannot_hold_is_refused():
    for quantization in ((0.0, 0), (1 / 255, -128)):
        inputs = [details(np.int8, quantization=quantization)]
        with pytest.raises(InputError, match="leave range= away"):
            PhotoInput("m", inputs, TensorMetadata(), None, "0..255")


def test_a_square_is_stretched_as_ever():
    photo = np.random.default_rng(0).integers(0, 256, (37, 90, 3), np.uint8)
    np.testing.assert_array_equal(stretch_to(photo, 50, 50), stretch(photo, 50))
    assert stretch_to(photo, 20, 60).shape == (20, 60, 3)
