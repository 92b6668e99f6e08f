"""The report's figures, as SVG for inlining in a page: text takes the page's colour and font."""

import io
import re

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from scipy.integrate import trapezoid

from localizer.images import boxes
from localizer.images.colours import model_colour, model_dash

# Matplotlib has no `currentColor`: this stands for it until the SVG is written.
INK = "#010203"
_LONGEST_NAME = 48
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "localizer",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def iou_histogram(evaluation):
    """How many photos have which IoU, one line per model. Returns SVG text."""
    with matplotlib.rc_context(STYLE):
        figure, axes = start_figure(height=2.9 + 0.19 * len(evaluation.metrics["models"]))
        for style, model, iou, _ in _models(evaluation):
            counts, edges = np.histogram(iou, bins=20, range=(0, 1))
            if model is evaluation.metrics["models"][0]:
                axes.stairs(counts, edges, color=style["color"], alpha=0.2, fill=True)
            axes.stairs(counts, edges, **style, linewidth=1.6, label=plain_text(model["name"]))
        axes.set(xlabel="IoU", ylabel="photos", xlim=(0, 1))
        _legend(axes)
        return svg_text(figure)


def success_curves(evaluation):
    """Share of photos that reach each IoU, one line per model with its area. Returns SVG text."""
    with matplotlib.rc_context(STYLE):
        figure, axes = start_figure(height=2.9 + 0.19 * len(evaluation.metrics["models"]))
        for style, model, _, _ in _models(evaluation):
            thresholds, rates = model["success_curve"].values()
            area = trapezoid(rates, thresholds)
            label = f"{plain_text(model['name'])} (AUC {area:.3f})"
            axes.plot(thresholds, rates, **style, linewidth=1.6, label=label)
        axes.set(xlabel="IoU threshold", ylabel="share of photos that reach it")
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        _legend(axes)
        return svg_text(figure)


def iou_by_box_size(evaluation, dataset):
    """Mean IoU in ten equally full bins of the truth's area; dots: the first model's photos.

    Returns SVG text.
    """
    areas = 100 * boxes.area_xyxy(dataset.boxes_rel_xyxy[evaluation.rows])
    with matplotlib.rc_context(STYLE):
        figure, axes = start_figure(height=2.9 + 0.19 * len(evaluation.metrics["models"]))
        for style, model, iou, positions in _models(evaluation):
            percent = areas[positions]
            if model is evaluation.metrics["models"][0]:
                # As pixels: thousands of dots would make the page heavy.
                dots = {"s": 5, "color": style["color"], "alpha": 0.3, "lw": 0}
                axes.scatter(percent, iou, rasterized=True, **dots)
            bins = np.array_split(np.argsort(percent, kind="stable"), min(10, len(percent)))
            centres = [np.median(percent[part]) for part in bins]
            means = [iou[part].mean() for part in bins]
            axes.plot(centres, means, marker="o", ms=3, label=plain_text(model["name"]), **style)
        axes.set(xscale="log", xlabel="area of the true box, % of the photo", ylabel="IoU")
        axes.set_ylim(-0.02, 1.02)
        _plain_log_axis(axes.xaxis)
        _legend(axes)
        return svg_text(figure)


def iou_against_latency(models):
    """Mean IoU of each model that was timed against its latency. Returns SVG text.

    The area of a dot is in proportion to the bytes of the model's file, a cross stands where they
    are not known. Lines are the 95 % interval of the IoU and the quartiles of the latency.

    Args:
        models: metrics["models"].
    """
    timed = [(i, model) for i, model in enumerate(models) if model["latency_ms"]]
    most = max((model["file_bytes"] or 0 for _, model in timed), default=0)
    with matplotlib.rc_context(STYLE):
        figure, axes = start_figure(height=2.9 + 0.19 * len(timed))
        for number, model in timed:
            x, y, colour = model["latency_ms"], model["mean_iou"], model_colour(number)
            axes.hlines(y, *model["latency_quartiles_ms"], color=colour, linewidth=1.2)
            axes.vlines(x, *np.array(model["ci95"], float), color=colour, linewidth=1.2)
            size = model["file_bytes"]
            if size:
                axes.scatter(x, y, s=500 * size / most, color=colour, alpha=0.35, linewidths=0)
            label = plain_text(model["name"])
            axes.plot(x, y, "o" if size else "x", color=colour, ms=3.5, label=label)
        axes.set(xscale="log", xlabel="latency of one photo, ms", ylabel="mean IoU", ylim=(0, 1))
        low, high = min(m["latency_ms"] for _, m in timed), max(m["latency_ms"] for _, m in timed)
        axes.set_xlim(low / 2, high * 2)
        _plain_log_axis(axes.xaxis)
        _legend(axes)
        return svg_text(figure)


