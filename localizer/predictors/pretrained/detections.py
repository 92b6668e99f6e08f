"""What detectors share: the best of many boxes, and the classes that are asked for."""

import difflib
import sys

import numpy as np

from localizer.errors import InputError
from localizer.images.boxes import is_possible_rel_xyxy, rel_yxyx_to_rel_xyxy
from localizer.predictors.predictor import Predictions, only_possible

NO_ANSWER = (np.full(4, np.nan, np.float32), np.nan, "")
# Scores above 1 by more than rounding and quantization are no probabilities.
_HIGHEST_SCORE = 1.01
# Models of which was said that their boxes cannot be.
_told = set()


def best_detection(boxes_rel_yxyx, scores, labels, wanted, model):
    """The box of the highest score among the wanted ones: (`rel_xyxy` [4], score, label).

    A box that cannot be (see `is_possible_rel_xyxy`), that leaves the photo by more than its width
    or height (as it does in pixels), or whose score is negative or no number, is no detection: the
    next best is taken.

    Args:
        boxes_rel_yxyx: [n, 4].
        scores: [n].
        labels: n names.
        wanted: bool [n].
        model: named in errors.

    Returns:
        `NO_ANSWER` where no box is wanted.

    Raises:
        InputError: scores above 1, which are no probabilities, so none can be trusted.
    """
    boxes_rel_xyxy = rel_yxyx_to_rel_xyxy(boxes_rel_yxyx)
    highest = np.max(scores, initial=0, where=wanted & np.isfinite(scores))
    if highest > _HIGHEST_SCORE:
        raise InputError(
            f"{model}: a score of {highest:.4g}, where scores go from 0 to 1. Export the detector "
            "with its sigmoid or softmax"
        )
    wanted = wanted & np.isfinite(scores) & (np.nan_to_num(scores) >= 0)
    possible = wanted & is_possible_rel_xyxy(boxes_rel_xyxy)
    with np.errstate(invalid="ignore"):
        possible &= ((boxes_rel_xyxy >= -1) & (boxes_rel_xyxy <= 2)).all(axis=-1)
    if not np.any(possible):
        _tell_impossible(model, boxes_rel_yxyx, np.where(wanted, scores, 0))
        return NO_ANSWER
    best = int(np.argmax(np.where(possible, scores, -np.inf)))
    return boxes_rel_xyxy[best], float(scores[best]), labels[best]


def _tell_impossible(model, boxes_rel_yxyx, scores):
    """Say once of a model that it found something, but where nothing can be."""
    if not np.any(scores > 0) or model in _told:
        return
    _told.add(model)
    box = ", ".join(f"{edge:.4g}" for edge in boxes_rel_yxyx[int(np.argmax(scores))])
    print(
        f"note: {model}: a photo gets no answer, because no box of it can be; the best is {box} "
        "(ymin, xmin, ymax, xmax, which go from 0 to 1). Is the input's range right (?range=)?",
        file=sys.stderr,
    )


def as_predictions(answers):
    """`Predictions` from one (box, score, label) per photo."""
    boxes, scores, labels = zip(*answers)
    return only_possible(Predictions(np.stack(boxes), np.array(scores, np.float32), list(labels)))


def class_ids(classes, labels, model):
    """The ids that are asked for, or None for any.

    Args:
        classes: names (in any case) or ids, as text; None or empty for any class.
        labels: {id: name} of the model.
        model: named in errors.

    Raises:
        InputError: a name that the model does not have.
    """
    ids = {}
    for number, name in labels.items():
        ids.setdefault(name.casefold(), set()).add(number)
    found = set()
    for wanted in classes or ():
        if wanted.isdecimal():
            found.add(int(wanted))
        elif wanted.casefold() in ids:
            found |= ids[wanted.casefold()]
        else:
            has = f"it has: {', '.join(labels.values())}" if labels else "no names are known"
            near = difflib.get_close_matches(wanted.casefold(), ids, n=1)
            has += f"; did you mean {labels[min(ids[near[0]])]!r}?" if near else ""
            raise InputError(
                f"{model}: no class {wanted!r} ({has}). Give class numbers, as in ?classes=16,17, "
                "or a list of names with &labels=FILE, one per line"
            )
    return frozenset(found) or None
