"""Photos with COCO annotations: one JSON file for a whole folder.

    root/annotations.json
    root/images/rex.jpg

The JSON file is `root/annotations.json`, or the only `*.json` in `root` and `root/annotations`, or
the one that is named with `--annotations FILE`. A photo is looked for at `root/<file_name>`, at
`root/images/<file_name>`, and then anywhere below the root, where it must be in one place only.
What is read of the file (https://cocodataset.org/#format-data):

    {"images": [{"id": 1, "file_name": "rex.jpg", "width": 500, "height": 375}],
     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [48, 29, 153, 151]}],
     "categories": [{"id": 1, "name": "beagle", "supercategory": "dog"}]}

`bbox` is [xmin, ymin, width, height] in 0-based continuous pixels. The category's name becomes the
breed, its supercategory the species. Annotations with `"iscrowd": 1` mark groups, not one object,
and are ignored. What breaks the links inside the file (ids, missing lists) is an error; what
concerns one photo leaves this photo out.
"""

import json
import reprlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from localizer.boxes import coco_xywh_to_rel_xyxy
from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import (
    MAX_PIXELS_ALONG_SIDE,
    choose,
    class_name,
    is_file_below,
    list_files,
    no_such_file,
    path_below_root,
    skipped,
)
from localizer.special_files import refuse_special_file

EXPECTED = """expected a COCO file, for example annotations.json beside a folder images/:
    {"images": [{"id": 1, "file_name": "rex.jpg", "width": 500, "height": 375}],
     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [48, 29, 153, 151]}],
     "categories": [{"id": 1, "name": "beagle", "supercategory": "dog"}]}"""


