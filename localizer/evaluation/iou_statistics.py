"""What a set of IoU values says: averages, success rates, and how sure they are.

Every function takes IoU values in [0, 1], one per image, shape [n]. An image without an answer
counts as 0, so NaN never belongs in the input.
"""

from itertools import combinations

import numpy as np

from localizer.images import boxes

SUCCESS_THRESHOLDS = (0.5, 0.75, 0.9)
RESAMPLES = 5_000
# Two models tie on an image when their IoU differs by no more than this: rounding, not skill.
TIE = 0.001
# Random indices drawn at once: some 30 MB, whatever the number of images.
_DRAWS_AT_ONCE = 2_000_000


def success_rate(iou, threshold):
    """Share of images with IoU >= `threshold`; NaN for no images."""
    iou = np.asarray(iou, np.float64)
    return float(np.mean(iou >= threshold)) if iou.size else float("nan")


def success_curve(iou):
    """Success rate at 101 thresholds from 0 to 1.

    The area under the curve (trapezoids) is the mean IoU, apart from the width of a step:
    Čehovin et al., "Visual object tracking performance measures revisited", 2016.

    Returns:
        thresholds [101], rates [101], both float64 in [0, 1]; rates are NaN for no images.
    """
    thresholds = np.linspace(0.0, 1.0, 101)
    return thresholds, np.array([success_rate(iou, threshold) for threshold in thresholds])


