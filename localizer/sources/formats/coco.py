"""Photos with COCO annotations: one JSON file for a whole folder.

    root/annotations.json
    root/images/rex.jpg

The JSON file is `root/annotations.json`, or the only `*.json` in `root` and `root/annotations`, or
the one that is named with `--annotations FILE`; a file per split is read, too (`coco_files`). A
photo is looked for at `root/<file_name>`, at `root/images/<file_name>`, and then anywhere below the
root (see photo_lookup.py).
What is read of the file (https://cocodataset.org/#format-data):

    {"images": [{"id": 1, "file_name": "rex.jpg", "width": 500, "height": 375}],
     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [48, 29, 153, 151]}],
     "categories": [{"id": 1, "name": "beagle", "supercategory": "dog"}]}

`bbox` is [xmin, ymin, width, height] in 0-based continuous pixels. The category's name and its
supercategory are those of the object. Where there is no `bbox`, the extent of the `segmentation`
(polygons, or a mask as runs) is the box; where an image has no width and height, the photo's own
are taken. Annotations with `"iscrowd": 1` mark groups, not one object, and are ignored in photos
with others; where they are all there is they count, because CVAT writes every mask so. An id may be
text here and a number there. What breaks the links inside the file (ids, missing lists) is an
error; what concerns one photo leaves this photo out.
"""

import reprlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from localizer.errors import InputError
from localizer.images.boxes import abs_xyxy_to_rel_xyxy
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import choose, class_name, no_object, skipped
from localizer.sources.formats.coco_files import find_files
from localizer.sources.formats.coco_shapes import box_abs_xyxy_of, numbers_of
from localizer.sources.json_text import read_json
from localizer.sources.lookup.photo_claims import repeated_claims, settle_claims
from localizer.sources.lookup.photo_lookup import PhotoLookup
from localizer.sources.notes import note
from localizer.sources.pixels import TO_PIXELS, FrameSizes, refuse_relative, written_size

EXPECTED = """expected a COCO file, for example annotations.json beside a folder images/:
    {"images": [{"id": 1, "file_name": "rex.jpg", "width": 500, "height": 375}],
     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [48, 29, 153, 151]}],
     "categories": [{"id": 1, "name": "beagle", "supercategory": "dog"}]}"""


