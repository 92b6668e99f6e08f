"""Keeps photos of other datasets, and near-duplicates of theirs, out of a dataset that is made.

A photo that a model is scored on must not be trained on: not as itself, and not as a copy.
"""

import os
from dataclasses import dataclass

from localizer.arrays_on_disk import ArrayOnDisk
from localizer.errors import InputError
from localizer.near_duplicates import thumbnail
from localizer.splitting import SPLITS
from localizer.store import Dataset, open_dataset

_CHUNK = 256


@dataclass(frozen=True)
class Exclusion:
    """Photos to keep out.

    Attributes:
        dataset: the Dataset that has them.
        splits: those of its splits that count.
        name: the dataset's folder as the user wrote it.
    """

    dataset: Dataset
    splits: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class ExcludedPhoto:
    """A photo to keep out: where its file is, and what to call it."""

    file: str
    words: str


def open_exclusion(text):
    """An Exclusion from "DATASET" or "DATASET:SPLIT[,SPLIT]".

    Raises:
        InputError: no such dataset or split, or the split is empty.
    """
    path, colon, tail = text.rpartition(":")
    splits = tuple(tail.split(","))
    if colon and set(splits) <= set(SPLITS):
        dataset = open_dataset(path)
        for split in splits:
            dataset.indices(split)
        return Exclusion(dataset, splits, path)
    if colon and os.path.isdir(path) and not os.path.isdir(text):
        raise InputError(f"--exclude {text}: no split {tail!r}; there are {', '.join(SPLITS)}")
    return Exclusion(open_dataset(text), SPLITS, text)


def append_excluded(exclusions, thumbnails):
    """Append the thumbnails of all excluded photos to a GrowingArray.

    They are made of the stored pixels, so the photos themselves need not be there any more.

    Returns:
        An ExcludedPhoto for each, in the same order.
    """
    excluded = []
    for exclusion in exclusions:
        dataset, images = exclusion.dataset, ArrayOnDisk(exclusion.dataset.path / "images.npy")
        for start in range(0, len(images), _CHUNK):
            rows = dataset.samples.iloc[start : start + _CHUNK]
            for row, pixels in zip(rows.itertuples(), images[start : start + _CHUNK], strict=True):
                if row.split in exclusion.splits:
                    thumbnails.append(thumbnail(pixels))
                    file = os.path.realpath(dataset.root / row.image)
                    words = f"{row.image} in {exclusion.name}: {row.split}"
                    excluded.append(ExcludedPhoto(file, words))
    return excluded


def leave_out_excluded(groups, names, excluded, root):
    """Which photos the excluded ones keep out.

    Args:
        groups: lists of indices of near-duplicates; an index from len(names) on is an excluded one.
        names: the photos of the source, relative to `root`.
        excluded: list of ExcludedPhoto.
        root: folder of the source's photos.

    Returns:
        Dict from the photo to the reason why it is left out.
    """
    reasons = {}
    for group in groups:
        others = [index for index in group if index >= len(names)]
        for index in group:
            if others and index < len(names):
                words = excluded[others[0] - len(names)].words
                reasons[names[index]] = f"near-duplicate of {words}"
    # The very same file is kept out even if its picture is blank, and so is never a near-duplicate.
    files = {photo.file: photo.words for photo in excluded}
    for name in names:
        words = files.get(os.path.realpath(root / name)) if files else None
        if words is not None:
            reasons[name] = f"the same photo as {words}"
    return reasons
