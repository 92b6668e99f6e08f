"""The box of an `<object>` in Pascal VOC's XML, whatever shape the tool has written.

    <bndbox><xmin>49</xmin><ymin>30</ymin><xmax>201</xmax><ymax>180</ymax></bndbox>
    <robndbox><cx>50</cx><cy>50</cy><w>20</w><h>30</h><angle>0.3</angle></robndbox>  (radians)
    <polygon><x1>49</x1><y1>30</y1><x2>60</x2> ... or <pt><x>49</x><y>30</y></pt> ... </polygon>
    <points>49,30 201,30 201,180</points>

The first is in 1-based inclusive pixels, the others in 0-based continuous ones.
"""

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

from localizer.errors import InputError
from localizer.sources.choosing import number_from_text
from localizer.sources.extents import extent_of_points, extent_of_rotated

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ROTATED = ("cx", "cy", "w", "h", "angle")
_POINTS = ("polygon", "points", "segmentation", "bndbox", "quadrilateral")
# A comma before three digits may separate thousands.
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,(?!\d{3}$)\d+")
_NUMBERS = re.compile(r"[^\s,;()\[\]]+")


def box_voc_xyxy_of(element: Element) -> tuple[float, float, float, float]:
    """The box in 1-based inclusive pixels: the `<bndbox>`, else the extent of another shape.

    Raises:
        InputError: no shape, or one whose numbers cannot be read.
    """
    box = element.find("bndbox")
    others = [child for child in element if child.tag == "robndbox" or child.tag in _POINTS]
    if box is not None and any(box.find(name) is not None for name in _CORNERS) or not others:
        return tuple(read_field(element, f"bndbox/{name}", _coordinate) for name in _CORNERS)
    if others[0].tag == "robndbox":
        numbers = [read_field(element, f"robndbox/{name}", _coordinate) for name in _ROTATED]
        xmin, ymin, xmax, ymax = extent_of_rotated(*numbers)
    else:
        try:
            xmin, ymin, xmax, ymax = extent_of_points(*_points(others[0]))
        except InputError as error:
            raise InputError(f"<{others[0].tag}>: {error}") from None
    return xmin + 1, ymin + 1, xmax, ymax


def _points(element: Element) -> tuple[list[float], list[float]]:
    """All x and all y below an element, or in its text."""
    named = [(child.tag, child.text or "") for child in element.iter()]
    xs, ys = (
        [_coordinate(text.strip()) for tag, text in named if re.fullmatch(rf"{axis}\d*", tag)]
        for axis in "xy"
    )
    if not xs and not ys:
        numbers = [_coordinate(text) for text in _NUMBERS.findall(" ".join(element.itertext()))]
        xs, ys = numbers[::2], numbers[1::2]
    return xs, ys


def read_field(element: Element, tag: str, convert: Callable):
    """What `convert` makes of the text of an element below this one; InputError without any."""
    text = (element.findtext(tag) or "").strip()
    if not text:
        raise InputError(f"<{tag}> is missing or empty")
    try:
        return convert(text)
    except InputError as error:
        raise InputError(f"<{tag}>: {error}") from None


def _coordinate(text: str) -> float:
    return number_from_text(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)
