"""The labeler, crops, and what is counted of its answers; on a classifier of plain colours."""

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from localizer.errors import InputError
from localizer.evaluation.crop_labels import label_crops
from localizer.images.resizing import crop
from localizer.predictors.pretrained.labeler import Labeler
from tests.predictors.pretrained.hub_graphs import to_tflite

LABELS = ["Cat", "Dog bed", "Tree"]
RED, GREEN, BLUE = np.eye(3, dtype=np.uint8) * 255


def colours(image):
    """The share of red, green and blue, from x / 127.5 - 1."""
    return tf.reduce_mean(image, axis=[1, 2]) / 2 + 0.5


@pytest.fixture(scope="module")
def labeler(tmp_path_factory):
    path = tmp_path_factory.mktemp("labeler") / "labeler.tflite"
    lists = {"probability-labels.txt": ["/m/1"], "probability-labels-en.txt": LABELS}
    return Labeler(to_tflite(colours, path, 8, 8, 3, labels=lists))


def scene(inside, outside):
    """20 x 40 pixels; the lower right quarter has one colour and the rest another."""
    photo = np.full((20, 40, 3), outside, np.uint8)
    photo[10:, 20:] = inside
    return photo


def test_labels_come_from_the_file_and_scores_are_per_crop(labeler):
    assert labeler.labels == ("Cat", "Dog bed", "Tree")
    scores = labeler.classify([scene(RED, RED), scene(GREEN, BLUE)])
    assert scores == pytest.approx(np.array([[1, 0, 0], [0, 0.25, 0.75]]), abs=1e-6)
    assert labeler.classify([]).shape == (0, 3)


def test_other_files_are_refused(tmp_path):
    path = to_tflite(colours, tmp_path / "c.tflite", 8, 8, 3)
    with pytest.raises(InputError, match="not a labeler.*probability-labels-en.txt"):
        Labeler(path)


def test_crop_labels_by_hand(labeler):
    quarter, nothing, whole = [0.5, 0.5, 1, 1], [np.nan] * 4, [0, 0, 1, 1]
    photos = [scene(RED, BLUE), scene(RED, BLUE), scene(GREEN, BLUE), scene(GREEN, BLUE)]
    boxes = {
        "truth": np.array([quarter] * 4),
        "network": np.array([quarter, nothing, quarter, [0, 0, 0.5, 0.5]]),
        "whole image": np.array([whole] * 4),
    }
    found = label_crops(list("abcd"), ["cat", "cat", "dog", "dog"], iter(photos), boxes, labeler)
    summary = json.loads(json.dumps(found.summary, allow_nan=False))
    assert (summary["n_cats"], summary["n_dogs"], summary["margin"]) == (2, 2, 0.0)
    assert summary["box_makers"] == [
        {
            "name": "truth",
            "cats_rank_1": 1.0,
            "cats_score": 1.0,
            "same_as_truth": 1.0,
            "dogs_top_labels": [{"label": "Dog bed", "count": 2}],
            "no_box": 0,
        },
        {
            "name": "network",
            "cats_rank_1": 0.5,
            "cats_score": 0.5,
            "same_as_truth": 0.5,
            "dogs_top_labels": [{"label": "Dog bed", "count": 1}, {"label": "Tree", "count": 1}],
            "no_box": 1,
        },
        {
            "name": "whole image",
            "cats_rank_1": 0.0,
            "cats_score": 0.0,
            "same_as_truth": 0.0,
            "dogs_top_labels": [{"label": "Tree", "count": 2}],
            "no_box": 0,
        },
    ]
    table = found.table
    assert list(table) == ["image", "box_maker", "label", "score", "cat_score"]
    assert len(table) == 12
    missing = table[(table["image"] == "b") & (table["box_maker"] == "network")].iloc[0]
    assert missing["label"] == "" and np.isnan(missing["score"])
    first = table[(table["image"] == "a") & (table["box_maker"] == "whole image")].iloc[0]
    assert first["label"] == "Tree" and first["score"] == pytest.approx(0.75)
    assert first["cat_score"] == pytest.approx(0.25)


def test_margin_and_the_threshold_of_a_score(labeler):
    # A margin of half a side doubles the box to [0.4, 0.4, 1, 1] after clipping: 200 of the
    # 24 x 12 pixels are red, which is more than 0.35 but with a larger margin is not.
    boxes = {"truth": np.array([[0.55, 0.55, 0.85, 0.85]])}
    photo = scene(RED, BLUE)
    near = label_crops(["a"], ["cat"], [photo], boxes, labeler, margin=0.5)
    assert near.table["cat_score"].iloc[0] == pytest.approx(200 / 288, abs=0.02)
    far = label_crops(["a"], ["cat"], [photo], boxes, labeler, margin=5)
    assert far.summary["box_makers"][0]["cats_score"] == 0.0
    assert far.table["cat_score"].iloc[0] == pytest.approx(0.25, abs=0.01)
    assert far.summary["box_makers"][0]["dogs_top_labels"] == []


def test_shares_of_nothing_are_none(labeler):
    found = label_crops(
        ["a"], ["dog"], [scene(RED, RED)], {"truth": np.array([[0, 0, 1, 1]])}, labeler
    )
    truth = found.summary["box_makers"][0]
    assert truth["cats_rank_1"] is None and truth["cats_score"] is None
    assert truth["same_as_truth"] == 1.0


def test_photos_are_taken_one_at_a_time(labeler):
    boxes = {"truth": np.array([[0, 0, 1, 1]] * 3)}
    seen = []

    class Watching:
        labels = labeler.labels

        def classify(self, crops):
            seen.append("classified")
            return labeler.classify(crops)

    def photos():
        for _ in range(3):
            seen.append("read")
            yield scene(RED, RED)

    label_crops(list("abc"), ["cat"] * 3, photos(), boxes, Watching())
    assert seen == ["read", "classified"] * 3


unit = st.floats(-0.5, 1.5, width=32)


@given(st.tuples(unit, unit, unit, unit), st.floats(0, 2), st.integers(1, 30), st.integers(1, 30))
def test_a_crop_is_never_empty_and_holds_the_box(corners, margin, height, width):
    photo = np.arange(height * width * 3, dtype=np.int64).reshape(height, width, 3)
    xs, ys = sorted(corners[:2]), sorted(corners[2:])
    part = crop(photo, [xs[0], ys[0], xs[1], ys[1]], margin)
    assert part.shape[0] >= 1 and part.shape[1] >= 1
    # Every pixel whose centre lies in the box is there.
    y, x = np.mgrid[:height, :width] + 0.5
    inside = (x / width > xs[0]) & (x / width < xs[1]) & (y / height > ys[0]) & (y / height < ys[1])
    assert np.isin(photo[inside][:, 0], part[..., 0]).all()
    if margin == 0:
        assert part.shape[1] <= max(1, (xs[1] - xs[0]) * width + 2)


def test_crop_by_hand():
    photo = np.zeros((10, 20, 3), np.uint8)
    assert crop(photo, [0.1, 0.2, 0.6, 0.55]).shape == (4, 10, 3)
    assert crop(photo, [0.4, 0.4, 0.6, 0.6], margin=0.5).shape == (4, 8, 3)
    assert crop(photo, [1, 1, 1, 1]).shape == (1, 1, 3)
