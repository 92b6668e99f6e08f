"""The report: metrics.json and predictions.csv per dataset, and one self-contained page to read."""

import json
from pathlib import Path

from localizer.environment import describe_environment
from localizer.errors import InputError
from localizer.files.atomic_files import write_text
from localizer.html import inline_script, open_templates
from localizer.images.colours import TRUTH
from localizer.reporting.formatting import FILTERS, plain
from localizer.reporting.gallery import Thumbnails
from localizer.reporting.section import describe_section

_TEMPLATES = Path(__file__).parent / "templates"
_FILES = ("report.html", "metrics.json", "predictions.csv")


def write_comparison(parts, out_dir, command):
    """Write one page over one or several datasets, each with its own section and headline table.

    Each file replaces an older one in one step.

    Args:
        parts: one or more pairs of an `Evaluation` and its `Dataset`. With several, each one's
            metrics.json and predictions.csv are in a folder of the dataset's name.
        out_dir: folder for report.html, and with one dataset its metrics.json and predictions.csv.
        command: the command line that made it, shown on the page.

    Returns:
        Path of report.html.

    Raises:
        InputError: a photo has become unreadable since the evaluation, or `out_dir` is no place
            for a report.
    """
    out_dir = prepare_folder(out_dir, [dataset for _, dataset in parts])
    thumbnails = Thumbnails()
    sections = [describe_section(*part, thumbnails) for part in parts]
    html = _render(sections, thumbnails, command)
    for evaluation, dataset in parts:
        folder = out_dir if len(parts) == 1 else out_dir / dataset.name
        metrics = json.dumps(evaluation.metrics, indent=2, allow_nan=False, ensure_ascii=False)
        write_text(folder / "metrics.json", metrics + "\n")
        csv = evaluation.predictions.to_csv(index=False, float_format="%.6g")
        write_text(folder / "predictions.csv", csv)
    write_text(out_dir / "report.html", html)
    return out_dir / "report.html"


def prepare_folder(out_dir, datasets=()):
    """Make the folder of a report over these datasets, with a folder for each if there are several.

    Raises:
        InputError: it holds a run or a dataset, whose files would be lost, or two datasets have
            one name.
    """
    out_dir = Path(out_dir)
    names = [dataset.name for dataset in datasets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{twice[0]}: two datasets of this name; rename the folder of one")
    folders = [out_dir, *(out_dir / name for name in names)] if len(names) > 1 else [out_dir]
    for folder in folders:
        for name in ("config.yaml", "dataset.json"):
            if (folder / name).exists():
                raise InputError(
                    f"{folder}: holds a {name}, so it is no report; choose another --out"
                )
        others = {path.name for path in folder.glob("[!.]*")} - {*_FILES, *names}
        if others and not (folder / "report.html").exists():
            raise InputError(
                f"{folder}: holds other files ({min(others)}), so it is no report; choose another "
                "--out"
            )
        folder.mkdir(parents=True, exist_ok=True)
    return out_dir


def _render(sections, thumbnails, command):
    environment = open_templates(_TEMPLATES)
    environment.filters |= FILTERS
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    made = {**describe_environment(), "command": command}
    return environment.get_template("report.html.j2").render(
        sections=sections,
        title=_title(sections),
        truth_colour=TRUTH,
        thumbnails=thumbnails.entries,
        **inline_script(script),
        made=[(term.replace("_", " "), plain(value)) for term, value in made.items()],
    )


def _title(sections):
    first = sections[0]["metrics"]
    if len(sections) == 1:
        return f"{first['target'].capitalize()} localization on {first['dataset']}"
    targets = list(dict.fromkeys(section["metrics"]["target"] for section in sections))
    return f"{' and '.join(targets).capitalize()} localization, {len(sections)} datasets"
