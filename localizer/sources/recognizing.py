"""Which source a folder of labels is for, told by what lies in it.

Files are not read as a whole: the beginning of an XML or text file, and the keys that stand in a
JSON file, tell its format. Of each kind of file the first few are looked at.
"""

import csv
import mmap
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from localizer.errors import InputError
from localizer.images.photos import SUFFIXES
from localizer.sources.formats.coco_files import ROBOFLOW
from localizer.sources.formats.csv.columns import CORNERS, find_columns
from localizer.sources.formats.csv.via_regions import SHAPE
from localizer.sources.formats.hugging_face import FILES as METADATA
from localizer.sources.formats.yolo.label_files import is_label_file, label_places
from localizer.sources.lookup.listing import list_files
from localizer.sources.notes import note
from localizer.sources.source_splits import split_named

# Files looked at of one ending, and how much of each.
_FILES, _BYTES = 20, 65_536
_NAMES = {
    "oxford-pet": "the Oxford-IIIT Pet layout",
    "voc": "Pascal VOC",
    "coco": "COCO",
    "csv": "a table of boxes",
    "yolo": "YOLO",
    "label-studio": "Label Studio",
    "cvat": "CVAT for images",
    "labelme": "LabelMe",
    "via": "VGG Image Annotator",
    "hf": "a Hugging Face image folder",
}
# Which keys a JSON file has, all of them; the first kind that fits counts.
_KEYS = {
    "labelme": ("shapes", "imagePath"),
    "via": ("region_attributes", "shape_attributes"),
    "label-studio": ("original_width", "result"),
    "coco": ("images", "annotations", "categories"),
}
_YOLO_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\s*\d+(\s+[-+.\deE]+){4,}\s*(\r?\n|$)")


def recognize(root: Path) -> str:
    """The source that reads what lies below `root`; says so in a note.

    Args:
        root: a folder, or the table of a csv source.

    Raises:
        InputError: nothing that a source reads is there, or several of them could read it.
    """
    root = Path(root)
    if root.is_file() and root.suffix.lower() == ".csv":
        return "csv"
    if not root.is_dir():
        found = "is a file; name its folder" if root.exists() else "no such folder"
        raise InputError(f"--root {root}: {found}")
    files = list_files(root, root)
    seen = _look(root, files)
    photos = sum(name.lower().endswith(SUFFIXES) for name in files)
    options = ", ".join(_NAMES)
    if not seen:
        raise InputError(
            f"--root {root}: no labels that are known by their looks ({photos} photos, "
            f"{len(files) - photos} other files). Name what they are with --source ({options}), or "
            "label photos with a model: --source folder --teacher MODEL. docs/formats.md shows "
            "what each source expects"
        )
    if len(seen) > 1:
        found = "; ".join(
            f"{_NAMES[name]} ({file}): --source {name}" for name, file in seen.items()
        )
        raise InputError(f"--root {root}: several kinds of labels are there, choose one. {found}")
    [(source, file)] = seen.items()
    splits = {split_named(part) for name in files for part in name.split("/")[:-1]} - {""}
    told = f", {len(splits)} splits" if len(splits) > 1 else ""
    note(f"labels: {_NAMES[source]} ({file}{told}); --source NAME for another reading")
    return source


def source_of_json(path: Path) -> str:
    """The source that reads one JSON file; COCO where its looks do not tell."""
    source = _of_json(Path(path))
    return source if source in ("label-studio", "via") else "coco"


def _look(root: Path, files: Sequence[str]) -> dict[str, str]:
    """Each source that has something to read, and the first file that tells so."""
    if "annotations/list.txt" in files and any(name.startswith("images/") for name in files):
        return {"oxford-pet": "annotations/list.txt"}
    seen, looked = {}, defaultdict(int)
    photos = [name for name in files if name.lower().endswith(SUFFIXES)]
    places = {place for photo in photos for place in label_places(photo)}
    for name in files:
        ending = name.lower().rpartition(".")[2]
        is_text = ending == "txt" and is_label_file(name) and name in places
        if ending not in ("json", "jsonl", "xml", "csv") and not is_text:
            continue
        if ending == "csv" and "/" in name and name.split("/")[-1] not in METADATA:
            continue  # A table of boxes lies in the root.
        if is_text and _is_empty(root / name):
            continue  # Background; the first of many photos may be that.
        looked[ending] += 1
        if looked[ending] <= _FILES and (source := _source_of(root / name, ending)):
            seen.setdefault(source, name)
    if "yolo" in seen:
        yamls = [name for name in files if "/" not in name and name.endswith((".yaml", ".yml"))]
        seen["yolo"] = (yamls or [seen["yolo"]])[0]
    return seen


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return True


def _source_of(path: Path, ending: str) -> str:
    """The source that reads a file; "" where none does, or it cannot be read."""
    try:
        with open(path, "rb") as file:
            start = file.read(_BYTES)
    except OSError:
        return ""
    if path.name in METADATA:
        return "hf" if b"file_name" in start and b"objects" in start else ""
    if ending == "json":
        return _of_json(path)
    if ending == "xml":
        tag = re.search(rb"<(annotations?)[\s>/]", start.replace(b"\0", b""))
        return {b"annotation": "voc", b"annotations": "cvat"}.get(tag[1], "") if tag else ""
    if ending == "txt":
        return "yolo" if _YOLO_LINE.match(start) else ""
    return "csv" if ending == "csv" and _is_table_of_boxes(start) else ""


def _of_json(path: Path) -> str:
    if path.name == ROBOFLOW:
        return "coco"
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            for source, keys in _KEYS.items():
                if all(text.find(f'"{key}"'.encode()) >= 0 for key in keys):
                    return source
            is_list = text[:_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
            tasks = (b'"annotation_id"', b'"was_cancelled"', b'"original_width"')
            if is_list and any(text.find(key) >= 0 for key in tasks):
                return "label-studio"
            return "via" if text.find(b'"_via_img_metadata"') >= 0 else ""
    except (OSError, ValueError):  # ValueError: an empty file.
        return ""


def _is_table_of_boxes(start: bytes) -> bool:
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    lines = start.decode(encoding, "replace").splitlines()
    lines = [line for line in lines if line.strip() and not line.lower().startswith("sep=")][:1]
    for separator in ",;\t" if lines else ():
        try:
            header = next(csv.reader(lines, delimiter=separator))
            names = find_columns(header, ("image", *CORNERS)).names
        except (csv.Error, InputError, StopIteration):
            continue
        if {"image", *CORNERS} <= {*names} or SHAPE in names:
            return True
        # Without a header, as keras-retinanet has it.
        if len(header) == 6 and all(re.fullmatch(r"\s*-?[\d.]+\s*", one) for one in header[1:5]):
            return True
    return False
