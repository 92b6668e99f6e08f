"""A line of a YOLO label file: class, then a box, a polygon or key points, perhaps a confidence.

    0 0.25 0.28 0.31 0.40                             centre, width and height
    0 0.25 0.28 0.31 0.40 0.9                         and a confidence
    0 0.1 0.1 0.4 0.1 0.4 0.5                         a polygon of three points or more
    0 0.1 0.1 0.4 0.1 0.4 0.5 0.1 0.5                 an oriented box: a polygon of four

All but the class are parts of the image's size, 0 to 1.
"""

from localizer.errors import InputError
from localizer.sources.choosing import number_from_text
from localizer.sources.extents import Box, extent_of_points
from localizer.sources.formats.yolo.classes import Classes
from localizer.sources.gathering import Shape

# Sums of rounded numbers.
_TOLERANCE = 1e-6


def read_line(line: str, place: str, classes: Classes) -> Shape:
    """The object of a line; one with a `problem` when it cannot be read."""
    try:
        fields = line.split()
        numbers = [_part(text) for text in fields[1:]]
        category = _category(fields[0], classes)
        return Shape(place, _extent(numbers, classes.keypoints), category)
    except InputError as error:
        return Shape(place, None, problem=str(error))


def _category(text: str, classes: Classes) -> str:
    number = number_from_text(text)
    if number != int(number) or number < 0:
        raise InputError(f"the class is {text!r:.40}, not a whole number from 0 on")
    if classes.names is None:
        return str(int(number))
    if int(number) not in classes.names:
        raise InputError(f"{classes.file} has no class {int(number)}: add its name")
    return classes.names[int(number)]


def _part(text: str) -> float:
    value = number_from_text(text)
    if not -_TOLERANCE <= value <= 1 + _TOLERANCE:
        raise InputError(
            f"{text!r:.40} is not from 0 to 1: YOLO has parts of the image's size, not pixels"
        )
    return value


def _extent(numbers: list[float], keypoints: int) -> Box:
    count = len(numbers)
    if count in (4, 5) or keypoints and count in (4 + keypoints, 5 + keypoints):
        cx, cy, width, height = numbers[:4]
        if min(width, height) <= 0:
            raise InputError("the box is empty (its width or height is not above 0)")
        return cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2
    points = numbers[: count // 2 * 2]  # An odd number more is a confidence.
    if len(points) < 6 or keypoints:
        raise InputError(
            f"{count + 1} numbers, expected 5 (class, centre, width, height), or the class and "
            "three points or more, each perhaps with a confidence"
        )
    return extent_of_points(points[::2], points[1::2])
