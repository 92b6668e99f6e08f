"""The box of a COCO annotation: its `bbox`, or else the extent of its `segmentation`.

"bbox": [48, 29, 153, 151]                     xmin, ymin, width, height, 0-based continuous
"segmentation": [[48, 29, 201, 29, 201, 180]]  polygons: x and y in turns
"segmentation": {"size": [375, 500], "counts": [10, 5, ...] or "text"}    height and width
"""

from localizer.errors import InputError
from localizer.sources.choosing import MAX_PIXELS_ALONG_SIDE
from localizer.sources.extents import Box, extent_of_points, extent_of_runs

_MOST_PIXELS = MAX_PIXELS_ALONG_SIDE**2


def box_abs_xyxy_of(annotation: dict, width: int, height: int) -> Box:
    """The box in 0-based continuous pixels, of an image of this size.

    Raises:
        InputError: neither the bbox nor the segmentation can be used.
    """
    bbox, shape = annotation.get("bbox"), annotation.get("segmentation")
    if bbox in (None, [], [0, 0, 0, 0]) and shape not in (None, []):
        try:
            return _extent(shape, width, height)
        except InputError as error:
            raise InputError(f"segmentation: {error}") from None
    if not _are_numbers(bbox) or len(bbox) != 4 or min(bbox[2:]) <= 0:
        raise InputError(
            "bbox: expected [xmin, ymin, width, height] in pixels with width and height above 0"
        )
    return bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]


def numbers_of(annotation: dict) -> list[float]:
    """The numbers of a box or of polygons as they are written; [] where they are not usable."""
    bbox, shape = annotation.get("bbox"), annotation.get("segmentation")
    if _are_numbers(bbox) and len(bbox) == 4 and min(bbox[2:]) > 0:
        return bbox
    polygons = [shape] if _are_numbers(shape) else shape
    if bbox or not isinstance(polygons, list) or not all(map(_are_numbers, polygons)):
        return []
    return [value for polygon in polygons for value in polygon]


def _extent(shape, width: int, height: int) -> Box:
    if isinstance(shape, dict):
        size, counts = shape.get("size"), shape.get("counts")
        if size != [height, width]:
            raise InputError("the size of the mask is not [height, width] of the image")
        if not isinstance(counts, str) and not _are_numbers(counts, (int,), _MOST_PIXELS):
            raise InputError("the counts of the mask are neither numbers nor text")
        return extent_of_runs(counts, height, width)
    polygons = [shape] if _are_numbers(shape) else shape
    if not isinstance(polygons, list) or not all(map(_are_numbers, polygons)):
        raise InputError("expected polygons [[x, y, x, y, ...], ...], or a mask as runs")
    xs = [value for polygon in polygons for value in polygon[::2]]
    ys = [value for polygon in polygons for value in polygon[1::2]]
    return extent_of_points(xs, ys)


def _are_numbers(values, kinds=(int, float), most=MAX_PIXELS_ALONG_SIDE) -> bool:
    """Whether it is a list of numbers of these types (bool is none of them) of a possible size."""
    # NaN and infinity, which Python's JSON reader lets through, fail the comparison.
    return isinstance(values, list) and all(
        type(value) in kinds and abs(value) <= most for value in values
    )
