"""Photos with YOLO labels: a text file per photo.

    root/data.yaml
    root/images/train/rex.jpg         or train/images/rex.jpg, or images/rex.jpg
    root/labels/train/rex.txt            train/labels/rex.txt     labels/rex.txt

A label file has the path of its photo with `labels` for the last `images`, or lies beside it; else
the photo of its name is looked for (see photo_lookup.py). `lines` says what stands in it, `classes`
what in data.yaml or classes.txt. As to Ultralytics, a photo is background, which has no object,
where its label file is empty, and where it has none although others in its folder have one.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from localizer.errors import InputError
from localizer.images.photos import SUFFIXES
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import skipped
from localizer.sources.formats.yolo.classes import Classes, find_classes
from localizer.sources.formats.yolo.lines import read_line
from localizer.sources.gathering import Entry, gather
from localizer.sources.lookup.listing import list_files
from localizer.sources.lookup.photo_lookup import PhotoLookup
from localizer.sources.lookup.photo_names import name_parts, parts_alike
from localizer.sources.notes import note
from localizer.sources.plain_text import read_text
from localizer.sources.source_splits import split_of_path

EXPECTED = """expected a text file per photo, for example
    images/rex.jpg and labels/rex.txt with lines such as 0 0.25 0.28 0.31 0.40
    (class, centre and size in parts of the image), and the names of the classes in data.yaml"""

_MAX_BYTES = 10_000_000
_OTHER_TEXTS = re.compile(
    r"(classes|predefined_classes|readme.*|license|requirements|notes?|"
    r"(auto)?(train|val|valid|validation|dev|test)[\d_\-]*)\.txt"
)


def read(
    root: Path, multiple: str = "largest", boxes_in: str = "auto"
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield every photo below `root`, then the label files that have none.

    Args:
        root: folder in one of the layouts above.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        boxes_in: the frame of turned photos, as in `FrameSizes`.

    Raises:
        InputError: there is no label file below `root`, or data.yaml cannot be read.
    """
    root = Path(root)
    classes = find_classes(root)
    files = list_files(root, root)
    photos = [name for name in files if name.lower().endswith(SUFFIXES)]
    labels = [name for name in files if is_label_file(name)]
    if not labels:
        raise InputError(f"{root}: no label file of YOLO there; {EXPECTED}")
    owners, lost = _owners(root, photos, labels)
    if classes.names is None:
        note(f"{root}: no data.yaml or classes.txt: the classes have their numbers for names")
    labelled = {str(PurePosixPath(photo).parent) for photo in owners}
    split_of = _Splits(root, photos, classes)
    entries, unlabelled, backgrounds = [], [], 0
    for photo in photos:
        files = owners.get(photo, [])
        entry = Entry(files[0] if files else photo, (photo,), split=split_of(photo), photo=photo)
        if len(files) > 1:
            problem = f"several label files, {' and '.join(files[:2])}: remove the wrong ones"
            entry = replace(entry, problem=problem)
        elif files:
            entry = _with_lines(root, entry, classes)
        elif str(PurePosixPath(photo).parent) in labelled:
            backgrounds += 1
        else:
            unlabelled.append(photo)
            continue
        entries.append(entry)
    if backgrounds:
        note(
            f"{backgrounds} photos have no label file beside others that have one: they are "
            "background, without an object, as to Ultralytics"
        )
    yield from gather(root, entries, multiple, boxes_in, relative=True)
    for photo in unlabelled:
        yield replace(skipped(photo, "no annotation"), official_split=split_of(photo))
    for file, problem in lost.items():
        yield skipped(file, problem, file)


def is_label_file(name: str) -> bool:
    """Whether a path may be one of a label file."""
    path = PurePosixPath(name.lower())
    return path.suffix == ".txt" and not _OTHER_TEXTS.fullmatch(path.name)


def label_places(photo: str) -> list[str]:
    """Where the label file of a photo may lie, the usual place first."""
    path = PurePosixPath(photo).with_suffix(".txt")
    parts = list(path.parts)
    places = [path.as_posix(), (path.parent / "labels" / path.name).as_posix()]
    folders = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if folders:
        parts[folders[-1]] = "labels"
        places.insert(0, "/".join(parts))
    return places


def _owners(root: Path, photos: list[str], labels: list[str]):
    """The label files of each photo, and the reasons why others have none."""
    known, owners, taken = set(labels), {}, set()
    for photo in photos:
        found = [place for place in label_places(photo) if place in known][:1]
        if found:
            owners[photo] = found
            taken |= {*found}
    lookup, lost = PhotoLookup(root, photos), {}
    for file in labels:
        if file in taken:
            continue
        try:
            found = lookup.find_beside(file, [])
        except InputError as error:
            lost[file] = str(error)
        else:
            owners.setdefault(found.photo, []).append(file)
    return owners, lost


def _with_lines(root: Path, entry: Entry, classes: Classes) -> Entry:
    """The entry with the objects of its label file."""
    path = root / entry.place
    try:
        lines = read_text(path, _MAX_BYTES).splitlines()
    except InputError as error:
        return replace(entry, problem=str(error).removeprefix(f"{path}: "))
    shapes = [
        read_line(line, f"{entry.place} line {number}", classes)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    return replace(entry, shapes=shapes)


class _Splits:
    """The split of each photo: by a list of data.yaml, a folder of it, or the name of a folder."""

    def __init__(self, root: Path, photos: list[str], classes: Classes):
        self._folders, self._listed = {}, {}
        lookup = PhotoLookup(root, photos)
        for parts, split in classes.splits.items():
            path = root.joinpath(*parts)
            if path.suffix == ".txt" and path.is_file():
                for line in path.read_bytes().decode("utf-8", "replace").splitlines():
                    self._add(lookup, line.strip(), split)
            elif path.is_dir():
                self._folders[parts] = split

    def __call__(self, photo: str) -> str:
        if photo in self._listed:
            return self._listed[photo]
        parts = parts_alike(photo)
        for length in range(len(parts) - 1, 0, -1):
            if split := self._folders.get(parts[:length]):
                return split
        return "" if self._listed else split_of_path(photo)

    def _add(self, lookup: PhotoLookup, name: str, split: str):
        try:
            if name_parts(name):
                self._listed[lookup.find(name).photo] = split
        except InputError:
            return  # A list may name photos that are not here.
