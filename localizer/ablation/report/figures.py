"""An ablation's figures, as SVG for inlining in a page."""

import math
import textwrap

import matplotlib
import pandas as pd

from localizer.images.colours import model_colour
from localizer.reporting.figures import INK, STYLE, plain_text, start_figure, start_panels, svg_text

# Blue and orange are told apart by all kinds of colour vision; filled and hollow by all eyes.
_COLOURS = {"better": model_colour(1), "worse": model_colour(2), "": INK}
# Characters that fit over the effects, and on each of two lines over a panel.
_LONGEST_NAME, _LONGEST_LINE = 68, 34


def effect_plot(rows, metric):
    """Each row's difference from its reference with its 95 % interval. Returns SVG text.

    Filled dots are differences that stand after the correction; small strokes are the seeds.

    Args:
        rows: what `table.describe_rows` gives, one or more with a difference.
        metric: what differs, in words.
    """
    compared = [row for row in rows if row["difference"] and row["difference"].seeds]
    with matplotlib.rc_context(STYLE):
        figure, axes = start_figure(height=0.7 + 0.5 * len(compared))
        axes.axvline(0, color=INK, linewidth=1)
        for place, row in enumerate(compared):
            difference, colour = row["difference"], _COLOURS[row["verdict"]]
            fill = colour if row["verdict"] else "none"
            style = ":" if difference.seeds == 1 else "-"
            axes.hlines(place, difference.low, difference.high, colour, style, linewidth=1.6)
            seeds = list(difference.seed_means.values())
            axes.plot(seeds, [place] * len(seeds), "|", color=colour, ms=9, alpha=0.7)
            axes.plot(difference.mean, place, "o", color=colour, mfc=fill, ms=6.5, mew=1.4)
            # Above its line: beside the axes, long names would leave a phone no room for them.
            axes.annotate(
                plain_text(row["name"], _LONGEST_NAME),
                (0, place),
                (2, 12),
                fontsize=9,
                va="center",
                xycoords=axes.get_yaxis_transform(),
                textcoords="offset points",
            )
        axes.set_yticks([])
        axes.set_ylim(len(compared) - 0.6, -0.75)
        axes.set_xlabel(f"difference in {metric}")
        axes.spines["left"].set_visible(False)
        return svg_text(figure)


def learning_curves(rows):
    """Validation mean IoU against the epoch: a panel per row, its seeds' mean and their range.

    The mean of the row that it is compared with is drawn in each, dashed. Returns SVG text.

    Args:
        rows: what `table.describe_rows` gives, one or more with runs.
    """
    curves = {row["name"]: _curves(row["runs"]) for row in rows if row["runs"]}
    references = {row["name"]: row["reference"] for row in rows}
    lines = -(-len(curves) // 2)
    with matplotlib.rc_context(STYLE):
        figure, panels = start_panels(0.5 + 1.35 * lines, lines, min(2, len(curves)))
        for axes, (name, seeds) in zip(panels.flat, curves.items()):
            reference = references[name]
            colour = model_colour(1) if reference else INK
            if reference in curves:
                axes.plot(curves[reference].mean(axis=1), color=INK, linestyle="--", linewidth=1)
            band = seeds.min(axis=1), seeds.max(axis=1)
            axes.fill_between(seeds.index, *band, color=colour, alpha=0.25, linewidth=0)
            axes.plot(seeds.mean(axis=1), color=colour, linewidth=1.5)
            title = plain_text(textwrap.fill(name, _LONGEST_LINE), 2 * _LONGEST_LINE)
            axes.set_title(title, fontsize=8.5, loc="left")
        for axes in panels.flat[len(curves) :]:
            axes.set_visible(False)
        for axes in panels.flat[len(curves) - panels.shape[1] : len(curves)]:
            axes.tick_params(labelbottom=True)
        panels[0, 0].set_ylim(*_late_range(curves.values()))
        figure.supxlabel("epoch", fontsize=10)
        figure.supylabel("validation mean IoU", fontsize=10)
        return svg_text(figure)


def _curves(runs):
    """IoU by epoch, a column per seed, of the epochs that all of them have."""
    return pd.DataFrame(
        {run.seed: run.history.set_index("epoch")["val_iou"] for run in runs}
    ).dropna()


def _late_range(curves):
    """From the worst value after the first fifth of a training to the best: where rows differ."""
    late = [seeds.iloc[len(seeds) // 5 :] for seeds in curves]
    low, high = min(part.min().min() for part in late), max(part.max().max() for part in late)
    margin = 0.05 * (high - low) or 0.01
    return (0, 1) if math.isnan(low) else (low - margin, high + margin)
