"""Finds the source that a name on the command line means, and where its photos are."""

import difflib
import os
import re
from functools import partial
from pathlib import Path

from localizer.errors import InputError
from localizer.plugins import SOURCES
from localizer.sources.own_source import read_own

_FORMATS = ("voc", "coco", "yolo", "label-studio", "cvat", "labelme", "via", "hf")
# Whose authors say which photos are for testing.
SOURCES_WITH_LISTS = ("oxford-pet",)
_ONLY_FOR = {
    "count": ("synthetic",),
    "empty_share": ("synthetic",),
    "annotations": ("coco", "label-studio", "via"),
    "box_format": ("csv",),
    "multiple": ("oxford-pet", *_FORMATS, "csv"),
    "boxes_in": ("oxford-pet", *_FORMATS, "csv"),
}
# Where the official archives go when no folder is named.
OXFORD_DOWNLOAD = Path("data/raw/oxford-iiit-pet")


def default_source():
    """The real data where they are at hand, the embedded scenes elsewhere."""
    return "oxford-pet" if os.environ.get("OXFORD_PET_ROOT") else "synthetic"


def resolve_source(
    source: str | None,
    root: Path | None,
    *,
    annotations: Path | None = None,
    teacher: str | None = None,
) -> str:
    """The source that is meant: the one that is named, or what the labels at the root look like.

    Args:
        source: one of SOURCES, "auto", or None: "auto" where there is a root.
        root, annotations, teacher: as for `open_source`.

    Raises:
        InputError: the labels cannot be told, or there is no root to look at.
    """
    if source not in (None, "auto"):
        return source
    if root is None:
        if source is None:
            return default_source()
        raise InputError("--source auto needs --root, the folder of your photos and labels")
    if teacher is not None:
        return "folder"
    if annotations is not None:
        from localizer.sources.recognizing import source_of_json

        return source_of_json(annotations)
    from localizer.sources.recognizing import recognize

    return recognize(root)


def open_source(
    source,
    root,
    target,
    *,
    multiple="largest",
    count=None,
    seed=0,
    box_format="pixels",
    annotations=None,
    workers=2,
    split_by="name",
    split_file=None,
    teacher=None,
    boxes_in="auto",
    empty_share=None,
):
    """A source, ready to be read.

    Args:
        source: one of SOURCES, built in or one's own.
        root: folder of the data; None = the source's own place.
        target: "head" or "body"; for people's own data any name of what the boxes are around.
        multiple: "largest" or "skip", for photos with several objects.
        count: number of scenes, for synthetic; None = 2,000.
        seed, workers: for synthetic.
        box_format: "pixels" or "relative", for csv.
        annotations: the JSON file, for coco, label-studio and via.
        split_by: "official" is for a source with lists of its own only.
        split_file: the SplitFile that is used instead, or None.
        teacher: the model that labels the photos of a folder, as named on the command line.
        boxes_in: the frame of turned photos that boxes were drawn in, one of frames.BOXES_IN.
        empty_share: share of the scenes without an animal, for synthetic; None = 0.

    Returns:
        (read, root): a function from the folder of the photos to the annotated images, and that
        folder; None when the source makes the photos where it is told to.

    Raises:
        InputError: the options do not fit the source, or its data are not to be had.
    """
    _check_teacher_and_split(source, split_by, teacher)
    _refuse_others_options(
        source,
        count=count,
        empty_share=empty_share,
        annotations=annotations,
        multiple=None if multiple == "largest" else multiple,
        box_format=None if box_format == "pixels" else box_format,
        boxes_in=None if boxes_in == "auto" else boxes_in,
    )
    _check_target(source, target)
    if source == "synthetic":
        count = 2000 if count is None else count
        return _open_synthetic(root, target, count, seed, workers, empty_share or 0.0)
    if source == "oxford-pet":
        return _open_oxford_pet(root, target, multiple)
    if root is None:
        raise InputError(f"--source {source} needs --root, the folder of your photos")
    root = Path(root)
    if not root.exists():
        raise InputError(f"--root {root}: no such folder")
    if SOURCES.is_own(source):
        return partial(read_own, source, target), root
    return _open_format(source, root, multiple, annotations, box_format, split_file, boxes_in)


def _check_target(source, target):
    """See that a source has the target, and that it can name files and stand in a sentence."""
    if source in ("oxford-pet", "synthetic") and target not in ("head", "body"):
        near = difflib.get_close_matches(target.lower(), ["head", "body"], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"--target {target}: {source} has head and body{hint}")
    if not re.fullmatch(r"[^\W_]([\w .-]{0,38}[^\W_])?", target):
        raise InputError(
            f"--target {target!r:.60}: is no name of an object, such as raccoon; letters and "
            "digits are possible, between them also blanks and _ . -, 40 characters at most"
        )


def _refuse_others_options(source, **options):
    """Raise InputError for an option that has a value, but is not for this source."""
    for name, value in options.items():
        if value is not None and source not in _ONLY_FOR[name]:
            fitting = " and ".join(_ONLY_FOR[name])
            raise InputError(f"--{name.replace('_', '-')} is for --source {fitting}, not {source}")


def _open_synthetic(root, target, count, seed, workers, empty_share):
    from localizer.sources.drawn import generate as synthetic

    if root is not None:
        raise InputError("--root: synthetic scenes are drawn into --out; leave it away")
    options = {"target": target, "count": count, "seed": seed, "workers": workers}
    return partial(synthetic.generate, **options, empty_share=empty_share), None


def _open_format(source, root, multiple, annotations, box_format, split_file, boxes_in):
    """People's own photos in one of the formats of docs/formats.md."""
    if source in _FORMATS:
        more = {} if annotations is None else {"annotations": annotations}
        return partial(SOURCES[source], multiple=multiple, boxes_in=boxes_in, **more), root
    if source == "folder":
        from localizer.sources import folder

        if not root.is_dir():
            raise InputError(f"--root {root}: is a file; name the folder of the photos")
        return folder.read, root
    from localizer.sources.formats.csv import table as csv_table

    table = split_file and split_file.path
    read = partial(
        csv_table.read,
        multiple=multiple,
        box_format=box_format,
        split_table=table,
        boxes_in=boxes_in,
    )
    if root.is_file():
        return lambda folder: read(root), root.parent
    return read, root


def _check_teacher_and_split(source, split_by, teacher):
    if split_by == "official" and source not in SOURCES_WITH_LISTS:
        raise InputError(
            f"--split-by official: {source} has no lists of training and test photos; only "
            f"{', '.join(SOURCES_WITH_LISTS)} has. Use --split-by name, or a CSV file of your own"
        )
    if source == "folder" and teacher is None:
        raise InputError(
            "--source folder is for photos without boxes, which a trained model labels: name it "
            "with --teacher (a run folder, a model file, ...). For photos that have boxes there "
            f"are {', '.join(_FORMATS)} and csv"
        )
    if source != "folder" and teacher is not None:
        raise InputError(
            f"--teacher labels photos without boxes, but {source} has boxes of its own; use it "
            "with --source folder"
        )


def _open_oxford_pet(root, target, multiple):
    from localizer.sources.oxford import archives as oxford_archives
    from localizer.sources.oxford import oxford_pet

    root = Path(root or os.environ.get("OXFORD_PET_ROOT") or OXFORD_DOWNLOAD)
    if not oxford_archives.is_present(root):
        oxford_archives.fetch(root)
    return partial(oxford_pet.read, target=target, multiple=multiple), root
