"""Whether photos that a model is scored on were among those it was trained on."""

import numpy as np

from localizer.dataset.finding import find_dataset
from localizer.dataset.folds import as_trained
from localizer.dataset.identity import identity
from localizer.dataset.splits.near_duplicates import find_groups, thumbnail


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
        trained = as_trained(dataset, trained_on).indices("train")
        found, all_photos = np.isin(dataset.indices(split), trained).sum(), dataset.indices(split)
        if not found:
            return ""
        return (
            f"trained on {found} of the {len(all_photos)} photos of this {split} split, too, as a "
            "training with --folds does; its figure for photos unseen is the one in metrics.json "
            "of its run"
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
