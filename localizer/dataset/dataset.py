"""A dataset folder: photos decoded once to one size, memory-mapped, with their boxes and splits.

data/NAME/
    images.npy           uint8 [N, S, S, 3], the whole photo stretched to S x S
    samples.csv          a row per image, in the same order (COLUMNS); no box: no object is there
    skipped.csv          image, reason, place
    near_duplicates.csv  group, image: photos that show one picture, unlabelled ones included
    dataset.json         source, target, counts, seed, fractions, checksums
    contact_sheet.jpg    some of the photos with their boxes
    unlabelled/          perhaps: a dataset folder like this one, of photos for training whose
                         boxes a teacher predicted
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from localizer.dataset.identity import rows_sha256
from localizer.dataset.splits.near_duplicate_notes import why_empty
from localizer.dataset.splits.splitting import SPLITS
from localizer.errors import InputError
from localizer.files.checksums import sha256_of
from localizer.files.special_files import refuse_special_file
from localizer.images.drawing import png
from localizer.images.photos import read_photo
from localizer.sources.annotated_image import FORMER_NAMES

# In the order in which they are missed where a folder is no dataset.
_FILES = ("dataset.json", "samples.csv", "images.npy")
_REBUILD = "Generate it again with the command that made it, and --overwrite"
_CHANGED = "not as it was generated (another checksum): damaged, or edited"
BOX_COLUMNS = ["xmin", "ymin", "xmax", "ymax"]
COLUMNS = ["image", "split", "width", "height", *BOX_COLUMNS, "supercategory", "category", "group"]

# Names stay text where they look like numbers ("007").
_TYPES: dict[str, type] = {
    **dict.fromkeys([*COLUMNS, *FORMER_NAMES], str),
    **dict.fromkeys(BOX_COLUMNS, np.float64),
    **{"width": np.int64, "height": np.int64, "score": np.float64, "teacher": str},
}


# What is a number, or nothing.
_MAY_BE_EMPTY = ("score", *BOX_COLUMNS)


@dataclass(frozen=True)
class Dataset:
    """An opened dataset folder.

    Photos without an object are in it too: their box is NaN, and they have no class.

    Attributes:
        path: the folder.
        images: uint8 [N, S, S, 3], memory-mapped, read-only.
        samples: one row per image: COLUMNS, boxes in `rel_xyxy`, "" where there is no class; with
            boxes of a teacher also `score` (NaN where it gave none) and `teacher`, its name.
        description: the content of dataset.json.
    """

    path: Path
    images: np.ndarray
    samples: pd.DataFrame
    description: dict

    def __repr__(self) -> str:
        counts = self.samples["split"].value_counts()
        splits = ", ".join(f"{counts[split]:,} {split}" for split in SPLITS if split in counts)
        empty = int((~self.has_object).sum())
        return (
            f"Dataset({str(self.path)!r}, target {self.target!r}, {len(self.samples):,} images: "
            f"{splits}{f'; {empty:,} without an object' if empty else ''})"
        )

    def _repr_png_(self) -> bytes | None:
        """Its contact sheet, as a notebook shows it; None, for the line above, without one."""
        sheet = self.path / "contact_sheet.jpg"
        return png(read_photo(sheet)) if sheet.is_file() else None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def target(self) -> str:
        """What the boxes are around: "head", "body", or any name for one's own data."""
        return self.description["target"]

    @property
    def image_size(self) -> int:
        """Side of the stored images in pixels."""
        return self.images.shape[1]

    @property
    def boxes_rel_xyxy(self) -> np.ndarray:
        """float32 [N, 4]; NaN where there is no object."""
        return self.samples[BOX_COLUMNS].to_numpy(np.float32)

    @property
    def has_object(self) -> np.ndarray:
        """Whether an object is in the photo, bool [N]."""
        return np.isfinite(self.samples[BOX_COLUMNS].to_numpy(np.float64)).all(axis=1)

    @property
    def has_true_labels(self) -> bool:
        """Whether people, or a drawing program, drew the boxes, not another model."""
        return _is_truth(self.description)

    @property
    def unlabelled(self) -> "Dataset | None":
        """The Dataset of photos for training that only a teacher labelled; None without one.

        Raises:
            InputError: its folder is damaged.
        """
        nested = self.path / "unlabelled"
        return open_dataset(nested) if nested.is_dir() else None

    @property
    def root(self) -> Path:
        """The folder below which the original photos are."""
        return (self.path / self.description["root"]).resolve()

    def indices(self, split: str) -> np.ndarray:
        """Rows of one split that have an object, int [n].

        Raises:
            InputError: no such split, or there is none.
        """
        rows = self._rows(split, self.has_object)
        if not len(rows):
            copies = why_empty(self.samples, self.description, split)
            if copies:
                raise InputError(f"{self.path}: the {split} split is empty: {copies}")
            table = self.description.get("split_file")
            remedy = "other --fractions or more images"
            if self.description.get("split_by") == "source":
                remedy = "another --split-by: the labels have no usable photo for it"
            elif self.description.get("split_by") == "category":
                remedy += " and categories, or another --seed"
            elif table:
                remedy = f"a --split-by table that has usable photos for it; {table} has none"
            raise InputError(
                f"{self.path}: the {split} split is empty; generate the dataset with {remedy}"
            )
        return rows

    def empty_indices(self, split: str) -> np.ndarray:
        """Rows of one split in which no object is, int [n]; n may be 0.

        Raises:
            InputError: no such split.
        """
        return self._rows(split, ~self.has_object)

    def _rows(self, split: str, wanted: np.ndarray) -> np.ndarray:
        if split not in SPLITS:
            raise InputError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        return np.flatnonzero((self.samples["split"].to_numpy() == split) & wanted)

    def path_of(self, index: int) -> Path:
        """The file of the original photo of a row."""
        folders = self.description.get("empty_folders") or {}
        return photo_path(self.root, str(self.samples["image"].iat[index]), folders)

    def read_photo(self, index: int) -> np.ndarray:
        """The original photo of a row, uint8 RGB [height, width, 3]."""
        return read_photo(self.path_of(index))

    def classes(self, column: str) -> list[str]:
        """Sorted names of the classes in a column, "category" or "supercategory"."""
        named = self.samples.loc[self.has_object, column]
        names = sorted(set(named) - {""})
        if len(names) < 2 or (named == "").any():
            raise InputError(
                f"{self.path}: a class output needs two or more names in column {column!r} of "
                f"samples.csv and no empty one; it has {len(names)}"
            )
        return names

    def finest_class_column(self) -> str:
        """The column that `classes` can serve, "category" before "supercategory"; else "none"."""
        for column in ("category", "supercategory"):
            try:
                self.classes(column)
            except InputError:
                continue
            return column
        return "none"


