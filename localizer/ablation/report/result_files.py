"""An ablation's results as CSV and JSON, for people's own notebooks."""

import json
import math

import pandas as pd

from localizer.files.atomic_files import write_text
from localizer.recipe.fields import flatten


def write_result_files(plan, rows, failures, out, made):
    """Write results.csv (a line per run), rows.csv (a line per row) and results.json (all of it).

    Args:
        plan: a `Plan`.
        rows: what `table.describe_rows` gives.
        failures: list of dicts with `row`, `seed`, `log`.
        out: folder, a Path.
        made: dict that says how and where the files were made.
    """
    configs = {row.name: flatten(row.config.to_dict()) for row in plan.rows}
    varied = list(dict.fromkeys(name for row in plan.rows for name in row.changes))
    runs = [
        _describe_run(run, {name: configs[run.row][name] for name in varied})
        for row in rows
        for run in row["runs"]
    ]
    table = [_describe_row(row) for row in rows]
    _write_csv(out / "results.csv", runs, ["row", "seed"])
    _write_csv(out / "rows.csv", [{**r, "changes": json.dumps(r["changes"])} for r in table], [])
    described = {
        "plan": {"path": str(plan.path), "text": plan.text},
        "data": str(plan.data),
        "split": plan.split,
        "metric": plan.metric,
        "baseline": plan.baseline,
        "seeds": list(plan.seeds),
        "minutes": plan.minutes,
        "rows": table,
        "runs": runs,
        "failures": failures,
        "made": made,
    }
    text = json.dumps(_without_nan(described), indent=2, allow_nan=False, ensure_ascii=False)
    write_text(out / "results.json", text + "\n")


def _describe_run(run, varied):
    """Everything of a run that is one value; `success_0.5` for the rate at 0.5."""
    flat = {k: v for k, v in run.metrics.items() if not isinstance(v, (dict, list))}
    flat |= {f"success_{t}": rate for t, rate in (run.metrics.get("success") or {}).items()}
    commit = run.environment.get("commit")
    places = {"commit": commit, "run": str(run.run), "command": run.command}
    return {"row": run.row, "seed": run.seed, **varied, **flat, **places}


def _describe_row(row):
    estimate, difference = row["estimate"], row["difference"]
    reference = row["reference"]
    described = {"row": row["name"], "changes": row["changes"], "baseline": reference is None}
    described["compared_with"] = reference
    described |= {k: getattr(estimate, k) for k in ("seeds", "images", "mean", "low", "high")}
    for name in ("mean", "low", "high"):
        described[f"difference_{name}"] = difference and getattr(difference, name)
        if row["since_start"]:
            described[f"since_start_{name}"] = getattr(row["since_start"], name)
    described["common_seeds"] = difference and difference.seeds
    described["p_value"] = difference and difference.p_value
    for name in ("p_corrected", "verdict", "words", "mean_iou"):
        described[name] = row[name]
    described |= {f"success_{t}": rate for t, rate in (row["success"] or {}).items()}
    costs = ("parameters", "macs", "training_seconds", "best_epoch", "epochs")
    return described | {name: row[name] for name in costs}


def _write_csv(path, records, columns):
    table = pd.DataFrame(records) if records else pd.DataFrame(columns=columns)
    write_text(path, table.to_csv(index=False, float_format="%.6g"))


def _without_nan(value):
    """JSON has no NaN: what is not known is null."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
