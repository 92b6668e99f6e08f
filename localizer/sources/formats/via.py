"""Photos with the labels of the VGG Image Annotator (VIA 2): its project, or its JSON export.

    root/via_project.json
    root/rex.jpg

What is read of a file; in a project this is the value of "_via_img_metadata":

    {"rex.jpg4711": {"filename": "rex.jpg", "size": 4711, "regions": [
        {"shape_attributes": {"name": "rect", "x": 48, "y": 29, "width": 153, "height": 151},
         "region_attributes": {"class": "beagle"}}]}}

Pixels are 0-based; `size` is that of the file in bytes, so photos have the size that they have now.
`regions` may be an object with numbers as names, as VIA 1 writes it. The extent of a circle, an
ellipse or a polygon is its box. Points and polylines count only where a photo has nothing else. The
CSV export is read by the source csv.
"""

import reprlib
from collections.abc import Iterator
from pathlib import Path

from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.formats.csv.via_regions import class_of, extent_of_region
from localizer.sources.gathering import Entry, Shape, gather, refuse_parts_for_pixels
from localizer.sources.json_text import only_json, read_json

EXPECTED = """expected the project or the JSON export of VIA 2, for example via_project.json:
    {"_via_img_metadata": {"rex.jpg4711": {"filename": "rex.jpg", "regions": []}}}"""


def read(
    root: Path, multiple: str = "largest", boxes_in: str = "auto", annotations: Path | None = None
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield every photo of the JSON file in its order.

    Args:
        root: folder of the photos.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        boxes_in: the frame of turned photos, as in `FrameSizes`.
        annotations: the JSON file; None = the only one in `root`.

    Raises:
        InputError: no JSON file of VIA 2, or several; none of the boxes is in pixels.
    """
    root = Path(root)
    path = Path(annotations) if annotations else only_json(root, EXPECTED)
    entries = []
    for key, image in _images(path).items():
        place = f"{path.name}: {reprlib.repr(key)}"
        if not isinstance(image, dict) or not isinstance(image.get("filename"), str):
            raise InputError(f"{path}: {reprlib.repr(key)}: no filename in it; {EXPECTED}")
        regions = image.get("regions") or []
        regions = [*regions.values()] if isinstance(regions, dict) else regions
        if not isinstance(regions, list):
            raise InputError(f"{path}: {reprlib.repr(key)}.regions: expected a list; {EXPECTED}")
        shapes = [_shape(one, f"{place}: regions[{i}]") for i, one in enumerate(regions)]
        # Keys may be longer than what a message shows of them.
        entries.append(Entry(f"{place}: photo {len(entries) + 1}", (image["filename"],), shapes))
    refuse_parts_for_pixels(path, entries)
    yield from gather(root, entries, multiple, boxes_in, has_sizes=False)


def _images(path: Path) -> dict:
    content = read_json(path, EXPECTED)
    if isinstance(content, dict) and {"project", "config", "file"} <= content.keys():
        raise InputError(
            f"{path}: a project of VIA 3, which is not read; export it as COCO, and use "
            "--source coco"
        )
    if isinstance(content, dict) and "_via_img_metadata" in content:
        content = content["_via_img_metadata"]
    if not isinstance(content, dict):
        raise InputError(f"{path}: no photos of VIA in it; {EXPECTED}")
    return content


def _shape(region, place: str) -> Shape:
    shape = region.get("shape_attributes") if isinstance(region, dict) else None
    if not isinstance(shape, dict):
        return Shape(place, None, problem="there are no shape_attributes in it")
    if shape.get("name") in ("point", "polyline"):
        return Shape(place, None, problem=f"a {shape['name']} has no box", is_line=True)
    box = extent_of_region(shape)
    if box is None:
        problem = f"shape_attributes: no box can be made of {reprlib.repr(shape)}"
        return Shape(place, None, problem=problem)
    attributes = region.get("region_attributes")
    return Shape(place, box, class_of(attributes if isinstance(attributes, dict) else None))
