"""One section of the report: a dataset, its target, and how the models do on it."""

import math

from markupsafe import Markup

from localizer.images.colours import model_colour
from localizer.reporting import figures, wording
from localizer.reporting.gallery import gallery_data, worst_false_alarms

_BREAKDOWNS = {
    "per_box_size": "By size of the true box",
    "per_supercategory": "By supercategory",
    "per_category": "By category",
}


def describe_section(evaluation, dataset, thumbnails):
    """What the template shows of one evaluation.

    Args:
        evaluation: an `Evaluation`.
        dataset: the `Dataset` it was made on.
        thumbnails: `Thumbnails`, to which the photos are added.

    Returns:
        dict of what the template's section names.
    """
    metrics = evaluation.metrics
    models = metrics["models"]
    samples = dataset.samples.iloc[evaluation.rows]
    return {
        "metrics": metrics,
        "models": models,
        "axis": _axis(models),
        "labeler": metrics.get("labeler"),
        "false_alarms": worst_false_alarms(evaluation, dataset),
        "colours": [model_colour(number) for number in range(len(models))],
        "best": max(models, key=lambda model: model["mean_iou"]),
        "differences": [wording.difference_sentence(model) for model in models[1:]],
        "matrix": _matrix(metrics),
        "naming": [(model["name"], named) for model in models if (named := _named(model))],
        "figures": _figures(evaluation, dataset),
        "tables": _tables(models),
        "categories": sorted(set(samples["category"]) - {""}),
        "supercategories": sorted(set(samples["supercategory"]) - {""}),
        "gallery": gallery_data(evaluation, dataset, thumbnails),
        "notes": wording.notes(metrics),
        "facts": wording.dataset_facts(dataset, metrics),
    }


def _named(model):
    """What a model names right, as (word, share of the photos) pairs."""
    words = ("supercategory", "category")
    shares = [(word, model[f"{word}_accuracy"]) for word in words]
    return [(word, share) for word, share in shares if share is not None]


def _axis(models):
    """Tenths of IoU between which all intervals of the headline table lie."""
    ends = [model["mean_iou"] for model in models]
    ends += [bound for model in models for bound in model["ci95"] if bound is not None]
    low, high = math.floor(10 * min(ends)), math.ceil(10 * max(ends))
    return low / 10, max(high, low + 1) / 10


def _matrix(metrics):
    """Rows of (model, cells): model minus the model of each column; None on the diagonal."""
    pairs = {(pair["model"], pair["other"]): pair for pair in metrics["pairs"]}
    names = [model["name"] for model in metrics["models"]]
    return [(row, [_cell(pairs, row, column) for column in names]) for row in names]


def _cell(pairs, row, column):
    sign, pair = 1, pairs.get((row, column))
    if pair is None:
        sign, pair = -1, pairs.get((column, row))
    if pair is None or pair["mean_difference"] is None:
        return None
    interval = [None if bound is None else sign * bound for bound in pair["ci95"]][::sign]
    sure = None not in interval and (interval[0] > 0 or interval[1] < 0)
    mean = sign * pair["mean_difference"]
    return {
        "mean": mean,
        "ci95": interval,
        "n": pair["n"],
        "verdict": ("ahead" if mean > 0 else "behind") if sure else "",
    }


def _figures(evaluation, dataset):
    """(title, caption, SVG) of each figure that applies. Matplotlib has escaped the names."""
    models = evaluation.metrics["models"]
    drawn = [
        ("Success curves", "", figures.success_curves(evaluation)),
        ("Distribution of IoU", "", figures.iou_histogram(evaluation)),
        (
            "IoU by size of the true box",
            f"Lines: means of ten equally full bins. Dots: photos of {models[0]['name']}.",
            figures.iou_by_box_size(evaluation, dataset),
        ),
    ]
    if any(model["latency_ms"] for model in models):
        drawn.append(
            (
                "IoU against latency",
                "Area of a dot: bytes of the model's file. Lines: 95 % interval of the IoU, and "
                "the middle half of the latencies. Models without a latency are not shown.",
                figures.iou_against_latency(models),
            )
        )
    if models[0]["per_category"]:
        drawn.append(
            (
                "Mean IoU by category",
                f"Bars: {models[0]['name']} with its 95 % intervals, number of photos in brackets. "
                "Dots: the other models.",
                figures.category_bars(models),
            )
        )
    return [(title, caption, Markup(svg)) for title, caption, svg in drawn]


def _tables(models):
    """Title and rows (group, n, a summary per model or None) of each breakdown that applies."""
    tables = []
    for key, title in _BREAKDOWNS.items():
        by_model = [{group["group"]: group for group in model[key] or []} for model in models]
        # A model may lack groups: those that it was trained on.
        groups = list(dict.fromkeys(name for groups in by_model for name in groups))
        if groups:
            rows = [
                (
                    name,
                    max(g[name]["n"] for g in by_model if name in g),
                    [g.get(name) for g in by_model],
                )
                for name in (groups if key == "per_box_size" else sorted(groups))
            ]
            tables.append((title, rows))
    return tables
