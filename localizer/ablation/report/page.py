"""The ablation's page: what was asked, which rows differ from what they are compared with, and how
it was made."""

import json
import math
from pathlib import Path

from markupsafe import Markup

from localizer.ablation.report.figures import effect_plot, learning_curves
from localizer.ablation.report.pictures import compare_pictures
from localizer.ablation.report.result_files import write_result_files
from localizer.ablation.report.table import describe_rows
from localizer.dataset.dataset import open_dataset
from localizer.dataset.splits.near_duplicate_notes import divided_note
from localizer.environment import describe_environment
from localizer.files.atomic_files import write_text
from localizer.html import inline_script, open_templates
from localizer.reporting import page as report_page
from localizer.reporting.formatting import FILTERS, MISSING, duration, plain

_TEMPLATES = Path(__file__).parent / "templates"
_REPORT_TEMPLATES = Path(report_page.__file__).parent / "templates"
_COMMIT_DIGITS = 7


def write_ablation_page(plan, results, failures, out, command):
    """Write report.html, and results.csv, rows.csv and results.json beside it.

    Runs may be missing: a row is compared on the seeds that it and its reference have.

    Args:
        plan: a `Plan`.
        results: list of `RunResult`.
        failures: list of dicts with `row`, `seed` and `log`, the last lines of the run's log.
        out: the folder.
        command: the command line that made it, shown on the page.

    Returns:
        Path of report.html.

    Raises:
        InputError: the plan's dataset cannot be opened.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    rows = describe_rows(plan, results)
    made = {**describe_environment(), "command": command}
    html = _render(plan, rows, failures, made)
    write_result_files(plan, rows, failures, out, made)
    write_text(out / "report.html", html)
    return out / "report.html"


def _render(plan, rows, failures, made):
    dataset = open_dataset(plan.data)
    ranked = sorted(rows, key=_rank)
    measured = [row for row in ranked if row["runs"]]
    by_name = {row["name"]: row for row in rows}
    pictured = plan.pictures or _default_pictures(plan, measured)
    environment = open_templates(_TEMPLATES, _REPORT_TEMPLATES)
    environment.filters |= FILTERS | {"plain": plain, "duration": duration, "commit": short_commit}
    script = (_TEMPLATES / "ablation.js").read_text(encoding="utf-8")
    return environment.get_template("ablation.html.j2").render(
        plan=plan,
        dataset=dataset,
        divided=divided_note(dataset, plan.split),
        metric=metric_words(plan.metric),
        rows=rows if plan.steps else ranked,
        best=measured[0] if measured else None,
        baseline=by_name[plan.baseline],
        verdicts=_count_verdicts(rows),
        done=sum(len(row["runs"]) for row in rows),
        figures=_figures(plan, rows),
        pictures=compare_pictures(rows, pictured, dataset) if pictured else [],
        pictured=pictured,
        failures=failures,
        command=made["command"],
        machines=_environments(rows),
        made=[(term.replace("_", " "), plain(value)) for term, value in made.items()],
        **inline_script(script),
    )


def _rank(row):
    """Best first, rows without a run last."""
    mean = row["estimate"].mean
    return math.inf if math.isnan(mean) else -mean


def _default_pictures(plan, measured):
    """The baseline, or the first step, and the best of the others; None when there are no two."""
    names = [row["name"] for row in measured]
    others = [name for name in names if name != plan.baseline]
    return (plan.baseline, others[0]) if others and plan.baseline in names else None


def _count_verdicts(rows):
    """Numbers of rows that are better, worse, and neither, of those that can be judged."""
    judged = [row["verdict"] for row in rows if row["p_corrected"] is not None]
    return {verdict: judged.count(verdict) for verdict in ("better", "worse", "")}


def _figures(plan, rows):
    """The SVG of the effects and of the curves; None for one that has nothing to show."""
    effects = curves = None
    if any(row["difference"] and row["difference"].seeds for row in rows):
        effects = Markup(effect_plot(rows, metric_words(plan.metric)))
    if any(row["runs"] for row in rows):
        curves = Markup(learning_curves(rows))
    return {"effects": effects, "curves": curves}


def _environments(rows):
    """Each machine with its versions, as one line of text, and the number of runs made on it."""
    counts = {}
    for run in (run for row in rows for run in row["runs"]):
        known = {k: run.environment.get(k) for k in ("commit", "backend", "machine", "versions")}
        key = json.dumps(known)
        counts[key] = counts.get(key, 0) + 1
    return [(json.loads(key), count) for key, count in counts.items()]


def metric_words(metric):
    """A plan's metric for a reader.

    >>> metric_words("mean_iou"), metric_words("success_0.75")
    ('mean IoU', 'share of images with IoU ≥ 0.75')
    """
    if metric == "mean_iou":
        return "mean IoU"
    return f"share of images with IoU ≥ {metric.removeprefix('success_')}"


def short_commit(commit):
    """The first digits of a commit, and "+changes" where files differed from it."""
    if not commit:
        return MISSING
    digits, plus, changes = commit.partition("+")
    return " ".join([digits[:_COMMIT_DIGITS], plus + changes]).strip()
