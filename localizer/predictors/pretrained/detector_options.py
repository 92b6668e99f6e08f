"""The options after a pretrained detector's name, as in `detector:FILE.tflite?classes=16,17`."""

import difflib
import re
from dataclasses import dataclass
from urllib.parse import unquote

from localizer.errors import InputError
from localizer.predictors.pretrained.photo_input import RANGES

_LARGEST_SIDE = 4096
_EXAMPLES = {
    "classes": "classes=A,B",
    "labels": "labels=FILE",
    "range": f"range={'|'.join(RANGES)}",
    "size": "size=320 or size=HEIGHTxWIDTH",
    "signature": "signature=NAME",
}


@dataclass(frozen=True)
class DetectorOptions:
    """What the user says of a detector, where its file does not or not right.

    Attributes:
        classes: names or numbers of the classes that count, ["any"] for all; None: not said.
        labels: file with the names of the classes, or None.
        range: what the input's values go from and to, one of `RANGES`; None: not said.
        size: (height, width) of the input in pixels, where it is open; None: not said.
        signature: the name of the one that is run; None: not said.
    """

    classes: list[str] | None = None
    labels: str | None = None
    range: str | None = None
    size: tuple[int, int] | None = None
    signature: str | None = None

    @property
    def suffix(self) -> str:
        """What keeps two choices for one model apart in a table; "" where none was made."""
        choices = [",".join(self.classes)] if self.classes else []
        choices += [f"range={self.range}"] if self.range else []
        choices += ["size={}x{}".format(*self.size)] if self.size else []
        choices += [f"signature={self.signature}"] if self.signature else []
        return f"[{', '.join(choices)}]" if choices else ""


def split_options(model: str) -> tuple[str, DetectorOptions]:
    """("detector:FILE", its options) from a name as it is given.

    Raises:
        InputError: an option that does not exist or has no usable value.
    """
    source, _, query = model.partition("?")
    options = {}
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        if name not in _EXAMPLES or not equals:
            nearest = difflib.get_close_matches(name, _EXAMPLES, n=1)
            hint = f"; did you mean {_EXAMPLES[nearest[0]]}?" if nearest else "."
            raise InputError(
                f"{model}: {name!r} is no option{hint} There are ?{', &'.join(_EXAMPLES.values())}"
            )
        if name in options:
            raise InputError(f"{model}: {name} is given twice")
        options[name] = _READERS.get(name, _text)(model, name, unquote(value))
    return source, DetectorOptions(**options)


def _text(model, name, value):
    if not value:
        raise InputError(f"{model}: {name} is empty; write {_EXAMPLES[name]}")
    return value


def _classes(model, _, value):
    classes = [part.strip() for part in value.split(",")]
    if "" in classes:
        raise InputError(f"{model}: an empty class; write ?classes=16,17 or ?classes=any")
    return classes


def _range(model, _, value):
    if value not in RANGES:
        raise InputError(f"{model}: {value!r} is no range; there are {', '.join(RANGES)}")
    return value


def _size(model, _, value):
    sides = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", value, re.ASCII)
    size = sides and (int(sides[1]), int(sides[2] or sides[1]))
    if not size or not all(1 <= side <= _LARGEST_SIDE for side in size):
        raise InputError(
            f"{model}: {value!r} is no size; write {_EXAMPLES['size']}, in pixels from 1 to "
            f"{_LARGEST_SIDE}"
        )
    return size


_READERS = {"classes": _classes, "range": _range, "size": _size}
