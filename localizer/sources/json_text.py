"""JSON files of labels, and the numbers and texts in them."""

import json
import reprlib
from pathlib import Path
from typing import Any

from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file
from localizer.sources.choosing import MAX_PIXELS_ALONG_SIDE


def read_json(path: Path, expected: str = "") -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        expected: what it should look like, for errors.

    Raises:
        InputError: it cannot be read, or is no JSON; the message names the file.
    """
    expected = f"; {expected}" if expected else ""
    try:
        refuse_special_file(path)
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    # ValueError is bad JSON, text that is not UTF-8, or a number with thousands of digits.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}){expected}") from None


def only_json(root: Path, expected: str) -> Path:
    """The only JSON file in a folder; InputError for none or several."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; {expected}")
    found = sorted(
        path for path in root.glob("*.json") if not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise InputError(f"{root}: no JSON file in it; {expected}")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{root}: several JSON files ({names}): give --annotations FILE")
    return found[0]


def number(value: Any, name: str) -> float:
    """A coordinate; InputError, which says `name`, when it is none."""
    # NaN and infinity, which Python's JSON reader lets through, fail the comparison.
    if type(value) not in (int, float) or not abs(value) <= MAX_PIXELS_ALONG_SIDE:
        raise InputError(f"{name}: expected a number, found {reprlib.repr(value)}")
    return value


def points(value: Any, name: str = "points") -> tuple[list[float], list[float]]:
    """All x and all y of a list of [x, y]."""
    if not isinstance(value, list) or not all(
        isinstance(one, list) and len(one) == 2 for one in value
    ):
        raise InputError(f"{name}: expected a list of [x, y], found {reprlib.repr(value)}")
    xs, ys = ([number(one[axis], name) for one in value] for axis in (0, 1))
    return xs, ys
