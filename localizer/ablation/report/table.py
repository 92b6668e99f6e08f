"""The rows of an ablation with their figures, and what each difference says in plain words."""

import math

import numpy as np

from localizer.ablation.report.statistics import (
    CONFIDENCE,
    difference_table,
    estimate_mean,
    holm,
    score_table,
)
from localizer.evaluation.iou_statistics import SUCCESS_THRESHOLDS, success_rate

_TIMES = ("training_seconds", "best_epoch", "epochs")


def describe_rows(plan, results):
    """What is known of each row of the plan, in the plan's order.

    Args:
        plan: a `Plan`.
        results: list of `RunResult`; runs may be missing.

    Returns:
        A dict per row: `name`, `changes`, `reference` (the name of the row that it is compared
        with; None of the baseline and of the first step), `runs` (its results by seed), `estimate`
        and `difference` from the reference (each an `Estimate`, of the plan's metric, or None
        where there is no reference), `since_start` (of steps, the difference from the first one, or
        None), `p_corrected` (Holm, over the rows with two seeds or more), `verdict`
        ("better", "worse", "" where there is none), `words`, `mean_iou`, `success` (rate by
        threshold), `parameters`, `macs`, and, as means over the runs, `training_seconds`,
        `best_epoch` and `epochs`. What is not known is None.
    """
    tables = {row.name: score_table(results, row.name, plan.metric) for row in plan.rows}
    rows = []
    for row in plan.rows:
        reference = plan.references[row.name]
        start = plan.baseline if plan.steps and reference else None
        runs = sorted((r for r in results if r.row == row.name), key=lambda run: run.seed)
        rows.append(
            {
                "name": row.name,
                "changes": dict(row.changes),
                "reference": reference,
                "runs": runs,
                "estimate": estimate_mean(tables[row.name], least=0.0),
                "difference": _difference(tables, row.name, reference),
                "since_start": _difference(tables, row.name, start),
                **_costs(runs),
            }
        )
    p_values = [row["difference"].p_value if row["difference"] else math.nan for row in rows]
    comparisons = int(np.isfinite(p_values).sum())
    for row, p_corrected in zip(rows, holm(p_values)):
        row["p_corrected"] = float(p_corrected) if p_corrected == p_corrected else None
        row["verdict"] = _verdict(row)
        row["words"] = _words(row, plan.steps, comparisons)
    return rows


def _difference(tables, name, reference):
    return estimate_mean(difference_table(tables[name], tables[reference])) if reference else None


def _costs(runs):
    if not runs:
        return dict.fromkeys(("mean_iou", "success", "parameters", "macs", *_TIMES))
    metrics = [run.metrics for run in runs]
    return {
        "mean_iou": float(np.mean([run.iou.mean() for run in runs])),
        "success": {
            str(t): float(np.mean([success_rate(run.iou, t) for run in runs]))
            for t in SUCCESS_THRESHOLDS
        },
        **{name: metrics[0].get(name) for name in ("parameters", "macs")},
        **{name: _mean(metrics, name) for name in _TIMES},
    }


def _mean(metrics, name):
    known = [one[name] for one in metrics if one.get(name) is not None]
    return float(np.mean(known)) if known else None


def _verdict(row):
    if row["p_corrected"] is None or row["p_corrected"] >= 1 - CONFIDENCE:
        return ""
    return "better" if row["difference"].mean > 0 else "worse"


def _words(row, steps, comparisons):
    """A row's difference from its reference as a sentence without its subject."""
    difference = row["difference"]
    if not row["reference"]:
        return "the start" if steps else "the baseline"
    if not row["runs"]:
        return "no run has finished"
    if not difference.seeds:
        return f"no seed in common with {row['reference']}"
    interval = f"{difference.low:z.3f} to {difference.high:z.3f}"
    if difference.seeds == 1:
        of_images = "" if math.isnan(difference.low) else f", {interval} for new images"
        return (
            "one seed: nothing is known about new trainings "
            f"(difference {difference.mean:+z.3f}{of_images})"
        )
    if math.isnan(difference.low):
        return f"too few images for an interval (difference {difference.mean:+z.3f})"
    if row["verdict"] == "better":
        return f"better by {difference.mean:z.3f} ({interval})"
    if row["verdict"] == "worse":
        return (
            f"worse by {-difference.mean:z.3f} ({-difference.high:z.3f} to {-difference.low:z.3f})"
        )
    values = f"difference {difference.mean:+z.3f}, {interval}"
    if difference.p_value < 1 - CONFIDENCE:
        return f"not distinguishable after correction for {comparisons} comparisons ({values})"
    return f"not distinguishable with {difference.seeds} seeds ({values})"