def photo_path(root: Path, image: str, empty_folders: Mapping[str, str | Path]) -> Path:
    """The file of a photo.

    Args:
        root: folder below which the photos are.
        image: its name.
        empty_folders: dict from the beginning of the names of photos that are elsewhere to their
            folder.
    """
    for alias, folder in empty_folders.items():
        if image.startswith(f"{alias}/"):
            return Path(folder) / image.removeprefix(f"{alias}/")
    return root / image


def open_dataset(path: str | os.PathLike) -> Dataset:
    """Open a dataset folder; the images stay on disk.

    What can be checked at once is checked: the checksum of samples.csv, the size of images.npy.
    `verify_dataset` checks every byte.

    Raises:
        InputError: it is no dataset folder, its files do not belong together, or one of them is
            not as it was generated.

    >>> open_dataset("data/scenes")
    Dataset('data/scenes', target 'head', 48 images: 38 train, 6 validation, 4 test)
    """
    if not isinstance(path, str | os.PathLike):
        kind = type(path).__name__
        raise InputError(f"a dataset is the path of its folder or a Dataset, not {kind}")
    path = Path(path)
    try:
        for name in _FILES:
            refuse_special_file(path / name)
        description = json.loads((path / "dataset.json").read_text(encoding="utf-8"))
        samples = pd.read_csv(
            path / "samples.csv",
            keep_default_na=False,
            na_values=dict.fromkeys(_MAY_BE_EMPTY, [""]),
            dtype=_TYPES,
        )
        images = np.lib.format.open_memmap(path / "images.npy", mode="r")
    except FileNotFoundError as error:
        # A folder of somebody's photos is to be read, not to be written to.
        own = path.is_dir() and not any((path / name).exists() for name in _FILES)
        options = f"--root {path} --out data/NAME" if own else f"--out {path}"
        raise InputError(
            f"{path}: not a dataset folder ({Path(error.filename).name} is missing). Make one "
            f"with: python generate_dataset.py {options}"
        ) from None
    except InputError:
        raise
    except Exception as error:  # Damage surfaces as many kinds of exception in NumPy and pandas.
        raise InputError(f"{path}: damaged ({error}). {_REBUILD}") from None
    named = ("source", "target", "root")
    if not isinstance(description, dict) or not all(
        isinstance(description.get(name), str) for name in named
    ):
        raise InputError(f"{path / 'dataset.json'}: no {' or no '.join(named)}. {_REBUILD}")
    checksums = description.get("sha256")
    if not isinstance(checksums, dict) or not {"samples.csv", "images.npy"} <= checksums.keys():
        raise InputError(f"{path / 'dataset.json'}: no checksums. {_REBUILD}")
    samples = samples.rename(columns=FORMER_NAMES)
    missing = [column for column in COLUMNS if column not in samples]
    if missing:
        raise InputError(f"{path / 'samples.csv'}: no column {missing[0]!r}. {_REBUILD}")
    _check_images(path, images, len(samples))
    corners = np.isfinite(samples[BOX_COLUMNS].to_numpy(np.float64)).sum(axis=1)
    if len(torn := np.flatnonzero(corners % 4)):
        raise InputError(
            f"{path / 'samples.csv'} row {torn[0] + 1}: a box with {corners[torn[0]]} of 4 "
            f"corners. {_REBUILD}"
        )
    if sha256_of(path / "samples.csv") != checksums["samples.csv"]:
        raise InputError(f"{path / 'samples.csv'}: {_CHANGED}. {_REBUILD}")
    return Dataset(path, images, samples, description)


