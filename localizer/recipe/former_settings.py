"""Settings as earlier versions wrote them, in recipes, plans, run folders and model files."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

from localizer.errors import InputError
from localizer.recipe.config import TrainingConfig
from localizer.sources.annotated_image import FORMER_NAMES

# Settings that are gone, and what is always done now.
GONE: dict[str, Any] = {"augmentation.rotated_shape": "ellipse"}
# Choices that are gone, and what to take instead.
_GONE_CHOICES = {("head", "voting"): "the voting head is gone; take head: simcc, which is better"}
# Field to {former value: value}.
_FORMER_VALUES = {"class_output": FORMER_NAMES}
# Fields that came, and what was done before them.
_CAME: dict[str, Any] = {"backbone": "mobilenet_v1"}
_LOG = "docs/LOG.md names the commit"


def read_former(path: Path | str, flat: dict) -> dict:
    """Settings that were read from a file, as they are written now; a note on stderr for each.

    Args:
        path: the file, for the note, which comes once a file.
        flat: values by dotted name.

    Raises:
        InputError: one asks for what is no longer done.
    """
    for name in flat.keys() & GONE.keys():
        if flat[name] != GONE[name]:
            raise InputError(
                f"{name}: {flat[name]!r:.200} is gone; it is always {GONE[name]} now. Leave it "
                f"out, or train with an earlier version ({_LOG})"
            )
        _say(f"{path}: {name} is always {GONE[name]} now, and no setting any more")
    for name, value in flat.items():
        if _renamed(name, value) != value:
            _say(f"{path}: {name}: {value} is read as {_renamed(name, value)}, its name now")
    return {name: _renamed(name, value) for name, value in flat.items() if name not in GONE}


def why_gone(name: str, value: Any) -> str:
    """What became of a choice that a field had once; "" if it never had it, or still has."""
    if isinstance(value, str) and (name, value) in _GONE_CHOICES:
        return f"{value}: {_GONE_CHOICES[name, value]} ({_LOG})"
    if _renamed(name, value) != value:
        return f"{value} is called {_renamed(name, value)} now"
    return ""


def as_now(settings: dict) -> dict:
    """The content of a run's config.yaml, as a run of now would have written it.

    Args:
        settings: of a run of any version; what is no setting is left as it is.
    """
    settings = _CAME | {name: _renamed(name, value) for name, value in settings.items()}
    for dotted, value in GONE.items():
        part, name = dotted.split(".")
        if isinstance(settings.get(part), dict) and settings[part].get(name) == value:
            settings[part] = {k: v for k, v in settings[part].items() if k != name}
    return settings


def settings_identity(config: TrainingConfig, free: tuple = ()) -> dict:
    """The settings of a run as its identity: as the first version would have written them.

    What was named by them keeps its name when fields and values are renamed, come, or go.

    Args:
        config: TrainingConfig.
        free: names of fields that do not count.
    """
    settings = config.to_dict()
    for name, values in _FORMER_VALUES.items():
        settings[name] = {now: then for then, now in values.items()}.get(
            settings[name], settings[name]
        )
    for dotted, value in GONE.items():
        part, name = dotted.split(".")
        settings[part] = settings[part] | {name: value}
    settings = {name: v for name, v in settings.items() if name not in _CAME or v != _CAME[name]}
    return {name: value for name, value in settings.items() if name not in free}


def _renamed(name, value):
    former = _FORMER_VALUES.get(name, {})
    return former.get(value, value) if isinstance(value, str) else value


@cache
def _say(text):
    print(f"note: {text}", file=sys.stderr)
