"""Photos with the labels of Label Studio: its JSON or JSON-MIN export.

    root/project-1-at-2026-11-29.json
    root/rex.jpg

What is read of a JSON export; in JSON-MIN a task has its image and its labels side by side:

    [{"data": {"image": "/data/upload/1/1a2b3c4d-rex.jpg"}, "annotations": [{"result": [
        {"type": "rectanglelabels", "original_width": 500, "original_height": 375,
         "value": {"x": 9.6, "y": 7.7, "width": 30.6, "height": 40.3, "rotation": 0,
                   "rectanglelabels": ["beagle"]}}]}]}]

Numbers are percent of the image; a rectangle is turned around its upper left corner (degrees). The
extent of a polygon or an ellipse is its box. Brushes have no box that is written down, and are not
read. Of several annotations of a task the one that is marked as ground truth is taken, or else the
newest. Cancelled annotations and predictions do not count. Photos are looked for without the eight
digits that Label Studio puts before their names, too (see photo_lookup.py).
"""

import math
import reprlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from localizer.errors import InputError
from localizer.images.photos import SUFFIXES
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.extents import extent_of_ellipse, extent_of_points
from localizer.sources.gathering import Entry, Shape, gather
from localizer.sources.json_text import number, only_json, points, read_json
from localizer.sources.lookup.photo_names import name_parts
from localizer.sources.notes import note

EXPECTED = """expected the JSON or JSON-MIN export of Label Studio, for example project.json:
    [{"data": {"image": "rex.jpg"}, "annotations": [{"result": []}]}]"""


