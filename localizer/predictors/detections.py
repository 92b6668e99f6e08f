"""What detectors share: the names of their classes, and the best of many boxes."""

import zipfile
from pathlib import Path

import numpy as np

from localizer.boxes import rel_yxyx_to_rel_xyxy
from localizer.errors import InputError
from localizer.predictors.predictor import Predictions
from localizer.special_files import refuse_special_file

NO_ANSWER = (np.full(4, np.nan, np.float32), np.nan, "")


def best_detection(boxes_rel_yxyx, scores, labels, wanted):
    """The box of the highest score among the wanted ones: (`rel_xyxy` [4], score, label).

    Args:
        boxes_rel_yxyx: [n, 4].
        scores: [n].
        labels: n names.
        wanted: bool [n].

    Returns:
        `NO_ANSWER` where no box is wanted.
    """
    if not np.any(wanted):
        return NO_ANSWER
    best = int(np.argmax(np.where(wanted, scores, -np.inf)))
    return rel_yxyx_to_rel_xyxy(boxes_rel_yxyx[best]), float(scores[best]), labels[best]


def as_predictions(answers):
    """`Predictions` from one (box, score, label) per photo."""
    boxes, scores, labels = zip(*answers)
    return Predictions(np.stack(boxes), np.array(scores, np.float32), list(labels))


def read_labels(path):
    """Class names from a text file: {id: name}, the first line is class 0.

    Raises:
        InputError: missing, or no UTF-8 text.
    """
    try:
        refuse_special_file(path)
        return _numbered(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of class names ({error})") from None


def embedded_labels(path, member=None):
    """Class names zipped into a TF Lite file (its "associated files"): {id: name}.

    Args:
        path: the TF Lite file.
        member: name of the list in the zip; the only list when None.

    Returns:
        {} when there is no such list.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            lists = [name for name in archive.namelist() if name.endswith(".txt")]
            if member in lists or (member is None and len(lists) == 1):
                return _numbered(archive.read(member or lists[0]).decode("utf-8"))
    except (zipfile.BadZipFile, UnicodeDecodeError):
        pass
    return {}


def _numbered(text):
    # "???" is how Google's lists write an id that has no class.
    names = (line.strip() for line in text.splitlines())
    return {i: name for i, name in enumerate(names) if name not in ("", "???")}


def class_ids(classes, labels, model):
    """The ids that are asked for, or None for any.

    Args:
        classes: names (in any case) or ids, as text; None or empty for any class.
        labels: {id: name} of the model.
        model: named in errors.

    Raises:
        InputError: a name that the model does not have.
    """
    ids = {name.casefold(): i for i, name in labels.items()}
    found = set()
    for wanted in classes or ():
        if wanted.isdecimal():
            found.add(int(wanted))
        elif wanted.casefold() in ids:
            found.add(ids[wanted.casefold()])
        else:
            has = f"it has: {', '.join(labels.values())}" if labels else "no names are known"
            raise InputError(
                f"{model}: no class {wanted!r} ({has}). Give class numbers, as in ?classes=16,17, "
                "or a list of names with &labels=FILE, one per line"
            )
    return frozenset(found) or None
