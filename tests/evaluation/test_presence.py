"""Whether a score tells photos with an object from photos without one: figures by hand."""

from dataclasses import replace

import numpy as np
import pytest

from localizer.dataset.dataset import BOX_COLUMNS
from localizer.evaluation.evaluate import evaluate
from localizer.evaluation.presence import mean_iou_at_threshold, presence, threshold_that_keeps
from localizer.evaluation.summary import summarize_evaluation
from localizer.predictors.predictor import Predictions, Predictor
from localizer.reporting.page import write_comparison
from tests.evaluation.test_evaluate import make_dataset

NAN = float("nan")


def test_auroc_counts_pairs_and_half_of_ties():
    # Of 3 x 2 pairs 0.9 wins two, 0.5 wins one and ties one, no answer ties none and wins none.
    found = presence([0.9, 0.5, NAN], [0.5, 0.1], resamples=50)
    assert found["auroc"] == pytest.approx((2 + 1.5) / 6)
    assert (found["n"], found["n_empty"]) == (3, 2)
    assert np.isnan(found["threshold_at_95"]) and np.isnan(found["false_alarms_at_95"])
    assert np.isnan(found["false_alarms_at_95_ci95"]).all()


def test_no_answer_on_both_is_a_tie():
    assert presence([NAN, 0.5], [NAN], resamples=10)["auroc"] == pytest.approx(0.75)


def test_false_alarms_are_those_that_reach_what_keeps_95_percent():
    scores = np.arange(1, 101) / 100
    found = presence(scores, [0.061, 0.06, 0.059, 0.02, 0.019, NAN, NAN, NAN], resamples=200)
    # 95 of 100 are at 0.06 or more, 99 at 0.02 or more.
    assert (found["threshold_at_95"], found["threshold_at_99"]) == (0.06, 0.02)
    assert found["false_alarms_at_95"] == 2 / 8 and found["false_alarms_at_99"] == 4 / 8
    low, high = found["false_alarms_at_95_ci95"]
    assert 0 <= low < 0.25 < high <= 1
    assert found == presence(scores, [0.061, 0.06, 0.059, 0.02, 0.019, NAN, NAN, NAN], 200)


def test_what_does_not_apply_is_none():
    assert presence([0.5], []) is None and presence([], [0.5]) is None
    assert presence([NAN, NAN], [NAN]) is None


def test_a_missed_object_counts_as_zero():
    iou, scores = [0.8, 0.6, 0.0, 0.4], [0.9, 0.5, NAN, 0.2]
    assert mean_iou_at_threshold(iou, scores, 0.5) == pytest.approx(1.4 / 4)
    assert np.isnan(mean_iou_at_threshold(iou, scores, NAN))
    assert threshold_that_keeps([0.1, 0.2, 0.3, 0.4], 0.75) == 0.2


class ByRow(Predictor):
    """One box, with a score by the row that the photo's colour says; none for odd rows from 6."""

    def __init__(self, name, scores, threshold=None):
        self.name, self._scores, self.threshold = name, scores, threshold

    def predict(self, photos):
        rows = [int(photo[0, 0, 0]) for photo in photos]
        boxes = np.tile(np.float32([0.2, 0.0, 0.6, 0.5]), (len(rows), 1))
        scores = np.array([self._scores[row] for row in rows], np.float32)
        boxes[scores == 0] = np.nan
        return Predictions(boxes, scores, [""] * len(rows))


def with_empty(folder):
    """Six photos of the test split with an object (rows 2 to 7), four without (8 to 11)."""
    dataset = make_dataset(folder)
    dataset.samples.loc[8:, BOX_COLUMNS] = np.nan
    dataset.samples.loc[8:, ["supercategory", "category"]] = ""
    return dataset


SCORES = [1, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.95, 0.45, 0.3, 0]


def test_empty_photos_are_answered_and_change_no_iou(tmp_path):
    dataset = with_empty(tmp_path / "pets")
    model = ByRow("m", SCORES)
    evaluation = evaluate(dataset, [model, ByRow("own", SCORES, 0.65)], "test", progress=False)
    said, own = evaluation.metrics["models"]
    assert (evaluation.metrics["n"], evaluation.metrics["n_empty"]) == (6, 4)
    # 0.95 beats none, 0.45 loses to five, the others to all six.
    assert said["presence"]["auroc"] == pytest.approx((0 + 5 + 6 + 6) / 24)
    assert said["presence"]["false_alarms_at_95"] == 0.5
    assert (said["threshold"], said["mean_iou_at_threshold"]) == (None, None)
    ious = evaluation.predictions_of("own")["iou"]
    assert own["threshold_chosen_on"] == "model" and own["threshold"] == 0.65
    assert own["mean_iou_at_threshold"] == pytest.approx(ious[:3].sum() / 6)
    assert said["mean_iou"] == pytest.approx(ious.mean()) and len(ious) == 6
    table = evaluation.predictions
    assert table["iou"].isna().tolist() == (~table["has_object"]).tolist()
    assert evaluation.false_alarms_of("m")["image"].tolist() == ["8.png", "9.png", "10.png"]
    assert evaluation.empty_rows.tolist() == [8, 9, 10, 11] and table.index.max() == 9
    only = make_dataset(tmp_path / "same")
    only = evaluate(with_rows(only, 8), [ByRow("m", SCORES)], "test", progress=False)
    assert only.metrics["models"][0]["mean_iou"] == said["mean_iou"]
    assert only.metrics["models"][0]["presence"] is None and only.metrics["n_empty"] == 0
    assert "AUROC 0.708" in summarize_evaluation(evaluation)
    page = write_comparison([(evaluation, dataset)], tmp_path / "report", "command").read_text()
    assert "Is something there?" in page and 'alt="8.png"' in page
    page = write_comparison([(only, only_dataset(tmp_path))], tmp_path / "plain", "c").read_text()
    assert "Is something there?" not in page


def with_rows(dataset, count):
    return replace(dataset, samples=dataset.samples[:count], images=dataset.images[:count])


def only_dataset(tmp_path):
    return with_rows(make_dataset(tmp_path / "again"), 8)


def test_a_threshold_is_chosen_on_validation_only(tmp_path):
    dataset = with_empty(tmp_path)
    dataset.samples["split"] = dataset.samples["split"].replace("test", "validation")
    [said] = evaluate(dataset, ByRow("m", SCORES), progress=False).metrics["models"]
    assert said["threshold_chosen_on"] == "validation"
    assert said["threshold"] == said["presence"]["threshold_at_95"] == pytest.approx(0.4)
    assert said["mean_iou_at_threshold"] == pytest.approx(said["mean_iou"])
