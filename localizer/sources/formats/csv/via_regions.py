"""The regions of a table of the VGG Image Annotator (VIA 2): JSON in two of its columns."""

import json

from localizer.sources.formats.csv.columns import CORNERS

SHAPE, CLASS = "region_shape_attributes", "region_attributes"
# Of several attributes of a region, the one that names its class.
_CLASS_NAMES = ("class", "label", "name", "category", "type")


def with_regions(rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """The rows of a table, with the boxes and classes of VIA's regions in columns of their own.

    Args:
        rows: list of (line, fields), the header first.

    Returns:
        Such a list; the same where this is no such table. A region that is no box, and that no box
        can be drawn around, has its own name for corners; where there is no region they are empty.
    """
    header = [name.strip().lower() for name in rows[0][1]] if rows else []
    if SHAPE not in header:
        return rows
    places = [header.index(name) for name in (SHAPE, CLASS) if name in header]
    expanded = [(rows[0][0], [*rows[0][1], *CORNERS, "class"])]
    for line, fields in rows[1:]:
        if len(fields) == len(header):
            shape, *attributes = (_object(fields[place]) for place in places)
            fields = [*fields, *_corners(shape), class_of(*attributes)]
        expanded.append((line, fields))
    return expanded


def _object(text):
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"name": "?"}


def _corners(shape):
    """The extent of a region as text."""
    if shape == {}:
        return [""] * 4
    box = extent_of_region(shape)
    return [str(shape.get("name", "?"))] * 4 if box is None else [repr(value) for value in box]


def extent_of_region(shape: dict) -> tuple[float, float, float, float] | None:
    """The box around a region in 0-based continuous pixels, of its `shape_attributes`; or None."""
    try:
        if "all_points_x" in shape:
            xs, ys = shape["all_points_x"], shape["all_points_y"]
        elif "cx" in shape:
            rx, ry = shape.get("rx", shape.get("r")), shape.get("ry", shape.get("r"))
            xs, ys = (shape["cx"] - rx, shape["cx"] + rx), (shape["cy"] - ry, shape["cy"] + ry)
        else:
            xs = shape["x"], shape["x"] + shape["width"]
            ys = shape["y"], shape["y"] + shape["height"]
        return tuple(float(value) for value in (min(xs), min(ys), max(xs), max(ys)))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def class_of(attributes: dict | None = None) -> str:
    """The attribute that names the class, or the only one that there is."""
    named = {str(name).strip().lower(): value for name, value in (attributes or {}).items()}
    for name in _CLASS_NAMES if len(named) > 1 else named:
        if isinstance(named.get(name), str):
            return named[name].strip()
    return ""