def read(
    root: Path, multiple: str = "largest", annotations: Path | None = None
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield every image of the JSON file in its order, then what refers to images that it lacks.

    Args:
        root: folder of the photos.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        annotations: the JSON file, where it is not the only one at the places named above.

    Raises:
        InputError: no JSON file, or several; one that cannot be read, or whose lists and ids are
            not as COCO defines them.
    """
    root = Path(root)
    path = Path(annotations) if annotations else _find_json(root)
    coco = _load(path)
    images = _by_id(path, "images", coco["images"])
    labels = _labels(path, coco["categories"])
    objects, dangling = _by_image(path, coco["annotations"], images)
    photos, taken = _Photos(root), {}
    for image_id, (entry, image) in images.items():
        name = _text(image.get("file_name"), f"{path}: {entry}.file_name")
        try:
            photo = photos.find(name)
            first = taken.setdefault(photo, entry)
            if first != entry:
                raise InputError(f"{path}: {entry} is the same photo as {first}: remove one")
            size = _size(path, entry, image)
        except InputError as error:
            yield skipped(name, str(error))
            continue
        single = [one for one in objects[image_id] if one[1].get("iscrowd") != 1]
        if single:
            yield choose([_annotated(path, photo, size, labels, *one) for one in single], multiple)
        else:
            crowds = "only crowds (iscrowd=1) are annotated"
            yield skipped(photo, crowds if objects[image_id] else "no annotation")
    for image_id, entry in dangling.items():
        yield skipped(f"image_id {image_id}", f"{path}: {entry}.image_id: no image has this id")


def _find_json(root: Path) -> Path:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; {EXPECTED}")
    if (root / "annotations.json").is_file():
        return root / "annotations.json"
    found = sorted(
        path
        for folder in (root, root / "annotations")
        for path in folder.glob("*.json")
        if not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise InputError(f"{root}: no JSON file there or in its annotations/; {EXPECTED}")
    if len(found) > 1:
        names = ", ".join(path.relative_to(root).as_posix() for path in found)
        raise InputError(f"{root}: several JSON files ({names}): give --annotations FILE")
    return found[0]


def _load(path: Path) -> dict[str, list[dict]]:
    try:
        refuse_special_file(path)
        coco = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    # ValueError is bad JSON, text that is not UTF-8, or a number with thousands of digits.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}); {EXPECTED}") from None
    for key in ("images", "annotations", "categories"):
        if not isinstance(coco, dict) or not isinstance(coco.get(key), list):
            raise InputError(f"{path}: there is no list {key!r} in it; {EXPECTED}")
        for index, entry in enumerate(coco[key]):
            if not isinstance(entry, dict):
                raise InputError(f"{path}: {key}[{index}] is not an object; {EXPECTED}")
    return coco


def _by_id(path: Path, key: str, entries: list[dict]) -> dict[int | str, tuple[str, dict]]:
    """Id to (such as "images[17]", the entry)."""
    found = {}
    for index, entry in enumerate(entries):
        where = f"{key}[{index}]"
        if key == "annotations" and "id" not in entry:
            continue  # Nothing refers to the id of an annotation, and some tools leave it out.
        identity = _id(entry.get("id"), f"{path}: {where}.id")
        if identity in found:
            raise InputError(
                f"{path}: {where}.id: {reprlib.repr(identity)} is also the id of"
                f" {found[identity][0]}: number them anew, and the references to them"
            )
        found[identity] = where, entry
    return found


def _id(value, where: str) -> int | str:
    if type(value) not in (int, str):  # Not bool, which is an int to isinstance.
        found = reprlib.repr(value)
        raise InputError(f"{where}: expected an id (a whole number or text), found {found}")
    return value


def _text(value, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: expected text, found {reprlib.repr(value)}")
    return value


def _labels(path: Path, categories: list[dict]) -> dict[int | str, tuple[str, str]]:
    """Category id to (species, breed)."""
    labels = {}
    for identity, (entry, category) in _by_id(path, "categories", categories).items():
        breed = _text(category.get("name"), f"{path}: {entry}.name")
        species = category.get("supercategory") or ""
        if species:
            _text(species, f"{path}: {entry}.supercategory")
        try:
            for name in (species, breed):
                class_name(name).encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"{path}: {entry}: the name is not valid Unicode") from None
        except InputError as error:
            raise InputError(f"{path}: {entry}: {error}") from None
        labels[identity] = species, breed
    return labels


def _by_image(path: Path, annotations: list[dict], images: dict):
    """Image id to its (entry, annotation) pairs; ids that no image has to the first such entry."""
    _by_id(path, "annotations", annotations)  # Equal ids betray files that were merged badly.
    objects, dangling = defaultdict(list), {}
    for index, annotation in enumerate(annotations):
        entry = f"annotations[{index}]"
        image_id = _id(annotation.get("image_id"), f"{path}: {entry}.image_id")
        if image_id in images:
            objects[image_id].append((entry, annotation))
        else:
            dangling.setdefault(image_id, entry)
    return objects, dangling


def _is_number(value) -> bool:
    # NaN and infinity, which Python's JSON reader lets through, fail the comparison.
    return type(value) in (int, float) and abs(value) <= MAX_PIXELS_ALONG_SIDE


def _size(path: Path, entry: str, image: dict) -> tuple[int, int]:
    """Width and height of the image in pixels."""
    for key in ("width", "height"):
        value = image.get(key)
        if not _is_number(value) or value <= 0 or value != int(value):
            raise InputError(
                f"{path}: {entry}.{key}: expected a whole number of pixels above 0,"
                f" found {reprlib.repr(value)}"
            )
    return int(image["width"]), int(image["height"])


def _annotated(path, photo, size, labels, entry, annotation) -> AnnotatedImage | Skipped:
    """One object; `Skipped` when its own fields are unusable."""
    if annotation.get("iscrowd") not in (None, 0):  # False is 0 to Python.
        found = reprlib.repr(annotation["iscrowd"])
        return skipped(photo, f"{path}: {entry}.iscrowd: expected 0 or 1, found {found}")
    box_coco_xywh = annotation.get("bbox")
    if (
        not isinstance(box_coco_xywh, list)
        or len(box_coco_xywh) != 4
        or not all(map(_is_number, box_coco_xywh))
        or min(box_coco_xywh[2:]) <= 0
    ):
        return skipped(
            photo,
            f"{path}: {entry}.bbox: expected [xmin, ymin, width, height] in pixels with width and"
            f" height above 0, found {reprlib.repr(box_coco_xywh)}",
        )
    category = annotation.get("category_id")
    if type(category) not in (int, str) or category not in labels:
        reason = f"{path}: {entry}.category_id: no category has the id {reprlib.repr(category)}"
        return skipped(photo, reason)
    species, breed = labels[category]
    box_rel_xyxy = tuple(coco_xywh_to_rel_xyxy(box_coco_xywh, *size).tolist())
    place = f"{path.name}: {entry}"
    return AnnotatedImage(photo, box_rel_xyxy, *size, species, breed, place=place)


class _Photos:
    """Finds photos by the name that the JSON file gives them."""

    def __init__(self, root: Path):
        self._root = root
        self._by_name = None

    def find(self, name: str) -> str:
        """Path of the photo below the root, or InputError."""
        below = path_below_root(name)
        for path in (below, f"images/{below}"):
            if is_file_below(self._root, path):
                return path
        parts = PurePosixPath(below).parts
        found = [
            path
            for path in self._index().get(PurePosixPath(below).name, [])
            if PurePosixPath(path).parts[-len(parts) :] == parts
        ]
        if not found:
            raise no_such_file(name)
        if len(found) > 1:
            raise InputError(f"several files have this name, among them {found[0]} and {found[1]}")
        return found[0]

    def _index(self) -> dict[str, list[str]]:
        """Name to paths; only made when a photo is not at the usual places."""
        if self._by_name is None:
            self._by_name = defaultdict(list)
            for path in list_files(self._root, self._root):
                self._by_name[PurePosixPath(path).name].append(path)
        return self._by_name
