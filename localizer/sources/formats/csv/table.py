"""Photos with boxes in a table: a CSV file with one row per object.

    root/boxes.csv
    root/photos/rex.jpg

The table begins with a header line. Columns may stand in any order, others are ignored:

    image,xmin,ymin,xmax,ymax,width,height,supercategory,category
    photos/rex.jpg,48,29,201,180,500,375,dog,beagle

* `image` (required): path of the photo relative to the folder of the table (see photo_lookup.py).
* `xmin`, `ymin`, `xmax`, `ymax` (required): continuous 0-based pixels of the photo as a viewer
  shows it (after EXIF orientation), so a photo's right edge is at its width; with
  `box_format="relative"` parts of its width and height, from 0 to 1.
* `width`, `height`: size in pixels that the box refers to; where they are missing, empty, 0 or
  text, and needed, it is the photo's own.
* `supercategory`, `category`: what the object is, coarsely and finely, as in COCO.

A row with neither corners nor a category says that there is no object in the photo.
Several rows with the same image are several objects in it. `columns` has the other names that
columns may have, `csv_rows` the encodings, separators and numbers.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localizer.errors import InputError
from localizer.images.boxes import abs_xyxy_to_rel_xyxy
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import choose, class_name, no_object, number_from_text, skipped
from localizer.sources.formats.csv.rows import read_rows
from localizer.sources.lookup.photo_claims import settle_claims
from localizer.sources.lookup.photo_lookup import PhotoLookup
from localizer.sources.notes import note
from localizer.sources.pixels import FrameSizes, refuse_relative, written_size

CORNERS = ("xmin", "ymin", "xmax", "ymax")
REQUIRED = ("image", *CORNERS)
OPTIONAL = ("width", "height", "supercategory", "category")

EXPECTED = """expected a table such as
    image,xmin,ymin,xmax,ymax
    photos/rex.jpg,48,29,201,180"""


@dataclass(frozen=True)
class _Row:
    line: int
    cells: dict[str, str]
    box: tuple[float, ...] | None  # As written, in pixels or relative; None: empty or unreadable.
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it only names a photo: nothing is in it."""
        return self.box is None and not self.problem


def read(
    root: Path,
    multiple: str = "largest",
    box_format: str = "pixels",
    split_table: Path | None = None,
    boxes_in: str = "auto",
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield every unusable row, then every photo that has a usable one, in the order of the table.

    Args:
        root: a CSV file, or a folder that holds exactly one.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        box_format: what the table's boxes are in, "pixels" or "relative".
        split_table: the table that says which split a photo is in, perhaps this one; another one
            in the same folder is not taken for the table of boxes.
        boxes_in: the frame of turned photos whose size the table lacks, as in `FrameSizes`.

    Raises:
        InputError: no table, or several; one that cannot be read, is empty, or lacks a column; a
            whole table of boxes that cannot be in pixels.
    """
    if box_format not in ("pixels", "relative"):
        raise InputError(f"box format is {box_format!r}: expected 'pixels' or 'relative'")
    table = _find_table(Path(root), split_table)
    rows = _read_rows(table, split_table)
    if box_format == "pixels":
        refuse_relative(
            table,
            (row.box for row in rows if row.box),
            "give --box-format relative if they are parts of the image's size",
        )
    photos = _find_photos(table.parent, rows)
    sizes = FrameSizes(table.parent, boxes_in)
    objects = defaultdict(list)
    for row in rows:
        name = row.cells.get("image", "")
        photo, place = photos[name], f"{table.name} line {row.line}"
        try:
            record = _annotated(row, photo, place, box_format, sizes)
        except InputError as error:
            record = skipped(photo if isinstance(photo, str) else name, str(error), place)
            yield record
        objects[record.image].append(record)
    for found in objects.values():
        if any(isinstance(one, AnnotatedImage) for one in found):
            yield choose(found, multiple)
    sizes.say_taken()


def _find_photos(root: Path, rows: list[_Row]) -> dict[str, str | InputError]:
    """The photo of each name in the table, or the reason why there is none."""
    lookup, photos, found = PhotoLookup(root), {}, {}
    for row in rows:
        name = row.cells.get("image", "")
        if name in photos or name in found:
            continue
        try:
            found[name] = lookup.find(name, size=_size_if_sound(row))
        except InputError as error:
            photos[name] = error
    return photos | settle_claims(found)


def _size_if_sound(row: _Row) -> tuple[int, int] | None:
    try:
        sides = written_size(*_sides(row))
    except InputError:  # Said where the row is read.
        return None
    return None if None in sides else sides


def _sides(row: _Row) -> tuple[str, str]:
    return row.cells.get("width", "").strip(), row.cells.get("height", "").strip()


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
        note(f"{table}: columns that are not used: {', '.join(unused)}{split}")
    return [_read_row(line, header, fields) for line, fields in rows]


def _read_row(line: int, header: list[str], fields: list[str]) -> _Row:
    cells = dict(zip(header, fields, strict=False))
    if len(fields) != len(header):
        problem = f"{len(fields)} fields, but the header has {len(header)}"
        return _Row(line, cells, None, problem)
    if not any(cells[name].strip() for name in (*CORNERS, "category") if name in cells):
        return _Row(line, cells, None)
    box = []
    for name in CORNERS:
        try:
            box.append(number_from_text(cells[name]))
        except InputError as error:
            return _Row(line, cells, None, f"{name}: {error}")
    return _Row(line, cells, tuple(box))


def _annotated(
    row: _Row, photo: str | InputError, place: str, box_format: str, sizes: FrameSizes
) -> AnnotatedImage:
    if row.problem:
        raise InputError(row.problem)
    if isinstance(photo, InputError):
        raise photo
    sides, own_size = written_size(*_sides(row)), False
    if row.is_empty:
        return no_object(photo, place, sides)
    if box_format == "relative":
        # A box in pixels would pass for one that reaches outside the photo on all sides.
        if max(map(abs, row.box)) > 2:
            raise InputError(
                "the box is not in parts of the image's size; give --box-format pixels if the "
                "table is in pixels"
            )
        box_rel_xyxy = row.box
        width, height = sides if None not in sides else (None, None)
    else:
        (width, height), own_size = sizes.of(photo, sides, is_usual=not any(_sides(row)))
        box_rel_xyxy = tuple(abs_xyxy_to_rel_xyxy(row.box, width, height).tolist())
    supercategory, category = (
        class_name(row.cells.get(name, "").strip()) for name in ("supercategory", "category")
    )
    return AnnotatedImage(
        photo, box_rel_xyxy, width, height, supercategory, category, place=place, own_size=own_size
    )
