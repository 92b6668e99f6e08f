"""COCO average precision against hand computation and a second implementation."""

import numpy as np
import pytest

from localizer.evaluation.coco_metrics import average_precision
from localizer.images.boxes import iou_xyxy


def reference_ap(iou, scores, threshold):
    """101-point interpolated AP, one object and at most one answer (IoU not NaN) per photo."""
    ranked = [i for i in sorted(range(len(iou)), key=lambda i: -scores[i]) if not np.isnan(iou[i])]
    hits, precisions, recalls = 0, [], []
    for rank, i in enumerate(ranked, start=1):
        hits += iou[i] >= threshold
        precisions.append(hits / rank)
        recalls.append(hits / len(iou))
    total = 0.0
    for recall in np.linspace(0, 1, 101):
        total += max((p for p, r in zip(precisions, recalls) if r >= recall), default=0.0)
    return total / 101


def random_answers(n, seed):
    random = np.random.default_rng(seed)
    low, size = random.uniform(0, 0.5, (n, 2)), random.uniform(0.1, 0.5, (n, 2))
    true = np.concatenate([low, low + size], axis=1)
    predicted = true + random.normal(0, 0.06, (n, 4))
    return true, predicted, random


@pytest.mark.parametrize("equal", [False, True], ids=["distinct scores", "equal scores"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_agrees_with_reference(seed, equal):
    true, predicted, random = random_answers(57, seed)
    scores = np.full(57, 0.5) if equal else random.permutation(57) / 57
    predicted[random.random(57) < 0.1] = np.nan
    iou = iou_xyxy(true, predicted)
    iou[np.isnan(predicted).any(axis=1)] = np.nan
    result = average_precision(true, predicted, scores)
    thresholds = np.linspace(0.5, 0.95, 10)
    expected = [reference_ap(iou, scores, threshold) for threshold in thresholds]
    assert result["ap50"] == pytest.approx(expected[0], abs=1e-6)
    assert result["ap75"] == pytest.approx(expected[5], abs=1e-6)
    assert result["ap50_95"] == pytest.approx(np.mean(expected), abs=1e-6)


def test_perfect_boxes():
    true, _, _ = random_answers(5, 0)
    assert average_precision(true, true, np.ones(5)) == pytest.approx(
        {"ap50_95": 1.0, "ap50": 1.0, "ap75": 1.0}
    )


def test_ranking_by_hand():
    true = np.array([[0, 0, 1, 1], [0, 0, 1, 1]])
    predicted = np.array([[0, 0, 1, 1], [0, 0, 0.1, 0.1]])
    # One hit of two objects: recalls 0 to 0.50 are reached, 51 of the 101 points, with precision
    # 1 where the hit comes first, and 1/2 where the miss does.
    assert average_precision(true, predicted, [0.9, 0.1])["ap50"] == pytest.approx(51 / 101)
    assert average_precision(true, predicted, [0.1, 0.9])["ap50"] == pytest.approx(51 / 202)


def test_missing_scores_count_as_equal():
    true, predicted, _ = random_answers(20, 3)
    missing = average_precision(true, predicted, np.full(20, np.nan))
    assert missing == average_precision(true, predicted, np.ones(20))


def test_a_missing_score_ranks_as_one():
    true = np.array([[0, 0, 1, 1], [0, 0, 1, 1]])
    predicted = np.array([[0, 0, 0.1, 0.1], [0, 0, 1, 1]])
    result = average_precision(true, predicted, [0.5, np.nan])
    assert result["ap50"] == pytest.approx(51 / 101)


def test_no_answers_and_no_photos():
    true, _, _ = random_answers(3, 0)
    assert average_precision(true, np.full((3, 4), np.nan), np.ones(3))["ap50_95"] == 0.0
    assert np.isnan(average_precision(np.zeros((0, 4)), np.zeros((0, 4)), [])["ap50_95"])


def test_prints_nothing(capfd):
    true, predicted, _ = random_answers(4, 0)
    average_precision(true, predicted, np.ones(4))
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
