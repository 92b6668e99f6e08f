"""What a score says of whether something is in the photo at all.

Photos with an object are to score higher than photos without one. A photo that a model answers
nothing on (NaN) has a score below all others.
"""

import numpy as np

from localizer.evaluation.iou_statistics import RESAMPLES

# Shares of the photos with an object that a threshold is to keep.
KEPT = (0.95, 0.99)


def presence(scores, empty_scores, resamples=RESAMPLES, seed=0):
    """How well scores tell photos with an object from photos without one.

    Photos of both kinds are drawn again with replacement for the 95 % intervals, which include the
    choice of the threshold. AUROC: the share of pairs of a photo with an object and one without in
    which the first has the higher score, ties count half (J. Hanley, B. McNeil, "The meaning and
    use of the area under a receiver operating characteristic (ROC) curve", Radiology 1982).

    Args:
        scores: [n], of photos with an object; NaN where there is no answer.
        empty_scores: [m], of photos without one.

    Returns:
        dict: `n`, `n_empty`, `auroc` with `auroc_ci95` [low, high], and for 95 and 99: the highest
        `threshold_at_95` that 95 % of the photos with an object reach, and `false_alarms_at_95`
        with `false_alarms_at_95_ci95`, the share of the photos without an object that reach it,
        too. NaN where more photos with an object have no answer than may be missed. None where
        there are no photos of one kind, or none has a score.
    """
    scores, empty_scores = (
        np.asarray(values, np.float64).reshape(-1) for values in (scores, empty_scores)
    )
    both = np.concatenate([scores, empty_scores])
    if not (len(scores) and len(empty_scores) and np.isfinite(both).any()):
        return None
    levels, places = np.unique(np.where(np.isnan(both), -np.inf, both), return_inverse=True)
    places, empty_places = np.split(places.reshape(-1), [len(scores)])
    found = _figures(levels, places, empty_places)
    random = np.random.default_rng(seed)
    drawn = np.array(
        [
            _figures(
                levels,
                places[random.integers(len(places), size=len(places))],
                empty_places[random.integers(len(empty_places), size=len(empty_places))],
            )
            for _ in range(resamples)
        ]
    )
    # Where a drawn set cannot be kept, every photo is an alarm.
    lows, highs = np.quantile(np.where(np.isnan(drawn), 1.0, drawn), [0.025, 0.975], axis=0)
    figures = {"n": len(scores), "n_empty": len(empty_scores)}
    names = ["auroc", *(f"false_alarms_at_{round(100 * share)}" for share in KEPT)]
    for name, value, low, high in zip(names, found, lows, highs):
        few = np.isnan(value) or min(len(scores), len(empty_scores)) < 2
        figures |= {name: value, f"{name}_ci95": [np.nan, np.nan] if few else [low, high]}
    for share in KEPT:
        figures[f"threshold_at_{round(100 * share)}"] = threshold_that_keeps(scores, share)
    return figures


def _figures(levels, places, empty_places):
    """(AUROC, false alarms for each of KEPT), by the places of the scores in `levels`."""
    n, m = len(places), len(empty_places)
    counts = np.bincount(places, minlength=len(levels))
    empty_counts = np.bincount(empty_places, minlength=len(levels))
    below = np.cumsum(empty_counts) - empty_counts
    auroc = float((counts * (below + 0.5 * empty_counts)).sum() / (n * m))
    reach, empty_reach = (np.cumsum(c[::-1])[::-1] for c in (counts, empty_counts))
    alarms = []
    for share in KEPT:
        place = np.flatnonzero(reach >= _needed(share, n))[-1]
        alarms.append(empty_reach[place] / m if np.isfinite(levels[place]) else np.nan)
    return auroc, *alarms


def threshold_that_keeps(scores, share):
    """The highest score that a share of the photos reach; NaN where too many have no score."""
    scores = np.asarray(scores, np.float64)
    ranked = np.sort(np.where(np.isnan(scores), -np.inf, scores))[::-1]
    threshold = ranked[_needed(share, len(ranked)) - 1]
    return float(threshold) if np.isfinite(threshold) else float("nan")


def _needed(share, n):
    """How many of n photos are at least that share of them."""
    return max(1, int(np.ceil(share * n - 1e-9)))


def mean_iou_at_threshold(iou, scores, threshold):
    """Mean IoU where an answer below the threshold, or none, counts as a miss, 0.

    Args:
        iou, scores: [n], of photos with an object.
        threshold: the least score that counts; NaN gives NaN.
    """
    if np.isnan(threshold):
        return float("nan")
    reached = np.nan_to_num(np.asarray(scores, np.float64), nan=-np.inf) >= threshold
    return float(np.where(reached, np.asarray(iou, np.float64), 0.0).mean())


def describe_presence(predictor, answer, iou, empty, split):
    """What a model's score says of whether something is there: a part of its entry.

    The threshold is the model's own, which was chosen elsewhere; without one it is chosen here,
    unless the split is test, on which nothing is chosen.

    Args:
        predictor: the Predictor.
        answer: its Predictions on the photos with an object that it is scored on.
        iou: [n], of these.
        empty: its Predictions on the photos without an object.
        split: of the photos.

    Returns:
        dict: `presence` (see `presence`), the `threshold`, `threshold_chosen_on` ("model" or the
        split), `mean_iou_at_threshold`; None or NaN where one does not apply.
    """
    has_scores = np.isfinite(answer.scores).any()
    figures = presence(answer.scores, empty.scores) if has_scores else None
    threshold, origin = predictor.threshold, "model"
    if threshold is None:
        can_choose = figures is not None and split != "test"
        threshold = figures["threshold_at_95"] if can_choose else float("nan")
        origin = None if np.isnan(threshold) else split
    return {
        "presence": figures,
        "threshold": threshold,
        "threshold_chosen_on": origin,
        "mean_iou_at_threshold": mean_iou_at_threshold(iou, answer.scores, threshold),
    }
