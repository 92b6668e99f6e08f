"""A split that somebody made: a CSV table that says of each photo which split it is in.

    image,split
    photos/rex.jpg,train
    photos/kit.jpg,test

`image` is the photo's path below the root, as in the `samples.csv` of a dataset folder, which is
such a table itself; the splits are train, validation (or val, valid, dev) and test. Other columns
are ignored, so the table of a csv source may have its split beside the boxes.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from localizer.dataset.splits.splitting import SPLITS, split_of_text
from localizer.errors import InputError
from localizer.files.checksums import sha256_of
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.choosing import path_below_root
from localizer.sources.formats.csv.rows import read_rows
from localizer.sources.lookup.photo_claims import settle_claims
from localizer.sources.lookup.photo_lookup import PhotoLookup
from localizer.sources.lookup.photo_names import is_of_another_place
from localizer.sources.notes import note

_NAMES = {name: name for name in SPLITS} | dict.fromkeys(("val", "valid", "dev"), "validation")
SPLIT_BY = ("name", "official", "source", "category")
_EXPECTED = """expected a table such as
    image,split
    photos/rex.jpg,train"""


@dataclass(frozen=True)
class SplitFile:
    """An opened table.

    Attributes:
        path: the file.
        splits: dict from the photo to "train", "validation" or "test".
        identity: what tells its content from that of other files.
    """

    path: Path
    splits: dict
    identity: str

    def of_records(self, records, root="."):
        """Dict from each AnnotatedImage or Skipped of a source to its split.

        Photos are looked for as in the sources, by names that may be written otherwise.

        "" where the table lacks an annotated one; other photos that it lacks are not in the dict.
        Says how many photos of the table the source lacks.

        Raises:
            InputError: none of the source's photos is in the table.
        """
        images = [record.image for record in records]
        splits = self._found_splits(images, root)
        missing = sorted(name for name in self.splits if name not in splits)
        if len(missing) == len(self.splits):
            raise InputError(
                f"--split-by {self.path}: the source has none of its photos. The table has "
                f"{missing[0]!r}, the source {images[0]!r}: name photos by their path "
                "below the root"
            )
        if missing:
            print(
                f"note: {self.path}: the source lacks {len(missing)} of {len(self.splits)} photos, "
                f"such as {missing[0]}",
                file=sys.stderr,
            )
        annotated = {one.image: "" for one in records if isinstance(one, AnnotatedImage)}
        return annotated | {one: splits[one] for one in images if one in splits}

    def _found_splits(self, images, root):
        """The split of each name of the table that is found, and of the image it means."""
        splits = {image: self.splits[image] for image in images if image in self.splits}
        lookup, found = PhotoLookup(root, images), {}
        for name in self.splits.keys() - splits.keys():
            try:
                found[name] = lookup.find(name)
            except InputError:
                continue
        for name, image in settle_claims(found).items():
            if isinstance(image, str):
                split = splits[name] = self.splits[name]
                if splits.setdefault(image, split) != split:
                    raise InputError(
                        f"{self.path}: {image} is in the {splits[image]} split, and as {name} in "
                        f"{split}"
                    )
        return splits


def open_split(option, fractions):
    """What --split-by means.

    Args:
        option: one of SPLIT_BY, a table of splits, or a dataset folder, whose split is taken.
        fractions: of --fractions, or None.

    Returns:
        (split_by, split_file) of GenerationSettings.

    Raises:
        InputError: the table cannot be used, or there are fractions beside it.
    """
    if option == "source" and fractions:
        raise InputError("--fractions: the labels say which photo is in which split; leave it out")
    if option in SPLIT_BY:
        return option, None
    path = Path(option)
    if (path / "samples.csv").is_file():
        path = path / "samples.csv"
    if not path.is_file():
        raise InputError(
            f"--split-by {option}: is no file; it is {', '.join(SPLIT_BY)}, a CSV table or "
            "a dataset folder"
        )
    if fractions:
        raise InputError(f"--fractions: {option} says which photo is in which split; leave it out")
    file = read_split_file(path)
    return file.identity, file


def read_split_file(path):
    """Open a table of splits.

    Raises:
        InputError: it cannot be read, a split has another name, or a photo is in two; the message
            names the file and the line.
    """
    path = Path(path)
    header, rows = read_rows(path, ("image", "split"), (), _EXPECTED)
    splits, lines = {}, {}
    for line, fields in rows:
        try:
            image, split = _read_row(header, fields)
        except InputError as error:
            raise InputError(f"{path} line {line}: {error}") from None
        # Several rows are several objects in one photo.
        if splits.setdefault(image, split) != split:
            raise InputError(
                f"{path} line {line}: {image} is in the {splits[image]} split by line "
                f"{lines[image]}, here in {split}"
            )
        lines.setdefault(image, line)
    return SplitFile(path, splits, f"file sha256:{sha256_of(path)[:16]}")


def _read_row(header, fields):
    """The photo and its split."""
    if len(fields) != len(header):
        raise InputError(f"{len(fields)} fields, but the header has {len(header)}")
    cells = dict(zip(header, fields, strict=True))
    if not cells["image"].strip():
        raise InputError("there is no image")
    split = _NAMES.get(cells["split"].strip().lower())
    if split is None:
        raise InputError(f"the split is {cells['split']!r:.100}; it is one of {', '.join(SPLITS)}")
    image = cells["image"]
    # An absolute path may be one of another machine.
    is_absolute = is_of_another_place(image) and ".." not in image
    return image if is_absolute else path_below_root(image), split


def read_lists(records, settings, root):
    """The list that each photo of a source is in.

    Args:
        records: list of AnnotatedImage and Skipped.
        settings: GenerationSettings.
        root: folder below which the photos are.

    Returns:
        Dict from the photo to one of SPLITS or "trainval", "" where it belongs to none; {} where
        the photo's name decides.

    Raises:
        InputError: there are no lists, or none of these photos is in them.
    """
    if settings.split_file is not None:
        return settings.split_file.of_records(records, root)
    if settings.split_by == "name":
        return {}
    if settings.split_by == "category":
        return _by_category(records, settings, root)
    if settings.split_by == "official":
        _check_official(records, settings, root)
    elif not any(record.official_split for record in records):
        raise InputError(
            f"{root}: --split-by source finds no splits in the labels ({settings.source}: such as "
            "folders train/, valid/ and test/). Use --split-by name, or a CSV file of your own"
        )
    return {record.image: record.official_split for record in records}


def _by_category(records, settings, root):
    """The split of each annotated photo, by the category of its object."""
    categories = {one.image: one.category for one in records if isinstance(one, AnnotatedImage)}
    named = {*categories.values()} - {""}
    if len(named) < 2:
        raise InputError(
            f"{root}: --split-by category holds whole categories out, but the photos have "
            f"{len(named)}. Use --split-by name"
        )
    splits = {name: split_of_text(name, settings.seed, settings.fractions) for name in named}
    for split in SPLITS:
        members = sorted(name for name, where in splits.items() if where == split)
        shown = ", ".join(members[:5]) + (", ..." if len(members) > 5 else "")
        note(f"{split}: {len(members)} of {len(named)} categories{': ' + shown if shown else ''}")
    return {image: splits.get(name, "") for image, name in categories.items()}


def _check_official(records, settings, root):
    tests = [record for record in records if record.official_split == "test"]
    if not tests:
        raise InputError(
            f"{root}: --split-by official finds no official test list with a photo in it "
            f"({settings.source}: annotations/test.txt). Use --split-by name"
        )
    if not any(isinstance(record, AnnotatedImage) for record in tests):
        raise InputError(
            f"--split-by official: none of the {len(tests)} photos of the official test list has "
            f"a {settings.target} box, so there would be nothing to test on. Use --split-by name"
        )
