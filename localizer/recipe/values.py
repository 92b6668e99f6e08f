"""Values that people write, in files and on the command line: their types, and the one check.

pydantic checks, strictly: 1 is not true, and 1.0 is not a whole number.
"""

import re
import reprlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PydanticSchemaGenerationError, TypeAdapter, ValidationError

from localizer.errors import InputError, nearest

# Finite, and within what the backends can count.
Count = Annotated[int, Field(ge=1, le=1_000_000)]
WholeNumber = Annotated[int, Field(ge=0, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Folds = Annotated[int, Field(ge=2, le=100)]
ImageSize = Annotated[int, Field(ge=96, le=1024)]
Factor = Annotated[float, Field(ge=1, allow_inf_nan=False)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
# Of a crop on each side, as a share of the box's width and height.
Margin = Annotated[float, Field(ge=0, le=10)]


@dataclass(frozen=True)
class OneOf:
    """Marks a text that is one of some names, as `Annotated[str, OneOf(HEADS)]`.

    Attributes:
        names: looked up anew each time, so that names may be added.
    """

    names: Collection[str]


_KINDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# YAML 1.1 takes 1e-3 for text.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf|nan", re.ASCII)


def checked(value: Any, annotation: Any) -> Any:
    """A value as a field of this type holds it.

    Args:
        value: from YAML, or from Python.
        annotation: one of the types above, bool, str, Path, a Literal, or a str that is marked
            with OneOf.

    Raises:
        InputError: it is none; the message says what is needed, and which choice is the nearest.
    """
    allowed = choices(annotation)
    if _schema(annotation).get("type") == "number" and isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else value
    try:
        # To pydantic, as to Python, true and 1.0 are the choice 1.
        if not allowed or (type(value), value) in [(type(one), one) for one in allowed]:
            return _adapter(annotation).validate_python(value)
    except ValidationError:
        pass
    hint = nearest(value, allowed)
    hint = f"; {hint}" if hint.startswith("did") else ""
    raise InputError(f"{reprlib.repr(value)} is not possible: {expected(annotation)}{hint}")


def checked_field(name: str, value: Any, annotation: Any) -> Any:
    """A value as the field `name` holds it.

    Raises:
        InputError: it is none; the message begins with the name.
    """
    if value is None:
        raise InputError(f"{name} has no value")
    try:
        return checked(value, annotation)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def from_text(text: str, annotation: Any) -> Any:
    """The value that a word on the command line stands for, checked.

    Raises:
        InputError: see `checked`.
    """
    for choice in choices(annotation):
        if str(choice) == text:
            return choice
    kind = _schema(annotation).get("type")
    if kind == "integer" and re.fullmatch(r"[+-]?\d{1,30}", text, re.ASCII):
        return checked(int(text), annotation)
    if kind == "boolean" and text.lower() in _SWITCHES:
        return _SWITCHES[text.lower()]
    if _schema(annotation).get("format") == "path":
        return annotation(text)
    return checked(text, annotation)


def choices(annotation: Any) -> tuple:
    """The values of a Literal, or the names of a OneOf; () for any other type."""
    for mark in _marks(annotation):
        return tuple(mark.names)
    schema = _schema(annotation)
    return tuple(schema.get("enum", [schema["const"]] if "const" in schema else []))


def expected(annotation: Any) -> str:
    """What a type takes, in words.

    >>> expected(ImageSize)
    'a whole number from 96 to 1024 is needed'
    """
    if choices(annotation):
        own = ", or one of a --plugin FILE.py," if _marks(annotation) else ""
        return f"one of {', '.join(map(str, choices(annotation)))}{own} is needed"
    return f"{describe(annotation)} is needed"


def describe(annotation: Any) -> str:
    """A type in words, for a help text.

    >>> describe(Share)
    'a number from 0 to 1'
    """
    if choices(annotation):
        return "|".join(map(str, choices(annotation)))
    schema = _schema(annotation)
    words = "a path" if schema.get("format") == "path" else _KINDS.get(schema.get("type"), "text")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{words} from {low:g} to {high:.10g}"
    if low is not None:
        words += f" of {low:g} or more"
    if "exclusiveMinimum" in schema:
        words += f" above {schema['exclusiveMinimum']:g}"
    if "exclusiveMaximum" in schema:
        words += f" and below {schema['exclusiveMaximum']:.10g}"
    return words


def _marks(annotation):
    """The OneOf of a type, in a list; empty without one."""
    return [mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, OneOf)]


@cache
def _adapter(annotation):
    try:
        return TypeAdapter(annotation, config=ConfigDict(strict=True))
    except PydanticSchemaGenerationError as error:
        raise TypeError(f"{annotation}: not a type of an option") from error


@cache
def _schema(annotation):
    return _adapter(annotation).json_schema()
