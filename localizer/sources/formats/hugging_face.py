"""Photos in an image folder of Hugging Face `datasets`: a metadata file beside the photos.

    root/train/metadata.jsonl
    root/train/rex.jpg

`metadata.jsonl` or `metadata.csv`, in the root or in a folder per split. A line of it:

    {"file_name": "rex.jpg", "objects": {"bbox": [[48, 29, 153, 151]], "categories": ["beagle"]}}

`file_name` is relative to the folder of the metadata. A `bbox` is [xmin, ymin, width, height] in
0-based pixels, as in COCO. `categories` (or category, label, labels) may be names or numbers.
`objects` may also be a list of objects with one bbox and one category each; in a CSV file it is
that JSON as text. `width` and `height` are those of the photo, where they are there.
"""

import csv
import io
import json
import reprlib
from collections.abc import Iterator
from pathlib import Path

from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.gathering import Entry, Shape, gather, refuse_parts_for_pixels
from localizer.sources.json_text import number
from localizer.sources.lookup.listing import list_files
from localizer.sources.plain_text import read_text
from localizer.sources.source_splits import split_of_path

FILES = ("metadata.jsonl", "metadata.csv")
EXPECTED = """expected metadata.jsonl (or metadata.csv) beside the photos, with lines such as
    {"file_name": "rex.jpg", "objects": {"bbox": [[48, 29, 153, 151]], "categories": ["beagle"]}}"""

_CLASSES = ("categories", "category", "labels", "label", "class", "classes")


def read(
    root: Path, multiple: str = "largest", boxes_in: str = "auto"
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield the photo of every line of the metadata.

    Args:
        root: folder with the metadata and the photos.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        boxes_in: the frame of turned photos whose size no line has, as in `FrameSizes`.

    Raises:
        InputError: there is no metadata file, one cannot be read, or a line names no photo or no
            objects; none of the boxes is in pixels.
    """
    root = Path(root)
    files = [name for name in list_files(root, root) if name.split("/")[-1] in FILES]
    entries = []
    for file in files:
        for line, row in _rows(root / file):
            try:
                entries.append(_entry(row, file, f"{file} line {line}"))
            except InputError as error:
                raise InputError(f"{root / file} line {line}: {error}; {EXPECTED}") from None
    if not entries:
        raise InputError(f"{root}: no metadata of photos there; {EXPECTED}")
    refuse_parts_for_pixels(root, entries)
    has_sizes = any(any(entry.size) for entry in entries)
    yield from gather(root, entries, multiple, boxes_in, folders=("",), has_sizes=has_sizes)


def _rows(path: Path) -> Iterator[tuple[int, dict]]:
    """Line and content of each row of a metadata file."""
    text = read_text(path)
    if path.suffix == ".csv":
        yield from _table_rows(path, text)
        return
    for line, content in enumerate(text.split("\n"), 1):
        if content.strip():
            yield line, _json(content, f"{path} line {line}")


def _table_rows(path: Path, text: str) -> Iterator[tuple[int, dict]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            place = f"{path} line {reader.line_num}"
            if None in row or None in row.values():
                raise InputError(f"{place}: the header has {len(reader.fieldnames)} fields")
            objects = row.get("objects")
            told = {"objects": _json(objects, place)} if (objects or "").strip() else {}
            yield reader.line_num, row | told
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num}: {error}; check the quotes") from None


def _json(text: str, place: str):
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not readable as JSON ({error})") from None


def _entry(row, file: str, place: str) -> Entry:
    if not isinstance(row, dict) or not isinstance(row.get("file_name"), str):
        raise InputError("there is no file_name in it")
    if "objects" not in row:
        raise InputError("there are no objects in it")
    folder = file.rpartition("/")[0]
    name = f"{folder}/{row['file_name']}" if folder else row["file_name"]
    objects = row["objects"] or {}
    if isinstance(objects, list):
        pairs = [
            (one.get("bbox"), _first(one)) if isinstance(one, dict) else (None, "")
            for one in objects
        ]
    elif isinstance(objects, dict):
        boxes, classes = objects.get("bbox") or [], _first(objects)
        if not isinstance(boxes, list):
            raise InputError(f"objects.bbox: expected a list, found {reprlib.repr(boxes)}")
        if not isinstance(classes, list):
            classes = [""] * len(boxes)
        if len(classes) != len(boxes):
            raise InputError(f"objects: {len(boxes)} boxes, but {len(classes)} categories")
        pairs = [*zip(boxes, classes, strict=True)]
    else:
        raise InputError(f"objects: expected an object, found {reprlib.repr(objects)}")
    shapes = [_shape(*pair, f"{place}: bbox[{index}]") for index, pair in enumerate(pairs)]
    size = row.get("width"), row.get("height")
    return Entry(place, (name,), shapes, size, split_of_path(name))


def _first(objects: dict):
    """The classes, whatever they are called."""
    return next((objects[name] for name in _CLASSES if objects.get(name) is not None), "")


def _shape(box, category, place: str) -> Shape:
    try:
        if not isinstance(box, list) or len(box) != 4:
            raise InputError(f"expected [xmin, ymin, width, height], found {reprlib.repr(box)}")
        xmin, ymin, width, height = (number(value, "bbox") for value in box)
        if min(width, height) <= 0:
            raise InputError("bbox: width and height are not above 0")
        if type(category) not in (str, int):
            raise InputError(f"category: expected text, found {reprlib.repr(category)}")
        return Shape(place, (xmin, ymin, xmin + width, ymin + height), str(category))
    except InputError as error:
        return Shape(place, None, problem=str(error))
