"""Folds: the photos of train and validation in parts, each of which is held out once.

A fold is a view of a dataset: the same pixels and boxes, with another column `split`. Which fold a
photo is in follows from the names of these photos and the dataset's seed alone, so that trainings
of any seed and recipe are compared on the same folds. Near-duplicates share a fold, and numbered
names are spread evenly, as over the splits (`splits.splitting`). The test split stays what it is.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from localizer.dataset.dataset import Dataset, open_dataset
from localizer.dataset.splits.splitting import SPLITS, position
from localizer.errors import InputError


@dataclass(frozen=True)
class FoldedDataset(Dataset):
    """A Dataset that holds out other photos than its folder says.

    `folds` of its description tells which: {"of": 5, "fold": 2} is the third of five folds, and
    where `fold` is None all photos of train and validation are trained on.
    """

    @property
    def unlabelled(self) -> Dataset | None:
        """As of any Dataset; near-duplicates of photos held out are in no split."""
        added = super().unlabelled
        table = self.path / "near_duplicates.csv"
        if added is None or not table.is_file():
            return added
        groups = pd.read_csv(table, keep_default_na=False, dtype=str)
        held_out = set(self.samples.loc[self.samples["split"] != "train", "image"])
        beside = set(groups.loc[groups["image"].isin(held_out), "group"])
        images = groups.loc[groups["group"].isin(beside), "image"]
        splits = added.samples["split"].mask(added.samples["image"].isin(images), "")
        return Dataset(
            added.path, added.images, added.samples.assign(split=splits), added.description
        )


def hold_out(dataset: Dataset, fold: int | None, of: int) -> FoldedDataset:
    """A dataset whose validation split is one of its folds, and whose training split the others.

    Args:
        dataset: as it was opened.
        fold: from 0 on; None = none is held out, and there is no validation split.
        of: number of folds.
    """
    folds = _fold_of(dataset, of)
    splits = np.where(folds < 0, "test", np.where(folds == fold, "validation", "train"))
    counts = {split: int(((splits == split) & dataset.has_object).sum()) for split in SPLITS}
    description = dataset.description | {
        "counts": dataset.description.get("counts", {}) | counts,
        "folds": {"of": of, "fold": fold},
    }
    samples = dataset.samples.assign(split=splits.astype(object))
    return FoldedDataset(dataset.path, dataset.images, samples, description)


def all_folds(dataset: Dataset, of: int) -> list[FoldedDataset]:
    """The `hold_out` of each fold.

    Raises:
        InputError: there are fewer photos than folds; near-duplicates count as one.
    """
    kept = dataset.samples["split"] != "test"
    groups = dataset.samples.loc[kept, "group"].nunique()
    if groups < of:
        raise InputError(
            f"{dataset.path}: {of} folds need as many photos in train and validation, of which no "
            f"two are near-duplicates; there are {groups}. Take more photos, or fewer --folds"
        )
    return [hold_out(dataset, fold, of) for fold in range(of)]


def ever_held_out(dataset: Dataset, of: int) -> FoldedDataset:
    """A dataset whose validation split are all photos that one of its folds holds out."""
    whole = hold_out(dataset, None, of)
    splits = whole.samples["split"].replace("train", "validation")
    return replace(whole, samples=whole.samples.assign(split=splits))


def as_trained(dataset: Dataset, description: dict) -> Dataset:
    """A dataset as it was trained on: by its splits, or with a fold held out.

    Args:
        dataset: as it was opened, or with a fold held out.
        description: what a model says of it.
    """
    if folds := description.get("folds"):
        return hold_out(dataset, folds["fold"], folds["of"])
    return open_dataset(dataset.path) if isinstance(dataset, FoldedDataset) else dataset


def _fold_of(dataset, of):
    """The fold of each row, int [N]; -1 for the test split."""
    samples, seed = dataset.samples, dataset.description.get("seed", 0)
    kept = (samples["split"] != "test").to_numpy()
    sizes = samples.loc[kept, "group"].value_counts()
    photos, folds = [0] * of, {}
    for size in sorted(set(sizes), reverse=True):
        groups = sorted(sizes.index[sizes == size], key=lambda name: (position(name, seed), name))
        numbers = []
        for _ in groups:
            numbers.append(photos.index(min(photos)))
            photos[numbers[-1]] += size
        # Neighbours in a fold, as in a split: what is spread evenly by position is so over folds.
        folds |= zip(groups, sorted(numbers))
    return np.where(kept, samples["group"].map(folds).fillna(-1), -1).astype(int)
