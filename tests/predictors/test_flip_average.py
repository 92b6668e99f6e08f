"""Averaging over a photo and its mirror image."""

import numpy as np
import pytest

from localizer.predictors.flip_average import FlipAverage
from localizer.predictors.loading import load_predictor
from localizer.predictors.predictor import Cost, Predictions, Predictor

WIDTH, HEIGHT = 40, 20


class BrightPixels(Predictor):
    """Boxes the white pixels of a photo; as sure as it is told to be."""

    name, notes = "bright", ("a note",)
    cost = Cost(parameters=7, macs=10, file_bytes=3)

    def predict(self, photos):
        boxes = []
        for photo in photos:
            ys, xs = np.nonzero(photo[..., 0])
            boxes.append(
                [
                    xs.min() / WIDTH,
                    ys.min() / HEIGHT,
                    (xs.max() + 1) / WIDTH,
                    (ys.max() + 1) / HEIGHT,
                ]
            )
        n = len(photos)
        return Predictions(np.array(boxes, np.float32), np.full(n, 0.8, np.float32), ["x"] * n)


def photo_with(xmin, xmax):
    photo = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    photo[5:15, xmin:xmax] = 255
    return photo


def test_a_predictor_that_treats_both_sides_alike_is_left_as_it_is():
    plain, flipped = BrightPixels(), FlipAverage(BrightPixels())
    photos = [photo_with(2, 12), photo_with(0, 40)]
    one, other = plain.predict(photos), flipped.predict(photos)
    np.testing.assert_allclose(other.boxes_rel_xyxy, one.boxes_rel_xyxy, atol=1e-6)
    np.testing.assert_allclose(other.scores, one.scores, atol=1e-6)
    assert other.labels == one.labels


def test_a_contradiction_is_averaged_and_lowers_the_score():
    """Always the left half: mirrored, the right half. Their mean is centred, their IoU 0."""

    class Left(Predictor):
        name = "left"

        def predict(self, photos):
            box, score = np.array([[0, 0, 0.5, 1]], np.float32), np.array([0.9], np.float32)
            return Predictions(box, score, [""])

    answer = FlipAverage(Left()).predict([photo_with(2, 12)])
    np.testing.assert_allclose(answer.boxes_rel_xyxy, [[0.25, 0, 0.75, 1]])
    assert answer.scores[0] == 0


def test_cost_and_what_else_a_predictor_tells():
    flipped = FlipAverage(BrightPixels())
    assert flipped.name == "flip:bright"
    assert flipped.cost == Cost(parameters=7, macs=20, file_bytes=3)
    assert flipped.notes == ("a note",)
    assert flipped.seen_categories == frozenset()


def test_it_is_asked_for_by_a_prefix(synthetic_dataset):
    photo = photo_with(2, 12)
    flipped = load_predictor("flip:baseline:whole", synthetic_dataset)
    np.testing.assert_array_equal(flipped.predict([photo]).boxes_rel_xyxy, [[0, 0, 1, 1]])
    with pytest.raises(Exception, match="not a model"):
        load_predictor("flip:nonsense", synthetic_dataset)