def bootstrap_interval(values, confidence=0.95, resamples=RESAMPLES, seed=0):
    """Percentile bootstrap interval of the mean of `values`, shape [n].

    The images are drawn again with replacement `resamples` times; the interval holds the middle
    `confidence` of the means (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
    chapter 13). The same seed gives the same interval. It speaks of new images of the same kind,
    not of new trainings, and is too narrow for a handful of images.

    Returns:
        (low, high); (NaN, NaN) for fewer than two values, which say nothing about their spread.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return float("nan"), float("nan")
    tail = (1.0 - confidence) / 2
    low, high = np.quantile(bootstrap_means(values, resamples, seed), [tail, 1.0 - tail])
    return float(low), float(high)


def bootstrap_means(values, resamples=RESAMPLES, seed=0):
    """Means, float64 [resamples], of `values`, shape [n], drawn again with replacement."""
    values = np.asarray(values, np.float64)
    random = np.random.default_rng(seed)
    at_once = max(1, _DRAWS_AT_ONCE // len(values))
    means = np.empty(resamples)
    for start in range(0, resamples, at_once):
        part = means[start : start + at_once]
        part[:] = values[random.integers(len(values), size=(len(part), len(values)))].mean(axis=1)
    return means


def paired_difference(iou_a, iou_b, seed=0):
    """How much better `iou_a` is than `iou_b` on the same images.

    Pairing takes out what makes an image hard for both, so the interval is narrower than two
    separate ones suggest.

    Returns:
        dict: `mean_difference` (a minus b), `ci95` [low, high], and in how many images a is
        better (`wins`), within `TIE` of b (`ties`) or worse (`losses`).
    """
    iou_a, iou_b = np.asarray(iou_a, np.float64), np.asarray(iou_b, np.float64)
    if iou_a.shape != iou_b.shape:
        raise ValueError(f"not the same images: {iou_a.shape} and {iou_b.shape} IoU values")
    difference = iou_a - iou_b
    ties = np.abs(difference) <= TIE
    return {
        "mean_difference": float(difference.mean()) if difference.size else float("nan"),
        "ci95": list(bootstrap_interval(difference, seed=seed)),
        "wins": int(((difference > 0) & ~ties).sum()),
        "ties": int(ties.sum()),
        "losses": int(((difference < 0) & ~ties).sum()),
    }


def paired_differences(names, ious, scored):
    """`paired_difference` of each model and each one named before it, on their common images.

    The intervals are of one pair each: with many pairs, some exclude 0 by chance.

    Args:
        names: m models.
        ious: m arrays [n], on the same images.
        scored: m bool arrays [n], the images on which each model is scored.

    Returns:
        One dict per pair: `model`, `other`, `n` common images, and the keys of
        `paired_difference`, `model` minus `other`.
    """
    pairs = []
    for a, b in combinations(range(len(names)), 2):
        common = np.asarray(scored[a]) & np.asarray(scored[b])
        difference = paired_difference(np.asarray(ious[b])[common], np.asarray(ious[a])[common])
        n = int(common.sum())
        pairs.append({"model": names[b], "other": names[a], "n": n, **difference})
    return pairs


def micro_iou(true_rel_xyxy, predicted_rel_xyxy):
    """Sum of the intersections over the sum of the unions, in [0, 1]: large objects weigh more.

    Areas are in units of each image, so images of any size count alike. A box of NaN (no answer)
    has area 0. NaN when all boxes are empty.

    Args:
        true_rel_xyxy, predicted_rel_xyxy: [n, 4].
    """
    true = np.asarray(true_rel_xyxy, np.float64)
    predicted = np.asarray(predicted_rel_xyxy, np.float64)
    predicted = np.where(np.isnan(predicted).any(axis=-1, keepdims=True), 0.0, predicted)
    intersection = boxes.intersection_xyxy(true, predicted).sum()
    union = boxes.area_xyxy(true).sum() + boxes.area_xyxy(predicted).sum() - intersection
    return float(intersection / union) if union > 0 else float("nan")


def summarize(iou):
    """The averages of one set of images.

    Returns:
        dict: `n`, `mean_iou`, `ci95` [low, high] of the mean, `median_iou`, and `success`, the
        success rate by threshold ("0.5", "0.75", "0.9"). All but n are NaN for no images.
    """
    iou = np.asarray(iou, np.float64)
    return {
        "n": len(iou),
        "mean_iou": float(iou.mean()) if iou.size else float("nan"),
        "ci95": list(bootstrap_interval(iou)),
        "median_iou": float(np.median(iou)) if iou.size else float("nan"),
        "success": {str(t): success_rate(iou, t) for t in SUCCESS_THRESHOLDS},
    }


def size_thirds(area):
    """Which third of the photos each belongs to by the size of its true box.

    Args:
        area: [n], in units of the image.

    Returns:
        n names, which begin with "small", "medium" or "large" and say the limits; equal areas are
        in one third.
    """
    area = np.asarray(area, np.float64)
    low, high = np.quantile(area, [1 / 3, 2 / 3])
    names = np.array(
        [
            f"small: up to {low:.1%} of the photo",
            f"medium: {low:.1%} to {high:.1%}",
            f"large: over {high:.1%}",
        ]
    )
    return names[(area > low).astype(int) + (area > high)]


def selective_mean_iou(iou, scores, coverages=(0.9, 0.8)):
    """Mean IoU of the most confident share of the images: what the score is good for.

    The risk-coverage curve at a few points: Y. Geifman, R. El-Yaniv, "Selective Classification for
    Deep Neural Networks", NeurIPS 2017. Equal scores keep their order.

    Args:
        iou, scores: [n]; an image without a score (NaN) counts as the least confident.
        coverages: shares of the images that are kept.

    Returns:
        Dict from "0.9", "0.8" to the mean IoU; None when no image has a score.
    """
    iou, scores = np.asarray(iou, np.float64), np.asarray(scores, np.float64)
    if not np.isfinite(scores).any():
        return None
    surest = iou[np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")]
    return {str(c): float(surest[: max(1, round(c * len(iou)))].mean()) for c in coverages}


def summarize_groups(iou, groups):
    """`summarize` for each group of images, sorted by group; images of group "" are left out.

    Args:
        iou: [n].
        groups: n group names.

    Returns:
        One dict per group: `group` and the keys of `summarize`.
    """
    iou, groups = np.asarray(iou, np.float64), np.asarray(groups, dtype=str)
    names = [name for name in np.unique(groups) if name]
    return [{"group": str(name), **summarize(iou[groups == name])} for name in names]


def interval(ci95):
    """A 95 % interval in words; one photo has none."""
    if any(bound is None or bound != bound for bound in ci95):
        return "(too few photos for an interval)"
    return f"(95 % interval {ci95[0]:.3f} to {ci95[1]:.3f})"
