"""Values of settings that earlier versions called otherwise, in recipes, plans and run folders."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

from localizer.sources.annotated_image import FORMER_NAMES

# Field to {former value: value}.
_FORMER_VALUES = {"class_output": FORMER_NAMES}


def present(name: str, value: Any) -> Any:
    """The value of a field as it is called now."""
    former = _FORMER_VALUES.get(name, {})
    return former[value] if isinstance(value, str) and value in former else value


def former(settings: dict) -> dict:
    """Settings with the values as they were called, so that what was named by them keeps its name.

    Args:
        settings: fields and values as they are called now.
    """
    back = {name: {v: k for k, v in values.items()} for name, values in _FORMER_VALUES.items()}
    return {name: back[name].get(v, v) if name in back else v for name, v in settings.items()}


def read_present(path: Path, flat: dict) -> dict:
    """Fields that were read from a file, as they are called now; says what it renamed, once a file.

    Args:
        path: the file, for the note.
        flat: values by dotted name.
    """
    for name, value in flat.items():
        if present(name, value) != value:
            _say(f"{path}: {name}: {value} is read as {present(name, value)}, its name now")
    return {name: present(name, value) for name, value in flat.items()}


@cache
def _say(text):
    print(f"note: {text}", file=sys.stderr)
