"""Keeps photos of other datasets, and near-duplicates of theirs, out of a dataset that is made.

A photo that a model is scored on must not be trained on: not as itself, and not as a copy.
"""

import os
from dataclasses import dataclass

import pandas as pd

from localizer.dataset.dataset import Dataset, open_dataset, photo_path
from localizer.dataset.splits.near_duplicates import thumbnail
from localizer.dataset.splits.splitting import SPLITS
from localizer.errors import InputError
from localizer.files.arrays_on_disk import ArrayOnDisk

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
                    file = os.path.realpath(dataset.path_of(row.Index))
                    words = f"{row.image} in {exclusion.name}: {row.split}"
                    excluded.append(ExcludedPhoto(file, words))
    return excluded


def leave_out_excluded(groups, names, excluded, root, empty_folders):
    """Which photos the excluded ones keep out.

    Args:
        groups: lists of indices of near-duplicates; an index from len(names) on is an excluded one.
        names: the photos of the source, relative to `root`.
        excluded: list of ExcludedPhoto.
        root: folder of the source's photos.
        empty_folders: of GenerationSettings.

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
        words = None
        if files:
            words = files.get(os.path.realpath(photo_path(root, name, empty_folders)))
        if words is not None:
            reasons[name] = f"the same photo as {words}"
    return reasons


@dataclass(frozen=True)
class MadeDataset:
    """What decides which other photos of the source may be trained on beside a dataset.

    Attributes:
        samples: DataFrame of its samples.
        lists: dict from all photos of the source to the list they are in, "trainval" or one of
            SPLITS, or ""; {} when the dataset is split by name.
        decoded: all photos of the source that can be read.
        groups: lists of near-duplicates among them.
        left_out: dict from photos that the dataset must not use to the reason.
    """

    samples: pd.DataFrame
    lists: dict
    decoded: list[str]
    groups: list[list[str]]
    left_out: dict

    def reasons_against(self):
        """Dict from the photos that must not be added to the reason."""
        held_out = [item for item in self.lists.items() if item[1] in ("validation", "test")]
        reasons = {image: f"in the {split} list" for image, split in held_out}
        split_of = dict(zip(self.samples["image"], self.samples["split"], strict=True))
        for group in self.groups:
            held = [image for image in group if split_of.get(image) in ("validation", "test")]
            for image in group if held else ():
                reasons[image] = f"near-duplicate of {held[0]} in the {split_of[held[0]]} split"
        reasons |= self.left_out
        return reasons | dict.fromkeys(split_of, "the dataset itself has it, with a true box")


def left_out_by_lists(groups, lists, settings):
    """Dict from each photo that must not be used, going by the lists, to the reason.

    Args:
        groups: lists of photos that must not be on two sides of a split.
        lists: what `read_lists` gave.
        settings: GenerationSettings.
    """
    if not lists:
        return {}
    file = settings.split_file and settings.split_file.path.name
    if settings.split_by == "source":
        file = "the labels"
    unlisted = f"not in {file}" if file else "in no official list"
    if settings.split_by == "source":
        unlisted = "in no split of the labels"
    elif settings.split_by == "category":
        unlisted = "its object has no category"
    same = "near-duplicate of" if settings.near_duplicates == "group" else "the same picture as"
    reasons = {image: unlisted for image, split in lists.items() if not split}
    for image, other in beside_held_out(groups, lists).items():
        place = f"{lists[other]} split of {file}" if file else f"official {lists[other]} list"
        if settings.split_by == "category":
            place = f"{lists[other]} split by its category"
        reasons[image] = f"{same} {other}, which is in the {place}"
    return reasons


def beside_held_out(groups, official_splits):
    """The photos that are near-duplicates of one that is held out: for test, else for validation.

    Args:
        groups: lists of images that show one picture.
        official_splits: dict from the image to one of SPLITS, "trainval" or "".

    Returns:
        Dict from each such image to one of those held out. Those stay where they are: the test
        split is then the one that other people report on.
    """
    beside = {}
    for group in groups:
        for split in ("test", "validation"):
            held_out = [image for image in group if official_splits.get(image) == split]
            if held_out:
                beside |= {image: held_out[0] for image in group if image not in held_out}
                break
    return beside
