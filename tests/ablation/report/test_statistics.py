"""The statistics of ablations against SciPy, hand computation and simulated truth."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from localizer.ablation.plan import Plan, Row
from localizer.ablation.report.results import RunResult
from localizer.ablation.report.statistics import (
    difference_table,
    estimate_mean,
    holm,
    image_scores,
    score_table,
)
from localizer.ablation.report.table import describe_rows
from localizer.recipe.config import TrainingConfig

# (seeds, spread of seeds, of images, of noise); in the first two the seeds decide, in the others
# the images or the noise. All spreads are of single values.
SIMULATED = [
    (3, 0.05, 0.05, 0.05),
    (5, 0.05, 0.05, 0.05),
    (3, 0.01, 0.08, 0.02),
    (3, 0.01, 0.08, 0.1),
]
TRUTH = 0.013


def simulate(random, seeds, of_seeds, of_images, of_noise, images=40):
    """Differences of known mean: skewed images, noise with heavy tails that differs by image."""
    noise = random.standard_t(5, (seeds, images)) / np.sqrt(5 / 3)
    noise *= random.choice([0.5, np.sqrt(1.75)], images)
    by_image = random.exponential(1, images) - 1
    by_seed = random.standard_normal((seeds, 1))
    return TRUTH + of_seeds * by_seed + of_images * by_image + of_noise * noise


def naive_interval(values, random, resamples=400):
    """Seeds and images drawn again, and the middle 95 %: what is not good enough."""
    seeds, images = values.shape
    drawn = [
        values[random.integers(seeds, size=seeds)][:, random.integers(images, size=images)].mean()
        for _ in range(resamples)
    ]
    return np.quantile(drawn, [0.025, 0.975])


def table(values):
    return pd.DataFrame(values, index=range(len(values)))


@pytest.mark.parametrize("spreads", SIMULATED)
def test_intervals_hold_the_truth_as_often_as_they_say(spreads):
    random = np.random.default_rng(11)
    estimates = [estimate_mean(table(simulate(random, *spreads))) for _ in range(250)]
    covered = np.mean([e.low <= TRUTH <= e.high for e in estimates])
    # Two and a half standard deviations of a share of 250 around 95 %, on the bad side only.
    assert covered >= 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / 250), covered


def test_the_simulation_can_tell_a_naive_bootstrap():
    random = np.random.default_rng(12)
    samples = [simulate(random, *SIMULATED[0]) for _ in range(120)]
    intervals = [naive_interval(sample, random) for sample in samples]
    assert np.mean([low <= TRUTH <= high for low, high in intervals]) < 0.88


@pytest.mark.parametrize(("seeds", "of_seeds"), [(3, 0.03), (3, 0.0), (5, 0.03)])
def test_of_equal_rows_hardly_a_family_has_a_difference(seeds, of_seeds):
    """Four rows and their baseline are equal in truth: at most 5 % of such tables may find one."""
    random, families, alone, found = np.random.default_rng(13), 100, 0, 0
    for _ in range(families):
        rows = [table(simulate(random, seeds, of_seeds, 0.05, 0.06, images=30)) for _ in range(5)]
        p_values = [estimate_mean(difference_table(row, rows[0])).p_value for row in rows[1:]]
        alone += (np.array(p_values) < 0.05).sum()
        found += (holm(p_values) < 0.05).any()
    assert found / families <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / families)
    # Four comparisons with one baseline are not independent: their share varies more.
    assert alone / (4 * families) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / families)


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_where_seeds_are_all_that_matters_it_is_students_t(seeds):
    of_seeds = np.random.default_rng(seeds).normal(0.02, 0.01, seeds)
    found = estimate_mean(table(np.repeat(of_seeds[:, None], 50, axis=1)))
    expected = stats.t.interval(0.95, seeds - 1, of_seeds.mean(), stats.sem(of_seeds))
    half = expected[1] - expected[0]
    assert (found.low, found.high) == pytest.approx(expected, abs=0.01 * half)
    assert found.p_value == pytest.approx(stats.ttest_1samp(of_seeds, 0).pvalue, rel=0.02)


def test_where_images_are_all_that_matters_it_is_their_bootstrap():
    of_images = np.random.default_rng(5).exponential(0.1, 300) - 0.09
    theirs = stats.bootstrap((of_images,), np.mean, n_resamples=5000, method="percentile", rng=1)
    for seeds in (1, 3):
        found = estimate_mean(table(np.tile(of_images, (seeds, 1))))
        low, high = theirs.confidence_interval
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.04 * (high - low))
        expected = stats.ttest_1samp(of_images, 0).pvalue
        assert np.isnan(found.p_value) if seeds == 1 else abs(found.p_value - expected) < 0.02


def test_few_images_are_not_taken_for_all_there_are():
    """A mean of n values drawn again has n - 1 of n parts of the variance that it should have."""
    values = np.array([0.1, 0.2, 0.25, 0.4, 0.7])
    plain = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    found, expected = estimate_mean(table(values[None])), plain.confidence_interval
    ratio = (found.high - found.low) / (expected.high - expected.low)
    assert ratio == pytest.approx(np.sqrt(5 / 4), rel=0.03)


def test_noise_is_counted_once():
    """Noise alone, of spread 1, on many seeds: 1.96 standard errors to each side."""
    random = np.random.default_rng(7)
    found = [estimate_mean(table(random.normal(size=(30, 30)))) for _ in range(20)]
    widths = [(e.high - e.low) / 2 for e in found]
    assert 0.9 < np.mean(widths) / (1.96 / 30) < 1.2


def test_interval_and_p_value_agree():
    random = np.random.default_rng(6)
    for shift in np.linspace(-0.1, 0.1, 25):
        found = estimate_mean(table(shift + simulate(random, 3, 0.02, 0.05, 0.05)))
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_no_spread_no_seeds_no_images():
    equal = estimate_mean(table(np.zeros((3, 20))))
    assert (equal.low, equal.high) == pytest.approx((0, 0), abs=1e-6) and equal.p_value == 1
    one = estimate_mean(table([[0.1], [0.3]]))
    assert one.mean == pytest.approx(0.2) and np.isnan([one.low, one.high, one.p_value]).all()
    for nothing in (estimate_mean(pd.DataFrame()), estimate_mean(table(np.zeros((2, 0))))):
        assert np.isnan(nothing.mean) and nothing.seeds == nothing.images == 0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.02, np.nan, 0.3]) == pytest.approx([0.04, np.nan, 0.3], nan_ok=True)
    assert holm([0.9, 0.8]) == pytest.approx([1, 1]) and len(holm([])) == 0


def run_of(row, seed, iou):
    """A result whose IoU per image is a list."""
    names = [f"{number}.jpg" for number in range(len(iou))]
    metrics = {"parameters": 100 + seed, "macs": 5, "training_seconds": 10.0 * (seed + 1)}
    return RunResult(
        row,
        seed,
        Path("runs") / row / str(seed),
        metrics,
        pd.Series(iou, names, float),
        pd.DataFrame(),
        pd.DataFrame(),
        {},
        "",
    )


def plan_of(*names, metric="mean_iou"):
    rows = tuple(Row(name, {}, TrainingConfig()) for name in names)
    return Plan(
        Path("plan.yaml"),
        Path("data"),
        rows,
        (0, 1, 2),
        None,
        "validation",
        metric,
        names[0],
        None,
        "",
    )


def test_scores_of_a_metric_by_hand():
    iou = pd.Series([0.2, 0.75, 0.9])
    assert image_scores(iou, "mean_iou").tolist() == [0.2, 0.75, 0.9]
    assert image_scores(iou, "success_0.75").tolist() == [0, 1, 1]
    runs = [run_of("a", 2, [0.4, 0.6]), run_of("b", 0, [1, 1]), run_of("a", 0, [0.5, 0.3])]
    assert score_table(runs, "a", "success_0.5").to_numpy().tolist() == [[1, 0], [0, 1]]


def test_rows_are_compared_on_the_seeds_and_images_that_both_have():
    runs = [
        run_of("base", 0, [0.5, 0.5, 0.5]),
        run_of("base", 2, [0.2, 0.4, 0.6]),
        run_of("new", 1, [1.0, 1.0, 1.0]),
        run_of("new", 2, [0.3, 0.6]),
    ]
    base, new = describe_rows(plan_of("base", "new"), runs)
    assert base["difference"] is None and base["words"] == "the baseline"
    assert (new["difference"].seeds, new["difference"].images) == (1, 2)
    assert new["difference"].mean == pytest.approx((0.1 + 0.2) / 2)
    assert new["estimate"].mean == pytest.approx((1 + 1 + 0.3 + 0.6) / 4)
    assert new["training_seconds"] == pytest.approx(25) and new["best_epoch"] is None
    assert new["words"].startswith("one seed: nothing is known about new trainings (difference +0")


def test_words_say_what_the_figures_say():
    random = np.random.default_rng(8)
    base = random.uniform(0.3, 0.6, (3, 80))
    rows = {"base": base, "up": base + 0.1, "down": base - 0.1 + random.normal(0, 0.01, (3, 80))}
    rows["same"] = base + random.normal(0, 0.05, (3, 80))
    runs = [run_of(n, s, v[s]) for (n, v), s in itertools.product(rows.items(), range(3))]
    described = {r["name"]: r for r in describe_rows(plan_of(*rows, "missing"), runs)}
    assert described["up"]["words"] == "better by 0.100 (0.100 to 0.100)"
    down = described["down"]["difference"]
    assert described["down"]["words"] == (
        f"worse by {abs(down.mean):.3f} ({abs(down.high):.3f} to {abs(down.low):.3f})"
    )
    assert abs(down.high) < abs(down.mean) < abs(down.low)
    same = described["same"]["difference"]
    assert described["same"]["words"] == (
        f"not distinguishable with 3 seeds (difference {same.mean:+.3f}, "
        f"{same.low:.3f} to {same.high:.3f})"
    )
    assert described["missing"]["words"] == "no run has finished"
    assert [described[n]["verdict"] for n in rows] == ["", "better", "worse", ""]
    apart = describe_rows(plan_of("base", "new"), [run_of("base", 0, [1]), run_of("new", 1, [1])])
    assert apart[1]["words"] == "no seed in common with base"


def test_a_difference_that_does_not_outlast_the_correction_is_none():
    """Twelve rows, of which one differs by two and a half standard errors."""
    random = np.random.default_rng(9)
    base = random.uniform(0.3, 0.6, (5, 60))
    noise = random.normal(0, 0.05, (12, 5, 60))
    noise -= noise.mean(axis=(1, 2), keepdims=True)
    noise[0] += 3 * 0.05 / np.sqrt(5 * 60)
    runs = [run_of("base", seed, base[seed]) for seed in range(5)]
    runs += [run_of(f"r{k}", s, base[s] + noise[k, s]) for k in range(12) for s in range(5)]
    first = describe_rows(plan_of("base", *(f"r{k}" for k in range(12))), runs)[1]
    assert first["difference"].p_value < 0.05 < first["p_corrected"] and first["verdict"] == ""
    words = "not distinguishable after correction for 12 comparisons (difference +0.009, "
    assert first["words"].startswith(words)
