"""IoU statistics against hand computation, SciPy's bootstrap and simulated truth."""

import inspect

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import trapezoid

from localizer.evaluation import iou_statistics
from localizer.evaluation.iou_statistics import bootstrap_interval, micro_iou, paired_difference


def test_summary_by_hand():
    summary = iou_statistics.summarize([0.0, 0.5, 0.75, 0.8, 0.95])
    assert summary["n"] == 5
    assert summary["mean_iou"] == pytest.approx(0.6)
    assert summary["median_iou"] == 0.75
    # A threshold that is met exactly counts as success.
    assert summary["success"] == {"0.5": 0.8, "0.75": 0.6, "0.9": 0.2}


def test_no_images_and_one_image_claim_nothing():
    assert np.isnan(iou_statistics.summarize([])["mean_iou"])
    one = iou_statistics.summarize([0.7])
    assert one["mean_iou"] == 0.7 and np.isnan(one["ci95"]).all()


def test_area_under_success_curve_is_mean_iou():
    iou = np.random.default_rng(0).beta(4, 2, size=500)
    thresholds, rates = iou_statistics.success_curve(iou)
    assert rates[0] == 1.0 and (np.diff(rates) <= 0).all()
    assert trapezoid(rates, thresholds) == pytest.approx(iou.mean(), abs=0.002)


def test_interval_agrees_with_scipy():
    iou = np.random.default_rng(1).beta(4, 2, size=150)
    # Of SciPy 1.15 and later; before, it is drawn from NumPy's own generator, which is seeded.
    seed = {"rng": 2} if "rng" in inspect.signature(stats.bootstrap).parameters else {}
    theirs = stats.bootstrap((iou,), np.mean, method="percentile", n_resamples=5000, **seed)
    assert bootstrap_interval(iou) == pytest.approx(theirs.confidence_interval, abs=0.003)


def test_interval_covers_the_true_mean():
    random = np.random.default_rng(3)
    samples = random.beta(5, 2, size=(400, 80))
    intervals = [bootstrap_interval(s, resamples=2000, seed=i) for i, s in enumerate(samples)]
    covered = np.mean([low <= 5 / 7 <= high for low, high in intervals])
    assert 0.91 <= covered <= 0.98


def test_interval_depends_on_the_seed_alone(monkeypatch):
    iou = np.random.default_rng(4).random(100)
    whole = bootstrap_interval(iou, seed=5)
    monkeypatch.setattr(iou_statistics, "_DRAWS_AT_ONCE", 700)  # seven resamples at a time
    assert bootstrap_interval(iou, seed=5) == whole
    assert bootstrap_interval(iou, seed=6) != whole


def test_paired_difference_by_hand():
    result = paired_difference([0.9, 0.5, 0.2, 0.6], [0.7, 0.5, 0.4, 0.2])
    assert result["mean_difference"] == pytest.approx(0.1)
    assert (result["wins"], result["ties"], result["losses"]) == (2, 1, 1)
    assert result["ci95"][0] < 0.1 < result["ci95"][1]


def test_pairing_narrows_the_interval():
    random = np.random.default_rng(6)
    worse = random.uniform(0.1, 0.8, size=200)
    better = worse + random.normal(0.03, 0.02, size=200)
    result = paired_difference(better, worse)
    assert result["ci95"][0] > 0
    assert bootstrap_interval(better)[0] < bootstrap_interval(worse)[1]  # unpaired: they overlap


def test_paired_difference_refuses_other_images():
    with pytest.raises(ValueError, match="not the same images"):
        paired_difference([0.1, 0.2], [0.1])


def test_pairs_are_compared_on_common_images():
    ious = [[0.5, 0.5, 0.5, 0.5], [0.9, 0.7, 0.0, 0.6], [0.5, 0.1, 0.3, 0.9]]
    scored = [[True] * 4, [True, True, False, True], [True, False, True, True]]
    first, second, third = iou_statistics.paired_differences(["a", "b", "c"], ious, scored)
    assert (first["model"], first["other"], first["n"]) == ("b", "a", 3)
    assert first["mean_difference"] == pytest.approx((0.4 + 0.2 + 0.1) / 3)
    assert (second["model"], second["other"], second["n"]) == ("c", "a", 3)
    assert (second["wins"], second["ties"], second["losses"]) == (1, 1, 1)
    assert (third["model"], third["other"], third["n"]) == ("c", "b", 2)
    assert third["mean_difference"] == pytest.approx((-0.4 + 0.3) / 2)


def test_thirds_by_size_agree_with_ranks():
    area = np.random.default_rng(7).permutation(np.arange(1, 31) / 40)
    thirds = np.array([name.split(":")[0] for name in iou_statistics.size_thirds(area)])
    ranks = area.argsort().argsort()
    assert (thirds == np.array(["small", "medium", "large"])[ranks // 10]).all()
    assert {name.split(":")[0] for name in iou_statistics.size_thirds([0.2] * 5)} == {"small"}


def test_micro_iou_by_hand():
    true = [[0, 0, 1, 1], [0, 0, 0.2, 0.5], [0, 0, 0.5, 0.2]]
    predicted = [[0, 0, 0.5, 1], [0, 0, 0.2, 0.5], [np.nan] * 4]
    # Intersections 0.5 + 0.1 + 0, unions 1 + 0.1 + 0.1.
    assert micro_iou(true, predicted) == pytest.approx(0.5)


def test_groups_are_sorted_and_unnamed_images_left_out():
    groups = iou_statistics.summarize_groups([0.2, 0.4, 0.9, 1.0], ["pug", "boxer", "pug", ""])
    assert [(g["group"], g["n"]) for g in groups] == [("boxer", 1), ("pug", 2)]
    assert groups[1]["mean_iou"] == pytest.approx(0.55)


def test_leaving_out_the_least_confident_by_hand():
    iou, scores = [0.9, 0.1, 0.8, 0.2, 0.7], [0.9, 0.2, 0.8, np.nan, 0.7]
    kept = iou_statistics.selective_mean_iou(iou, scores, coverages=(1.0, 0.8, 0.6))
    assert kept == pytest.approx({"1.0": 0.54, "0.8": 0.625, "0.6": 0.8})
    assert iou_statistics.selective_mean_iou(iou, [np.nan] * 5) is None
