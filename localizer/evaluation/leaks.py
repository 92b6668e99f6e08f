"""Whether photos that a model is scored on were among those it was trained on."""

import numpy as np

from localizer.dataset.finding import find_dataset
from localizer.dataset.folds import as_trained
from localizer.dataset.identity import identity
from localizer.dataset.splits.near_duplicates import find_groups, thumbnail
from localizer.errors import InputError
from localizer.models.initial_weights import weights_file
from localizer.models.model_file import load_model_file


def describe_leak(dataset, split, trained_on):
    """What is to be said about photos of a split that a model may have been trained on.

    Where the training dataset is at hand below data/, its photos are compared with those of the
    split; else the sources and the checksums tell what can be told.

    Args:
        dataset: the Dataset that is scored on.
        split: one of its splits.
        trained_on: description of the dataset of the training, see `Predictor.trained_on`.

    Returns:
        A sentence without its subject; "" if there is nothing to be said.
    """
    checksums = trained_on["sha256"]
    before, now = identity(checksums), identity(dataset.description["sha256"])
    if split == "train":
        return ""
    if before["samples.csv"] == now["samples.csv"]:
        trained, scored = as_trained(dataset, trained_on).indices("train"), dataset.indices(split)
        found = int(np.isin(scored, trained).sum())
        if not found:
            return ""
        in_folds = " (in folds: metrics.json of its run has the figure for photos not seen)"
        return (
            f"trained on {found} of the {len(scored)} photos of this {split} split"
            f"{in_folds if trained_on.get('folds') else ''}"
        )
    training = find_dataset(checksums)
    if training is not None:
        training = as_trained(training, trained_on)
        found, all_photos = count_common(dataset, split, training)
        if not found:
            return ""
        return (
            f"trained on {found} of the {all_photos} photos of this {split} split, or on "
            f"near-duplicates of them (they are in {training.path})"
        )
    if trained_on["source"] != dataset.description["source"]:
        return ""
    return (
        f"trained on another dataset or split of the same source: photos of this {split} split may "
        "have been among the training photos (with that dataset below data/ they would be compared)"
    )


def describe_start(dataset, weights):
    """What is to be said of initial weights that have seen photos of the validation split.

    Args:
        dataset: the Dataset that is trained on.
        weights: the recipe's.

    Returns:
        A sentence without its subject; "" if there is nothing to be said, or the file cannot be
        used, of which whoever builds the network will hear.
    """
    file = weights_file(weights)
    if file is None or file.suffix.lower() != ".keras":
        return ""
    try:
        trained_on = load_model_file(file)[1].get("dataset")
    except InputError:
        return ""
    return describe_leak(dataset, "validation", trained_on) if trained_on else ""


def count_common(dataset, split, training):
    """How many photos of a split are in another dataset's training split, also as near-duplicates.

    The photos of `unlabelled` count, too: a model may have been trained on them.

    Returns:
        (common photos, photos of the split).
    """
    scored = [thumbnail(dataset.images[row]) for row in dataset.indices(split)]
    trained = [thumbnail(training.images[row]) for row in training.indices("train")]
    if training.unlabelled is not None:
        trained += [thumbnail(pixels) for pixels in training.unlabelled.images]
    groups = find_groups(np.stack(scored + trained))
    common = (
        sum(index < len(scored) for index in group) for group in groups if group[-1] >= len(scored)
    )
    return sum(common), len(scored)
