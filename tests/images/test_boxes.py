"""Boxes: conversions by hand and there and back, IoU against counted pixels, unusable boxes."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localizer.errors import InputError
from localizer.images import boxes

SIDE = st.integers(1, 10_000)
UNIT = st.floats(0, 1, width=32)
GRID = st.integers(0, 12)


def test_examples_in_the_docstrings():
    results = doctest.testmod(boxes)
    assert results.attempted >= 3 and results.failed == 0


def test_by_hand():
    one_pixel = boxes.voc_xyxy_to_rel_xyxy([[1, 1, 1, 1], [10, 5, 10, 5]], width=10, height=5)
    np.testing.assert_allclose(one_pixel, [[0, 0, 0.1, 0.2], [0.9, 0.8, 1, 1]], rtol=1e-6)
    coco = boxes.coco_xywh_to_rel_xyxy([9, 4, 1, 1], width=10, height=5)
    np.testing.assert_allclose(coco, [0.9, 0.8, 1, 1], rtol=1e-6)
    np.testing.assert_array_equal(boxes.rel_yxyx_to_rel_xyxy([1, 2, 3, 4]), [2, 1, 4, 3])
    np.testing.assert_array_equal(boxes.clip_rel_xyxy([-1, 0.25, 2, 0.5]), [0, 0.25, 1, 0.5])
    for box in (one_pixel, coco, boxes.abs_xyxy_to_rel_xyxy([1, 1, 2, 2], 4, 4)):
        assert box.dtype == np.float32


@given(SIDE, SIDE, st.tuples(UNIT, UNIT, UNIT, UNIT))
def test_pixels_there_and_back(width, height, box_rel_xyxy):
    pixels = boxes.rel_xyxy_to_abs_xyxy(box_rel_xyxy, width, height)
    back = boxes.abs_xyxy_to_rel_xyxy(pixels, width, height)
    np.testing.assert_allclose(back, box_rel_xyxy, rtol=1e-5, atol=1e-7)
    # VOC counts pixels from 1 and includes the last one; COCO has widths.
    xmin, ymin, xmax, ymax = pixels.astype(float)
    voc = boxes.voc_xyxy_to_rel_xyxy([xmin + 1, ymin + 1, xmax, ymax], width, height)
    coco = boxes.coco_xywh_to_rel_xyxy([xmin, ymin, xmax - xmin, ymax - ymin], width, height)
    np.testing.assert_allclose(voc, box_rel_xyxy, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(coco, box_rel_xyxy, rtol=1e-5, atol=1e-6)


@given(st.tuples(*[GRID] * 4), st.tuples(*[GRID] * 4))
def test_iou_is_what_counting_pixels_gives(one, other):
    masks = np.zeros((2, 12, 12), bool)
    for mask, (xmin, ymin, xmax, ymax) in zip(masks, (one, other), strict=True):
        mask[ymin:ymax, xmin:xmax] = True
    union = (masks[0] | masks[1]).sum()
    expected = (masks[0] & masks[1]).sum() / union if union else 0.0
    assert boxes.iou_xyxy(one, other) == pytest.approx(expected)
    assert boxes.iou_xyxy(other, one) == boxes.iou_xyxy(one, other)


def test_iou_of_many_and_of_no_answer():
    truth = np.array([[0, 0, 1, 1]] * 3, np.float32)
    answers = np.array([[0, 0, 0.5, 1], [np.nan] * 4, [0.5, 0.5, 0.5, 0.5]], np.float32)
    np.testing.assert_array_equal(boxes.iou_xyxy(answers, truth), [0.5, 0, 0])


def test_usable_boxes_are_clipped():
    clipped = boxes.usable_rel_xyxy([-0.5, 0.25, 0.5, 1.5])
    np.testing.assert_array_equal(clipped, np.float32([0, 0.25, 0.5, 1]))


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([0, 0, np.nan, 1], "not a finite number"),
        ([0, 0, np.inf, 1], "not a finite number"),
        ([0.5, 0, 0.5, 1], "empty or inverted"),
        ([0, 0.6, 1, 0.5], "empty or inverted"),
        ([1.1, 0, 1.2, 1], "outside the image"),
        ([0, -1, 1, 0], "outside the image"),
    ],
)
def test_unusable_boxes(box, message):
    with pytest.raises(InputError, match=message):
        boxes.usable_rel_xyxy(box)
