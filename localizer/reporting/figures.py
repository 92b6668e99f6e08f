"""The report's figures, as SVG for inlining in a page: text takes the page's colour and font."""

import io
import re

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from localizer import boxes

# Okabe and Ito's palette for all kinds of colour vision, its blue lighter to read on black too.
_COLOURS = ("#2B8CC4", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A8A")
# Matplotlib has no `currentColor`: this stands for it until the SVG is written.
_INK = "#010203"
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "localizer",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def iou_histogram(evaluation):
    """How many photos have which IoU, one line per model. Returns SVG text."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(height=2.9 + 0.19 * len(evaluation.metrics["models"]))
        for colour, model, iou in _models(evaluation):
            counts, edges = np.histogram(iou, bins=20, range=(0, 1))
            if model is evaluation.metrics["models"][0]:
                axes.stairs(counts, edges, color=colour, alpha=0.2, fill=True)
            axes.stairs(counts, edges, color=colour, linewidth=1.8, label=_text(model["name"]))
        axes.set(xlabel="IoU", ylabel="photos", xlim=(0, 1))
        _legend(axes)
        return _svg(figure)


def success_curves(evaluation):
    """Share of photos that reach each IoU, one line per model with its area. Returns SVG text."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(height=2.9 + 0.19 * len(evaluation.metrics["models"]))
        for colour, model, _ in _models(evaluation):
            thresholds, rates = model["success_curve"].values()
            area = np.trapezoid(rates, thresholds)
            label = f"{_text(model['name'])} (AUC {area:.3f})"
            axes.plot(thresholds, rates, color=colour, linewidth=1.8, label=label)
        axes.set(xlabel="IoU threshold", ylabel="share of photos that reach it")
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        _legend(axes)
        return _svg(figure)


def iou_by_box_size(evaluation, dataset):
    """Mean IoU in ten equally full bins of the truth's area; dots: the first model's photos.

    Returns SVG text.
    """
    percent = 100 * boxes.area_xyxy(dataset.boxes_rel_xyxy[evaluation.rows])
    order = np.argsort(percent, kind="stable")
    bins = np.array_split(order, min(10, len(order)))
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(height=2.9 + 0.19 * len(evaluation.metrics["models"]))
        for colour, model, iou in _models(evaluation):
            if model is evaluation.metrics["models"][0]:
                # As pixels: thousands of dots would make the page heavy.
                axes.scatter(percent, iou, s=5, color=colour, alpha=0.3, lw=0, rasterized=True)
            centres = [np.median(percent[part]) for part in bins]
            means = [iou[part].mean() for part in bins]
            axes.plot(centres, means, "o-", color=colour, ms=3, label=_text(model["name"]))
        axes.set(xscale="log", xlabel="area of the true box, % of the photo", ylabel="IoU")
        axes.set_ylim(-0.02, 1.02)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        _legend(axes)
        return _svg(figure)


def breed_bars(model):
    """Mean IoU per breed with its 95 % interval, best first. Returns SVG text.

    Args:
        model: an entry of metrics["models"] with `per_breed`.
    """
    groups = sorted(model["per_breed"], key=lambda group: group["mean_iou"])
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(height=0.9 + 0.2 * len(groups))
        means = [group["mean_iou"] for group in groups]
        axes.barh(range(len(groups)), means, color=_COLOURS[0], alpha=0.55, height=0.7)
        # A breed with a single photo has no interval, and its bar no line.
        lows, highs = np.array([group["ci95"] for group in groups], float).T
        axes.hlines(range(len(groups)), lows, highs, color=_INK, linewidth=1)
        labels = [f"{_text(group['group'])} ({group['n']})" for group in groups]
        axes.set_yticks(range(len(groups)), labels, fontsize=9)
        axes.set(xlim=(0, 1), ylim=(-0.7, len(groups) - 0.3), xlabel="mean IoU")
        return _svg(figure)


def _figure(height):
    figure = Figure(figsize=(5.2, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.grid(color=_INK, alpha=0.12, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _models(evaluation):
    """(colour, metrics, IoU values) of each model."""
    for i, model in enumerate(evaluation.metrics["models"]):
        iou = evaluation.predictions_of(model["name"])["iou"].to_numpy()
        yield _COLOURS[i % len(_COLOURS)], model, iou


def _legend(axes):
    """Above the axes, where it hides nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=1, borderaxespad=0.2)


def _text(name):
    """Any name as plain text: a dollar sign would start a formula."""
    return name.replace("$", r"\$")


def _svg(figure):
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None}, dpi=160)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    # The page's font and width decide, not the figure's.
    svg = re.sub(r"font-family: [^;\"<]*", "font-family: inherit", svg)
    return re.sub(r"^<svg [^>]*>", lambda tag: re.sub(r' (width|height)="[^"]*"', "", tag[0]), svg)
