"""The report: metrics.json, predictions.csv, pictures, and one self-contained page to read."""

import base64
import json
from pathlib import Path

import jinja2
from markupsafe import Markup

from localizer.atomic_files import write_text
from localizer.environment import describe_environment
from localizer.errors import InputError
from localizer.reporting import figures, pictures

_MISSING = "–"


def write_report(evaluation, dataset, out_dir, command):
    """Write the report of an evaluation; each file replaces an older one in one step.

    Args:
        evaluation: an `Evaluation`.
        dataset: the `Dataset` it was made on.
        out_dir: folder for report.html, metrics.json, predictions.csv and pictures/.
        command: the command line that made it, shown on the page.

    Returns:
        Path of report.html.

    Raises:
        InputError: a photo has become unreadable since the evaluation, or `out_dir` is no place
            for a report.
    """
    out_dir = prepare_folder(out_dir)
    galleries = pictures.write_galleries(evaluation, dataset, out_dir / "pictures")
    html = _render(evaluation, dataset, galleries, command)
    metrics = json.dumps(evaluation.metrics, indent=2, allow_nan=False, ensure_ascii=False)
    write_text(out_dir / "metrics.json", metrics + "\n")
    csv = evaluation.predictions.to_csv(index=False, float_format="%.6g")
    write_text(out_dir / "predictions.csv", csv)
    write_text(out_dir / "report.html", html)
    return out_dir / "report.html"


def prepare_folder(out_dir):
    """Make the folder of a report; a run or a dataset, whose files would be lost, is refused."""
    out_dir = Path(out_dir)
    for name in ("config.yaml", "dataset.json"):
        if (out_dir / name).exists():
            raise InputError(f"{out_dir}: holds a {name}, so it is no report; choose another --out")
    out_dir.mkdir(parents=True, exist_ok=True)
    return out_dir


def _render(evaluation, dataset, galleries, command):
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "iou": lambda value: _number(value, "{:.3f}"),
        "percent": lambda value: _number(value, "{:.1%}"),
        "compact": _compact,
        "bytes": lambda value: _compact(value, unit="B"),
        "ms": lambda value: _number(value, "{:.2f} ms" if value and value < 10 else "{:.0f} ms"),
        "data_uri": _data_uri,
    }
    metrics = evaluation.metrics
    models = metrics["models"]
    return environment.get_template("report.html.j2").render(
        metrics=metrics,
        models=models,
        best=max(models, key=lambda model: model["mean_iou"]),
        differences=[_difference_sentence(model, metrics["n"]) for model in models[1:]],
        labelled=[model for model in models if model["species_accuracy"] is not None],
        figures=_figures(evaluation, dataset),
        breed_figures=_breed_figures(models),
        tables=_breakdown_tables(models),
        galleries=galleries,
        notes=_notes(metrics),
        made=_how_it_was_made(dataset, command),
    )


def _figures(evaluation, dataset):
    """(title, SVG) of each figure. Matplotlib has escaped the names inside."""
    return [
        ("Success curve", Markup(figures.success_curves(evaluation))),
        ("Distribution of IoU", Markup(figures.iou_histogram(evaluation))),
        ("IoU by size of the true box", Markup(figures.iou_by_box_size(evaluation, dataset))),
    ]


def _breed_figures(models):
    """(model name, SVG) of the first model, if the dataset has breeds."""
    first = models[0]
    return [(first["name"], Markup(figures.breed_bars(first)))] if first["per_breed"] else []


def _breakdown_tables(models):
    """Title and rows (group, n, one summary per model) of each breakdown that applies."""
    titles = {
        "per_box_size": "By size of the true box",
        "per_species": "By species",
        "per_breed": "By breed",
    }
    tables = []
    for key, title in titles.items():
        if models[0][key]:
            summaries = zip(*(model[key] for model in models))
            rows = [(groups[0]["group"], groups[0]["n"], groups) for groups in summaries]
            tables.append((title, rows))
    return tables


def _difference_sentence(model, n):
    """What the paired difference says, with the better model as the subject."""
    versus = model["versus_first"]
    mean, (low, high) = versus["mean_difference"], versus["ci95"]
    wins, losses = versus["wins"], versus["losses"]
    better, worse = model["name"], versus["model"]
    if mean < 0:
        better, worse = worse, better
        wins, losses = losses, wins
        mean, low, high = -mean, None if high is None else -high, None if low is None else -low
    counts = f"better on {wins}, equal on {versus['ties']} and worse on {losses} of {n} photos."
    if low is None:
        return better, f"compared with {worse}: {counts} Too few photos for an interval."
    interval = f"{mean:.3f} (95 % interval {low:.3f} to {high:.3f})"
    if low <= 0:
        return better, f"is not clearly ahead of {worse}: mean IoU differs by {interval}; {counts}"
    return better, f"beats {worse} by {interval} in mean IoU: {counts}"


def _notes(metrics):
    """What a reader must know before trusting a figure."""
    notes = list(metrics["warnings"])
    unreadable = metrics["unreadable"]
    if unreadable:
        photos = "photo" if len(unreadable) == 1 else "photos"
        notes.append(
            f"{len(unreadable)} {photos} could not be read, left out for all models; for "
            f"example {unreadable[0]['image']} ({unreadable[0]['reason']}). metrics.json lists all."
        )
    for model in metrics["models"]:
        if model["no_box"]:
            notes.append(
                f"{model['name']} gave no box for {model['no_box']} of {metrics['n']} photos; each "
                "counts as IoU 0."
            )
    unscored = [model["name"] for model in metrics["models"] if not model["has_scores"]]
    if unscored:
        notes.append(
            f"No confidence scores from {', '.join(unscored)}: their AP ranks all boxes alike and "
            "says no more than their success rates."
        )
    missing = [
        word for key, word in (("per_species", "species"), ("per_breed", "breed"))
        if not metrics["models"][0][key]
    ]  # fmt: skip
    if missing:
        notes.append(f"The dataset names no {' and no '.join(missing)}, so there is no such table.")
    if metrics["n"] < 30:
        notes.append(f"{metrics['n']} photos are few: the intervals are narrower than the truth.")
    return notes


def _how_it_was_made(dataset, command):
    """(term, text) pairs for the last section."""
    described = {"dataset": f"{dataset.name} ({dataset.path})", **dataset.description}
    facts = describe_environment() | described | {"command": command}
    return [(term.replace("_", " "), _plain(value)) for term, value in facts.items()]


def _plain(value):
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(part)}" for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(part) for part in value)
    return _MISSING if value is None or value == "" else str(value)


def _number(value, pattern):
    return _MISSING if value is None else pattern.format(value)


def _compact(value, unit=""):
    """1234567 as "1.23 M"; bytes count in powers of 1000."""
    if value is None:
        return _MISSING
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".strip()


def _data_uri(path):
    return "data:image/jpeg;base64," + base64.b64encode(Path(path).read_bytes()).decode()
