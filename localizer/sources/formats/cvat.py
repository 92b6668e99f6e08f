"""Photos with the labels of CVAT: "CVAT for images 1.1", one XML file for a task or a project.

    root/annotations.xml
    root/images/rex.jpg

What is read of a file:

    <annotations>
      <image id="0" name="rex.jpg" subset="train" width="500" height="375">
        <box label="beagle" xtl="48" ytl="29" xbr="201" ybr="180"/>
        <polygon label="beagle" points="48,29;201,29;201,180"/>
      </image>
    </annotations>

Pixels are 0-based and continuous. The extent of a rotated box (`rotation`, degrees around its
centre), an ellipse, a polygon or a mask is its box. Polylines and points count only where a photo
has nothing else; tags are of whole photos and do not count. All such files below the root are read.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import number_from_text
from localizer.sources.extents import extent_of_ellipse, extent_of_points, extent_of_rotated
from localizer.sources.gathering import Entry, Shape, gather, refuse_parts_for_pixels
from localizer.sources.lookup.listing import list_files
from localizer.sources.source_splits import split_named
from localizer.sources.xml_text import read_xml

EXPECTED = """expected "CVAT for images 1.1", for example annotations.xml beside images/:
    <annotations><image id="0" name="rex.jpg" width="500" height="375">
      <box label="beagle" xtl="48" ytl="29" xbr="201" ybr="180"/></image></annotations>"""

_CORNERS = ("xtl", "ytl", "xbr", "ybr")
# A file has the labels of thousands of photos.
_MAX_BYTES = 100_000_000


def read(
    root: Path, multiple: str = "largest", boxes_in: str = "auto"
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield every photo of the XML files in their order.

    Args:
        root: folder with the XML files and the photos.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        boxes_in: the frame of turned photos whose size no file has, as in `FrameSizes`.

    Raises:
        InputError: there is no such XML file below `root`, or one cannot be read; it has the tracks
            of a video; none of the boxes is in pixels.
    """
    root = Path(root)
    entries, folders, others = [], {"": None, "images": None}, []
    for file in list_files(root, root):
        if not file.lower().endswith(".xml"):
            continue
        try:
            outermost = read_xml(root / file, _MAX_BYTES)
        except InputError as error:
            raise InputError(f"{root / file}: {error}") from None
        if outermost.tag != "annotations":
            others.append(f"{file} has <{outermost.tag}>")
            continue
        if outermost.find("track") is not None:
            raise InputError(
                f"{root / file}: tracks of a video, which are not read; export the task as "
                '"CVAT for images 1.1", with images'
            )
        above = Path(file).parent
        folders |= dict.fromkeys(one.as_posix().strip(".") for one in (above, above / "images"))
        found = outermost.findall("image")
        entries += [_entry(one, f"{file}: image {n}") for n, one in enumerate(found, 1)]
    if not entries:
        told = f"; {others[0]}" if others else ""
        raise InputError(f"{root}: no XML file with images of CVAT there{told}; {EXPECTED}")
    refuse_parts_for_pixels(root, entries)
    yield from gather(root, entries, multiple, boxes_in, folders=tuple(folders))


def _entry(image: Element, place: str) -> Entry:
    name, subset = image.get("name") or "", image.get("subset") or ""
    shapes = [
        _shape(element, f"{place}, {element.tag} {number}")
        for number, element in enumerate(image, 1)
        if element.tag not in ("tag", "attribute")
    ]
    return Entry(
        place,
        (f"{subset}/{name}", name) if subset else (name,),
        shapes,
        (image.get("width"), image.get("height")),
        split_named(subset),
        "" if name else "the image has no name",
    )


def _shape(element: Element, place: str) -> Shape:
    kind = element.tag
    if kind in ("polyline", "points", "skeleton"):
        return Shape(place, None, problem=f"<{kind}> has no box", is_line=True)
    try:
        return Shape(place, _box(element), element.get("label") or "")
    except InputError as error:
        return Shape(place, None, problem=str(error))


def _box(element: Element) -> tuple[float, float, float, float]:
    kind = element.tag
    angle = math.radians(math.fmod(_number(element, "rotation", "0"), 360))
    if kind == "box":
        xmin, ymin, xmax, ymax = (_number(element, name) for name in _CORNERS)
        if not angle:
            return xmin, ymin, xmax, ymax
        centre = (xmin + xmax) / 2, (ymin + ymax) / 2
        return extent_of_rotated(*centre, xmax - xmin, ymax - ymin, angle)
    if kind == "ellipse":
        cx, cy, rx, ry = (_number(element, name) for name in ("cx", "cy", "rx", "ry"))
        return extent_of_ellipse(cx, cy, rx, ry, angle)
    if kind == "polygon":
        pairs = [pair.split(",") for pair in (element.get("points") or "").split(";")]
        if any(len(pair) != 2 for pair in pairs):
            raise InputError("points: expected x,y;x,y;...")
        return extent_of_points(
            [number_from_text(x) for x, _ in pairs], [number_from_text(y) for _, y in pairs]
        )
    if kind == "mask":
        left, top, width, height = (
            _number(element, name) for name in ("left", "top", "width", "height")
        )
        return left, top, left + width, top + height
    raise InputError(f"<{kind}> is not read; there are box, polygon, ellipse and mask")


def _number(element: Element, name: str, default: str | None = None) -> float:
    text = element.get(name, default)
    if text is None:
        raise InputError(f"{name} is missing")
    try:
        return number_from_text(text)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
