"""Photos with boxes in a table: a CSV file with one row per object.

    root/boxes.csv
    root/photos/rex.jpg

The table begins with a header line. Columns may stand in any order, others are ignored:

    image,xmin,ymin,xmax,ymax,width,height,species,breed
    photos/rex.jpg,48,29,201,180,500,375,dog,beagle

* `image` (required): path of the photo relative to the folder of the table.
* `xmin`, `ymin`, `xmax`, `ymax` (required): continuous 0-based pixels of the photo as a viewer
  shows it (after EXIF orientation), so a photo's right edge is at its width; with
  `box_format="relative"` parts of its width and height, from 0 to 1.
* `width`, `height`: size in pixels that the box refers to; where they are missing or empty, and
  needed, it is the photo's own.
* `species`, `breed`: coarse and fine class.

Several rows with the same image are several objects in it. `csv_columns` has the other names that
columns may have, `csv_rows` the encodings, separators and numbers.
"""

import functools
import os
import reprlib
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

from localizer.boxes import abs_xyxy_to_rel_xyxy
from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import (
    choose,
    class_name,
    is_file_below,
    no_such_file,
    number_from_text,
    path_below_root,
    side_from_text,
    skipped,
)
from localizer.sources.csv_rows import read_rows

CORNERS = ("xmin", "ymin", "xmax", "ymax")
REQUIRED = ("image", *CORNERS)
OPTIONAL = ("width", "height", "species", "breed")

EXPECTED = """expected a table such as
    image,xmin,ymin,xmax,ymax
    photos/rex.jpg,48,29,201,180"""


@dataclass(frozen=True)
class _Row:
    line: int
    cells: dict[str, str]
    box: tuple[float, ...] | None  # As written, in pixels or relative; None when it is unreadable.
    problem: str = ""


def read(
    root: Path,
    multiple: str = "largest",
    box_format: str = "pixels",
    split_table: Path | None = None,
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield every unusable row, then every photo that has a usable one, in the order of the table.

    Args:
        root: a CSV file, or a folder that holds exactly one.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        box_format: what the table's boxes are in, "pixels" or "relative".
        split_table: the table that says which split a photo is in, perhaps this one; another one
            in the same folder is not taken for the table of boxes.

    Raises:
        InputError: no table, or several; one that cannot be read, is empty, or lacks a column; a
            whole table of boxes that cannot be in pixels.
    """
    if box_format not in ("pixels", "relative"):
        raise InputError(f"box format is {box_format!r}: expected 'pixels' or 'relative'")
    table = _find_table(Path(root), split_table)
    rows = _read_rows(table, split_table)
    values = [value for row in rows if row.box for value in row.box]
    if box_format == "pixels" and values and max(values) <= 1:
        raise InputError(
            f"{table}: no box coordinate is above 1, so these are not pixels;"
            " give --box-format relative if they are parts of the image's size"
        )
    displayed_size = functools.cache(_displayed_size)
    objects = defaultdict(list)
    for row in rows:
        name = row.cells.get("image", "")
        try:
            one = _annotated(row, table, box_format, displayed_size)
        except InputError as error:
            one = skipped(_as_path(name), f"{table} line {row.line}: {error}")
            yield one
        objects[one.image].append(one)
    for found in objects.values():
        if any(isinstance(one, AnnotatedImage) for one in found):
            yield choose(found, multiple)


def _as_path(name: str) -> str:
    """The spelling that a usable row has, so that one photo has one name."""
    try:
        return path_below_root(name) if name else name
    except InputError:
        return name


def _find_table(root: Path, split_table: Path | None) -> Path:
    if root.is_file():
        return root
    if not root.is_dir():
        raise InputError(f"{root}: no such file or folder; {EXPECTED}")
    tables = sorted(
        path
        for path in root.iterdir()
        if path.suffix.lower() == ".csv" and not path.name.startswith(".") and path.is_file()
    )
    if len(tables) > 1:
        tables = [path for path in tables if not _is_same(path, split_table)]
    if not tables:
        raise InputError(f"{root}: no CSV file in this folder; {EXPECTED}")
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise InputError(f"{root}: several CSV files ({names}): give one of them as the root")
    return tables[0]


def _is_same(path: Path, other: Path | None) -> bool:
    return other is not None and os.path.samefile(path, other)


def _read_rows(table: Path, split_table: Path | None) -> list[_Row]:
    header, rows = read_rows(table, REQUIRED, OPTIONAL, EXPECTED)
    used = (*REQUIRED, *OPTIONAL, *(["split"] if _is_same(table, split_table) else []))
    unused = [name for name in header if name and name not in used]
    if unused:
        offered = "split" in unused and split_table is None
        split = f"; --split-by {table} goes by its split" if offered else ""
        print(
            f"note: {table}: columns that are not used: {', '.join(unused)}{split}",
            file=sys.stderr,
        )
    return [_read_row(line, header, fields) for line, fields in rows]


def _read_row(line: int, header: list[str], fields: list[str]) -> _Row:
    cells = dict(zip(header, fields, strict=False))
    if len(fields) != len(header):
        problem = f"{len(fields)} fields, but the header has {len(header)}"
        return _Row(line, cells, None, problem)
    box = []
    for name in CORNERS:
        try:
            box.append(number_from_text(cells[name]))
        except InputError as error:
            return _Row(line, cells, None, f"{name}: {error}")
    return _Row(line, cells, tuple(box))


def _annotated(row: _Row, table: Path, box_format: str, displayed_size) -> AnnotatedImage:
    if row.problem:
        raise InputError(row.problem)
    root = table.parent
    image = path_below_root(row.cells["image"])
    if not is_file_below(root, image):
        raise no_such_file(image)
    size = _written_size(row.cells)
    if box_format == "relative":
        # A box in pixels would pass for one that reaches outside the photo on all sides.
        if max(map(abs, row.box)) > 2:
            raise InputError(
                f"the box {list(row.box)} is not in parts of the image's size;"
                " give --box-format pixels if the table is in pixels"
            )
        box_rel_xyxy = row.box
    else:
        size = size or displayed_size(root / image)
        box_rel_xyxy = tuple(abs_xyxy_to_rel_xyxy(row.box, *size).tolist())
    width, height = size or (None, None)
    species, breed = (class_name(row.cells.get(name, "").strip()) for name in ("species", "breed"))
    place = f"{table.name} line {row.line}"
    return AnnotatedImage(image, box_rel_xyxy, width, height, species, breed, place=place)


def _written_size(cells: dict[str, str]) -> tuple[int, int] | None:
    """Width and height from the row, or None when neither is there."""
    texts = {name: cells.get(name, "").strip() for name in ("width", "height")}
    if not any(texts.values()):
        return None
    sides = []
    for name, text in texts.items():
        try:
            sides.append(side_from_text(text))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    return tuple(sides)


def _displayed_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels as a viewer shows the photo.

    Only the header is read, except of PNG files, which may have their EXIF data at the end.
    """
    try:
        with warnings.catch_warnings():
            # The size is not judged here: the store refuses photos that are too large.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                width, height = image.size
                orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # Damaged files surface as many kinds of exception in Pillow.
        raise InputError(f"the photo's size cannot be read ({reprlib.repr(str(error))})") from None
    # Orientations 5 to 8 turn the photo by a quarter (EXIF 2.32, tag 0x0112).
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)
