"""The Oxford-IIIT Pet data in their official layout.

O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar, "Cats and Dogs", CVPR 2012.

    images/NAME.jpg
    annotations/list.txt              every listed name with its class ids
    annotations/trainval.txt, test.txt
    annotations/xmls/NAME.xml         head box, Pascal VOC, for most of trainval
    annotations/trimaps/NAME.png      1 pet, 2 background, 3 border

Two targets: `head` takes the XML boxes, `body` the extent of the pet in the trimap.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file
from localizer.images.boxes import abs_xyxy_to_rel_xyxy, voc_xyxy_to_rel_xyxy
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import choose, skipped
from localizer.sources.formats.pascal_voc import parse_annotation
from localizer.sources.pixels import FrameSizes

# Specks below this share of the pet's area are slips of the annotators, not parts of the pet.
MIN_COMPONENT_SHARE = 0.002


def read(root, target, multiple="largest"):
    """Yield every image that the official list names, and every annotated one it does not.

    Their `official_split` is that of trainval.txt and test.txt.

    Args:
        root: folder with `images/` and `annotations/`.
        target: "head" or "body".
        multiple: what to do with several objects in one XML: take the "largest", or "skip".

    Yields:
        AnnotatedImage, or Skipped with the reason.

    Raises:
        InputError: the layout is not the official one.
    """
    root = Path(root)
    names = _listed_names(root / "annotations" / "list.txt")
    official = _official_splits(root)
    found = {path.stem for path in (root / "annotations" / "xmls").glob("[!.]*.xml")}
    found |= {path.stem for path in (root / "images").glob("[!.]*.jpg")}
    for name in names:
        record = _annotated(root, name, target, multiple)
        yield replace(record, official_split=official.get(name, ""))
    for name in sorted(found - set(names)):
        yield Skipped(f"images/{name}.jpg", "in none of the official lists")


def _official_splits(root):
    """Which of the authors' two lists a name is in: {name: "trainval" or "test"}."""
    splits = {}
    for split in ("trainval", "test"):
        path = root / "annotations" / f"{split}.txt"
        if path.is_file():
            splits |= dict.fromkeys(_listed_names(path), split)
    return splits


def _listed_names(path):
    root = path.parent.parent
    try:
        refuse_special_file(path)
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        raise InputError(
            f"{path}: no such file. {root} does not hold the Oxford-IIIT Pet data in their "
            "official layout (images/ and annotations/list.txt); name the folder that does with "
            "--root or the environment variable OXFORD_PET_ROOT"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no text ({error}). Extract annotations.tar.gz again") from None
    names = [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]
    bad = next((name for name in names if "/" in name or "\\" in name), None)
    if bad is not None:
        raise InputError(f"{path}: {bad!r} is not a plain image name")
    if not names:
        raise InputError(f"{path}: names no image. Extract annotations.tar.gz again")
    return list(dict.fromkeys(names))


def _annotated(root, name, target, multiple):
    image = f"images/{name}.jpg"
    if not (root / image).is_file():
        return Skipped(image, "listed, but the photo is missing")
    try:
        boxes, width, height = _heads(root, name) if target == "head" else _body(root, name)
    except InputError as error:
        return skipped(image, str(error))
    species, breed = classes_of(name)
    objects = [
        AnnotatedImage(image, tuple(box.tolist()), width, height, species, breed) for box in boxes
    ]
    return choose(objects, multiple)


def classes_of(name):
    """(species, breed) of a photo, from its name without folder and suffix."""
    # The authors' naming rule (list.txt): breeds of cats begin with a capital letter.
    return "cat" if name[0].isupper() else "dog", name.rsplit("_", 1)[0]


def _heads(root, name):
    path = root / "annotations" / "xmls" / f"{name}.xml"
    if not path.is_file():
        raise InputError("no head box: there is no XML of this name")
    annotation = parse_annotation(path)
    sizes = FrameSizes(root)
    size, _ = sizes.of(f"images/{name}.jpg", (annotation.width, annotation.height))
    readable = [head for head in annotation.objects if not head.problem]
    if not readable:
        raise InputError(f"{path}: object 1: {annotation.objects[0].problem}")
    return [voc_xyxy_to_rel_xyxy(head.box_voc_xyxy, *size) for head in readable], *size


def _body(root, name):
    path = root / "annotations" / "trimaps" / f"{name}.png"
    if not path.is_file():
        raise InputError("no body box: there is no trimap of this name")
    try:
        trimap = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # A size that no image has.
        trimap = None
    if trimap is None:
        raise InputError(f"{path}: the trimap cannot be decoded")
    height, width = trimap.shape
    return [abs_xyxy_to_rel_xyxy(trimap_box_abs_xyxy(trimap), width, height)], width, height


def trimap_box_abs_xyxy(trimap):
    """The extent of the pet in a trimap, float [4], continuous pixels.

    About a tenth of the trimaps of some breeds carry strips of border value along the edge of the
    image. So only those 8-connected parts of "not background" count that contain a pixel of the pet
    and have at least 0.2 % of its area.

    Args:
        trimap: uint8 [height, width]; 1 pet, 2 background, 3 border.

    Raises:
        InputError: no pixel of the pet.
    """
    pet = trimap == 1
    if not pet.any():
        raise InputError("no body box: the trimap has no pixel of the pet")
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        (trimap != 2).astype(np.uint8), connectivity=8
    )
    parts = [part for part in np.unique(labels[pet]) if part]
    stats = stats[parts]
    stats = stats[stats[:, cv2.CC_STAT_AREA] >= MIN_COMPONENT_SHARE * pet.sum()]
    low = stats[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    high = low + stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    return np.concatenate([low.min(axis=0), high.max(axis=0)]).astype(np.float64)