def as_dataset(dataset: Dataset | str | os.PathLike) -> Dataset:
    """A Dataset as it is, or the one of a path, opened."""
    return dataset if isinstance(dataset, Dataset) else open_dataset(dataset)


def _check_images(path: Path, images: np.memmap, rows: int) -> None:
    file = path / "images.npy"
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) != rows:
        raise InputError(
            f"{path}: images.npy ({images.dtype} {images.shape}) does not belong to samples.csv "
            f"({rows} rows). {_REBUILD}"
        )
    # Fortran's order of the values is fine for NumPy, but a photo would be all over the file.
    in_order = not np.isfortran(images)
    if images.shape[1] != images.shape[2] or images.shape[3] != 3 or not in_order:
        raise InputError(
            f"{file}: {list(images.shape)}{'' if in_order else ' in Fortran order'}, not square "
            f"RGB images one after the other. {_REBUILD}"
        )
    expected_bytes = images.offset + images.nbytes
    if (actual_bytes := file.stat().st_size) != expected_bytes:
        raise InputError(
            f"{file}: {actual_bytes:,} bytes instead of {expected_bytes:,}. {_REBUILD}"
        )


def verify_dataset(path: str | os.PathLike) -> Dataset:
    """Open a dataset folder and read all of it, the one in unlabelled/ too.

    Returns:
        The Dataset.

    Raises:
        InputError: as `open_dataset`, or images.npy is not as it was generated.
    """
    dataset = open_dataset(path)
    for part in filter(None, (dataset, dataset.unlabelled)):
        path, checksums = part.path / "images.npy", part.description["sha256"]
        if sha256_of(path) != checksums["images.npy"]:
            raise InputError(f"{path}: {_CHANGED}. {_REBUILD}")
        rows = rows_sha256(part.path / "samples.csv")
        if checksums.get("rows", rows) != rows:
            raise InputError(f"{part.path / 'dataset.json'}: {_CHANGED}. {_REBUILD}")
    return dataset


def _is_truth(description: dict) -> bool:
    # Datasets from before there were teachers do not say.
    return description.get("labels", "truth") == "truth"