def read(
    root: Path, multiple: str = "largest", boxes_in: str = "auto", annotations: Path | None = None
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield the photo of every task, in their order.

    Args:
        root: folder of the photos.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        boxes_in: the frame of turned photos whose size the file lacks, as in `FrameSizes`.
        annotations: the JSON file; None = the only one in `root`.

    Raises:
        InputError: no JSON file of Label Studio, or several; a task without a photo.
    """
    root = Path(root)
    path = Path(annotations) if annotations else only_json(root, EXPECTED)
    tasks = read_json(path, EXPECTED)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InputError(f"{path}: no list of tasks; {EXPECTED}")
    tasks_of = defaultdict(list)
    for index, task in enumerate(tasks):
        place = f"{path.name}: task {index + 1}"
        data = task["data"] if isinstance(task.get("data"), dict) else task
        name = _photo_name(data)
        if name is None:
            raise InputError(f"{path}: task {index + 1} has no photo in it; {EXPECTED}")
        tasks_of[name].append((place, *_annotations(task, data)))
    entries, several = [], []
    for name, alike in tasks_of.items():
        # In JSON-MIN each annotation of a task stands by itself.
        annotations = [one for _, each, _ in alike for one in each]
        if len(annotations) > 1:
            several.append(name)
        entries.append(_entry(name, alike[0][0], annotations, alike[0][2]))
    if several:
        note(
            f"{path}: {len(several)} photos have several annotations, such as {several[0]}; the "
            "one that is marked as ground truth is taken, or else the newest"
        )
    yield from gather(root, entries, multiple, boxes_in, relative=True)


def _photo_name(data: dict) -> str | None:
    """The text that names the photo: under "image", or the only one with the ending of a photo."""
    if isinstance(data.get("image"), str):
        return data["image"]
    texts = [value for value in data.values() if isinstance(value, str)]
    named = [one for one in texts if "".join(name_parts(one)[-1:]).lower().endswith(SUFFIXES)]
    return named[0] if len(named) == 1 else None


def _annotations(task: dict, data: dict) -> tuple[list[dict], str]:
    """The annotations of a task that count, and the reason why there is none."""
    if data is task:  # JSON-MIN
        regions = [
            region
            for value in task.values()
            if isinstance(value, list)
            for region in value
            if isinstance(region, dict)
        ]
        return [task | {"result": regions}], ""
    every = task.get("annotations", task.get("completions"))
    every = [one for one in every if isinstance(one, dict)] if isinstance(every, list) else []
    if not every:
        only = ", only predictions" if task.get("predictions") else ""
        return [], f"no annotation{only}"
    kept = [one for one in every if not one.get("was_cancelled")]
    return kept, "" if kept else "no annotation: it was cancelled"


def _entry(name: str, place: str, annotations: list[dict], problem: str) -> Entry:
    if not annotations:
        return Entry(place, (name,), problem=problem)

    def rank(annotation: dict) -> tuple[bool, str]:
        time = annotation.get("updated_at") or annotation.get("created_at")
        return bool(annotation.get("ground_truth")), str(time or "")

    result = max(annotations, key=rank).get("result")
    result = result if isinstance(result, list) else []
    regions = {}
    for index, region in enumerate(result):
        if not isinstance(region, dict):
            continue
        # A region may have its shape in one result, and its label in another.
        value = region.get("value") if isinstance(region.get("value"), dict) else region
        same = region.get("id") if isinstance(region.get("id"), str) else index
        regions[same] = regions.get(same, {}) | region | value
    shapes = [
        _shape(region, f"{place}, region {number}")
        for number, region in enumerate(regions.values(), 1)
        if _has_shape(region)
    ]
    sizes = [(one.get("original_width"), one.get("original_height")) for one in regions.values()]
    return Entry(place, (name,), shapes, sizes[0] if sizes else (None, None))


def _has_shape(region: dict) -> bool:
    """Whether a region is somewhere in the photo, and not an answer about the whole of it."""
    return not {"x", "points", "rle", "vertices"}.isdisjoint(region)


def _shape(region: dict, place: str) -> Shape:
    if "rle" in region:
        return Shape(place, None, problem="a brush is not read: draw rectangles or polygons")
    if "x" in region and not {"width", "radiusX"} & region.keys() or "vertices" in region:
        return Shape(place, None, problem="a key point or a vector has no box", is_line=True)
    try:
        if region.get("image_rotation"):
            raise InputError("image_rotation: labels on a turned view of the photo are not read")
        box = tuple(value / 100 for value in _extent(region))
        return Shape(place, box, _label(region))
    except InputError as error:
        return Shape(place, None, problem=str(error))


def _extent(region: dict) -> tuple[float, float, float, float]:
    """The extent of a region in percent of the image."""
    if "points" in region:
        return extent_of_points(*points(region["points"]))
    x, y = number(region["x"], "x"), number(region.get("y"), "y")
    angle = math.radians(math.fmod(number(region.get("rotation") or 0, "rotation"), 360))
    kinds = ("radiusX", "radiusY") if "radiusX" in region else ("width", "height")
    across, down = (number(region.get(name), name) for name in kinds)
    # Turning keeps its shape in pixels, not in percent.
    ratio = 1.0
    if angle:
        width, height = (
            number(region.get(f"original_{side}"), f"original_{side}")
            for side in ("width", "height")
        )
        if min(width, height) <= 0:
            raise InputError("a turned shape needs original_width and original_height above 0")
        ratio = height / width
    if "radiusX" in region:
        xmin, ymin, xmax, ymax = extent_of_ellipse(x, y * ratio, across, down * ratio, angle)
        return xmin, ymin / ratio, xmax, ymax / ratio
    cosine, sine = math.cos(angle), math.sin(angle)
    corners = [(i * across, j * down * ratio) for i in (0, 1) for j in (0, 1)]
    xs = [x + dx * cosine - dy * sine for dx, dy in corners]
    ys = [y + (dx * sine + dy * cosine) / ratio for dx, dy in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _label(region: dict) -> str:
    """The first of a region's labels; "" where it has none."""
    for name, value in region.items():
        if name.lower().endswith("labels") and isinstance(value, list) and value:
            if not isinstance(value[0], str):
                raise InputError(f"{name}: expected text, found {reprlib.repr(value[0])}")
            return value[0]
    return ""
