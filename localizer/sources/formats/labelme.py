"""Photos with the labels of LabelMe, Labelme forks and X-AnyLabeling: one JSON file per photo.

    root/rex.jpg
    root/rex.json

What is read of a file:

    {"shapes": [{"label": "beagle", "shape_type": "rectangle", "points": [[48, 29], [201, 180]]}],
     "imagePath": "rex.jpg", "imageHeight": 375, "imageWidth": 500}

Points are 0-based continuous pixels. The extent of a shape is its box; a circle has its centre and
a point of its edge, a mask the first and the last pixel of its box. Points and lines count only
where a photo has nothing else. A JSON file belongs to the photo that `imagePath` names, or else to
that of its own name (see photo_lookup.py).
"""

import math
import reprlib
from collections.abc import Iterator
from pathlib import Path

from localizer.errors import InputError
from localizer.images.photos import SUFFIXES
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import skipped
from localizer.sources.extents import extent_of_points
from localizer.sources.gathering import Entry, Shape, gather, refuse_parts_for_pixels
from localizer.sources.json_text import points, read_json
from localizer.sources.lookup.listing import list_files

EXPECTED = """expected a JSON file of LabelMe per photo, for example rex.json beside rex.jpg:
    {"shapes": [{"label": "beagle", "shape_type": "rectangle", "points": [[48, 29], [201, 180]]}],
     "imagePath": "rex.jpg", "imageHeight": 375, "imageWidth": 500}"""

_LINES = ("point", "points", "line", "linestrip")


def read(
    root: Path, multiple: str = "largest", boxes_in: str = "auto"
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield the photo of every JSON file below `root`, then the photos that have none.

    Args:
        root: folder with the photos and the JSON files.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        boxes_in: the frame of turned photos whose size no file has, as in `FrameSizes`.

    Raises:
        InputError: no JSON file of LabelMe below `root`, or none of the boxes is in pixels.
    """
    root = Path(root)
    files = list_files(root, root)
    entries = [_entry(root, name) for name in files if name.lower().endswith(".json")]
    if all(entry.problem for entry in entries):
        told = f"; {entries[0].place}: {entries[0].problem}" if entries else ""
        raise InputError(f"{root}: no JSON file of LabelMe there{told}; {EXPECTED}")
    refuse_parts_for_pixels(root, entries)
    claimed = set()
    for one in gather(root, entries, multiple, boxes_in):
        claimed.add(one.image)
        yield one
    for name in files:
        if name.lower().endswith(SUFFIXES) and name not in claimed:
            yield skipped(name, "no annotation")


def _entry(root: Path, file: str) -> Entry:
    try:
        content = read_json(root / file)
        if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
            raise InputError("there is no list 'shapes' in it: no file of LabelMe")
        name = content.get("imagePath")
        if not isinstance(name, str | None):
            raise InputError(f"imagePath: expected text, found {reprlib.repr(name)}")
    except InputError as error:
        problem = str(error).removeprefix(f"{root / file}: ")
        return Entry(file, (file,), problem=problem, file=file)
    return Entry(
        file,
        (name,) if name else (),
        [_shape(one, f"{file}: shapes[{index}]") for index, one in enumerate(content["shapes"])],
        (content.get("imageWidth"), content.get("imageHeight")),
        file=file,
    )


def _shape(shape, place: str) -> Shape:
    if not isinstance(shape, dict):
        return Shape(place, None, problem="not an object of JSON")
    label, kind = shape.get("label") or "", shape.get("shape_type") or "polygon"
    if kind in _LINES:
        return Shape(place, None, problem=f"a {kind} has no box", is_line=True)
    try:
        if not isinstance(label, str):
            raise InputError(f"label: expected text, found {reprlib.repr(label)}")
        xs, ys = points(shape.get("points"))
        if kind == "circle":
            if len(xs) != 2:
                raise InputError(f"points: a circle has 2, found {len(xs)}")
            radius = math.hypot(xs[1] - xs[0], ys[1] - ys[0])
            xs, ys = (xs[0] - radius, xs[0] + radius), (ys[0] - radius, ys[0] + radius)
        xmin, ymin, xmax, ymax = extent_of_points(xs, ys)
        one = int(kind == "mask")  # Its last pixel belongs to it.
        return Shape(place, (xmin, ymin, xmax + one, ymax + one), label)
    except InputError as error:
        return Shape(place, None, problem=str(error))