def category_bars(models):
    """Mean IoU per category: bars of the first model, its best category on top, dots of the others.

    A line is the first model's 95 % interval. Returns SVG text.

    Args:
        models: metrics["models"], the first with `per_category`.
    """
    groups = sorted(models[0]["per_category"], key=lambda group: group["mean_iou"])
    with matplotlib.rc_context(STYLE):
        figure, axes = start_figure(height=1.1 + 0.2 * len(groups) + 0.19 * len(models))
        means = [group["mean_iou"] for group in groups]
        label = plain_text(models[0]["name"])
        places = range(len(groups))
        axes.barh(places, means, color=model_colour(0), alpha=0.4, height=0.7, label=label)
        # A category with a single photo has no interval, and its bar no line.
        lows, highs = np.array([group["ci95"] for group in groups], float).T
        axes.hlines(places, lows, highs, color=INK, linewidth=1)
        for number, model in enumerate(models[1:], start=1):
            mean_of = {group["group"]: group["mean_iou"] for group in model["per_category"] or []}
            xs = [mean_of.get(group["group"], np.nan) for group in groups]
            axes.plot(
                xs, places, "o", ms=3.5, color=model_colour(number), label=plain_text(model["name"])
            )
        labels = [f"{plain_text(group['group'])} ({group['n']})" for group in groups]
        axes.set_yticks(places, labels, fontsize=9)
        axes.set(xlim=(0, 1), ylim=(-0.7, len(groups) - 0.3), xlabel="mean IoU")
        if len(models) > 1:
            _legend(axes)
        return svg_text(figure)


def start_figure(height):
    """A transparent figure, so many inches high, and its axes; for use within `STYLE`."""
    figure, [[axes]] = start_panels(height, 1, 1)
    return figure, axes


def start_panels(height, rows, columns):
    """A figure as `start_figure` makes it, and rows x columns axes of equal ranges."""
    figure = Figure(figsize=(5.2, height), layout="constrained")
    figure.patch.set_alpha(0)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat:
        axes.patch.set_alpha(0)
        axes.grid(color=INK, alpha=0.12, linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, panels


def _plain_log_axis(axis):
    """1, 2, 5, 10, ... instead of powers of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("")


def _models(evaluation):
    """(line style, metrics, IoU values, positions of their photos) of each model."""
    for i, model in enumerate(evaluation.metrics["models"]):
        predictions = evaluation.predictions_of(model["name"])
        style = {"color": model_colour(i), "linestyle": model_dash(i)}
        yield style, model, predictions["iou"].to_numpy(), predictions.index.to_numpy()


def _legend(axes):
    """Above the axes, where it hides nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=1, borderaxespad=0.2)


def plain_text(name, longest=_LONGEST_NAME):
    """Any name as plain text: a dollar sign would start a formula, and a long one push the axes."""
    if len(name) > longest:
        name = f"{name[: longest // 2]}…{name[-longest // 2 :]}"
    return name.replace("$", r"\$")


def svg_text(figure):
    """The figure as SVG text without its own size, font and ink: the page gives it these."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None}, dpi=160)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    # The page's font and width decide, not the figure's.
    svg = re.sub(r"font-family: [^;\"<]*", "font-family: inherit", svg)
    return re.sub(r"^<svg [^>]*>", lambda tag: re.sub(r' (width|height)="[^"]*"', "", tag[0]), svg)