def read(
    root: Path,
    multiple: str = "largest",
    annotations: Path | None = None,
    boxes_in: str = "auto",
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield every image of the JSON file in its order, then what refers to images that it lacks.

    Args:
        root: folder of the photos.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        annotations: the JSON file, where it is not the only one at the places named above.
        boxes_in: the frame of turned photos whose size the file lacks, as in `FrameSizes`.

    Raises:
        InputError: no JSON file, or several; one that cannot be read, or whose lists and ids are
            not as COCO defines them; none of the boxes is in pixels.
    """
    root = Path(root)
    files, seen = find_files(root, annotations, EXPECTED), {}
    for file in files:
        for one in _read_file(root, file, multiple, boxes_in):
            if isinstance(one, AnnotatedImage) and seen.setdefault(one.image, file) is not file:
                reason = f"the same photo as in {seen[one.image].name}: remove the wrong one"
                one = skipped(one.image, reason, one.place)
            yield replace(one, official_split=file.split)


def _read_file(root, file, multiple, boxes_in):
    """As `read`, of one JSON file."""
    path = file.path
    coco = _load(path)
    images = _by_id(path, "images", coco["images"])
    labels = _labels(path, coco["categories"])
    objects, dangling = _by_image(path, coco["annotations"], images)
    refuse_relative(path, map(numbers_of, coco["annotations"]), TO_PIXELS)
    names = {
        entry: _text(image.get("file_name"), f"{path}: {entry}.file_name")
        for entry, image in images.values()
    }
    photos = _find_photos(root, images, names, file.folders)
    repeated = repeated_claims(photos, {images[one][0] for one in objects})
    sizes, crowds = FrameSizes(root, boxes_in), []
    for image_id, (entry, image) in images.items():
        place, photo = f"{file.name}: {entry}", photos[entry]
        try:
            if isinstance(photo, InputError):
                raise photo
            if entry in repeated:
                place += f" and {repeated[entry]}"
                raise InputError("the same photo as another entry: remove the wrong one")
            size = sizes.of(photo, written_size(image.get("width"), image.get("height")))
        except InputError as error:
            yield skipped(names[entry], str(error), place)
            continue
        single = [one for one in objects[image_id] if one[1].get("iscrowd") != 1]
        if objects[image_id] and not single:
            crowds.append(photo)
        counted = single or objects[image_id]
        found = [_annotated(file.name, photo, size, labels, *one) for one in counted]
        yield choose(found or [no_object(photo, place, size[0])], multiple)
    for image_id, entry in dangling.items():
        place = f"{file.name}: {entry}.image_id"
        yield skipped(f"image_id {image_id}", "no image has this id", place)
    sizes.say_taken()
    if crowds:
        note(
            f"in {len(crowds)} photos, such as {crowds[0]}, only crowds (iscrowd=1) are annotated; "
            "they are taken for objects, as CVAT writes every mask so"
        )


def _find_photos(
    root: Path, images: dict, names: dict[str, str], folders: tuple[str, ...]
) -> dict[str, str | InputError]:
    """The photo of each entry of the images, or the reason why there is none."""
    lookup, photos, found = PhotoLookup(root, folders=folders), {}, {}
    for entry, image in images.values():
        try:
            sides = written_size(image.get("width"), image.get("height"))
            found[entry] = lookup.find(names[entry], size=None if None in sides else sides)
        except InputError as error:
            photos[entry] = error
    return photos | settle_claims(found)


def _load(path: Path) -> dict[str, list[dict]]:
    coco = read_json(path, EXPECTED)
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
    """Category id to (supercategory, category)."""
    labels = {}
    for identity, (entry, named) in _by_id(path, "categories", categories).items():
        category = _text(named.get("name"), f"{path}: {entry}.name")
        supercategory = named.get("supercategory") or ""
        if supercategory:
            _text(supercategory, f"{path}: {entry}.supercategory")
        try:
            for name in (supercategory, category):
                class_name(name).encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"{path}: {entry}: the name is not valid Unicode") from None
        except InputError as error:
            raise InputError(f"{path}: {entry}: {error}") from None
        labels[identity] = supercategory, category
    return labels


def _by_image(path: Path, annotations: list[dict], images: dict):
    """Image id to its (entry, annotation) pairs; ids that no image has to the first such entry."""
    _by_id(path, "annotations", annotations)  # Equal ids betray files that were merged badly.
    objects, dangling = defaultdict(list), {}
    for index, annotation in enumerate(annotations):
        entry = f"annotations[{index}]"
        image_id = _id(annotation.get("image_id"), f"{path}: {entry}.image_id")
        known = _known_id(image_id, images)
        if known is not None:
            objects[known].append((entry, annotation))
        else:
            dangling.setdefault(image_id, entry)
    return objects, dangling


def _known_id(identity: int | str, known: dict) -> int | str | None:
    """The id among `known` ones that is meant; the text "1" may mean the number 1, and vice versa.

    Where both are known, each means itself.
    """
    if identity in known:
        return identity
    other = str(identity) if isinstance(identity, int) else _whole_number(identity)
    return other if other in known else None


def _whole_number(text: str) -> int | None:
    """The number that is written so, and no other way."""
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if is_number and str(int(text)) == text else None


def _annotated(file, photo, size, labels, entry, annotation) -> AnnotatedImage | Skipped:
    """One object; `Skipped` when its own fields are unusable."""
    (width, height), own_size = size
    place = f"{file}: {entry}"
    if annotation.get("iscrowd") not in (None, 0, 1):  # False is 0 to Python, and True 1.
        found = reprlib.repr(annotation["iscrowd"])
        return skipped(photo, f"iscrowd: expected 0 or 1, found {found}", place)
    try:
        box_abs_xyxy = box_abs_xyxy_of(annotation, width, height)
    except InputError as error:
        return skipped(photo, str(error), place)
    identity = annotation.get("category_id")
    known = _known_id(identity, labels) if type(identity) in (int, str) else None
    if known is None:
        return skipped(
            photo, f"category_id: no category has the id {reprlib.repr(identity)}", place
        )
    supercategory, category = labels[known]
    box_rel_xyxy = tuple(abs_xyxy_to_rel_xyxy(box_abs_xyxy, width, height).tolist())
    return AnnotatedImage(
        photo, box_rel_xyxy, width, height, supercategory, category, place=place, own_size=own_size
    )
