"""The fields of a recipe by dotted name ("augmentation.flip")."""

import sys
from dataclasses import fields, is_dataclass
from typing import Any

from localizer.errors import InputError
from localizer.recipe.config import TrainingConfig
from localizer.recipe.values import checked_field, nearest


def flatten(settings: dict) -> dict:
    """{"augmentation": {"flip": 0}} to {"augmentation.flip": 0}; names may be dotted already.

    Raises:
        InputError: a field is there in both spellings.
    """
    flat = {}
    for name, value in settings.items():
        inside = value if isinstance(value, dict) else {None: value}
        for inner, each in inside.items():
            dotted = str(name) if inner is None else f"{name}.{inner}"
            if dotted in flat:
                raise InputError(f"{dotted} is there twice")
            flat[dotted] = each
    return flat


def _types(config):
    """Dotted name to type, in the order of the class."""
    types = {}
    for field in fields(config):
        if is_dataclass(field.type):
            types |= {f"{field.name}.{name}": kind for name, kind in _types(field.type).items()}
        else:
            types[field.name] = field.type
    return types


# Dotted name to type.
FIELDS: dict[str, Any] = _types(TrainingConfig)


# Settings that recipes and runs of before may have, and what is always done now.
GONE: dict[str, Any] = {"augmentation.rotated_shape": "ellipse"}
# Choices that they may have, and what to take instead.
_GONE_CHOICES = {("head", "voting"): "the voting head is gone; take head: simcc, which is better"}
_LOG = "docs/LOG.md names the commit"


def without_gone(flat: dict) -> dict:
    """Settings by dotted name without those that are gone; a note on stderr names each.

    Raises:
        InputError: one asks for what is no longer done.
    """
    for name in flat.keys() & GONE.keys():
        if flat[name] != GONE[name]:
            raise InputError(
                f"{name}: {flat[name]!r:.200} is gone; it is always {GONE[name]} now. Leave it "
                f"out, or train with an earlier version ({_LOG})"
            )
        print(f"note: {name} is always {GONE[name]} now, and no setting any more", file=sys.stderr)
    return {name: value for name, value in flat.items() if name not in GONE}


def check_setting(name: str, value: Any) -> None:
    """Check one field and its value.

    Raises:
        InputError: no such field, or it cannot have the value.
    """
    _check_name(name)
    if isinstance(value, str) and (name, value) in _GONE_CHOICES:
        raise InputError(f"{name}: {value}: {_GONE_CHOICES[name, value]} ({_LOG})")
    checked_field(name, value, FIELDS[name])


def _check_name(name):
    if name not in FIELDS:
        if any(field.startswith(f"{name}.") for field in FIELDS):
            raise InputError(f"{name} has fields of its own; write {name}: {{field: value}}")
        raise InputError(f"no field {name!r} of a recipe; {nearest(name, FIELDS)}")


def build_config(flat: dict) -> TrainingConfig:
    """The TrainingConfig of some fields, by dotted name; the others have their defaults.

    Raises:
        InputError: no such field, or a value is none of its field.
    """
    flat = flatten(flat)
    for name in flat:
        _check_name(name)
    return _build(TrainingConfig, flat)


def _build(config, flat):
    inner = {field.name: field.type for field in fields(config) if is_dataclass(field.type)}
    own = {name: value for name, value in flat.items() if "." not in name}
    for name, kind in inner.items():
        prefix = f"{name}."
        below = {k.removeprefix(prefix): v for k, v in flat.items() if k.startswith(prefix)}
        try:
            own[name] = _build(kind, below)
        except InputError as error:
            raise InputError(f"{prefix}{error}") from None
    return config(**own)


def identity(config: TrainingConfig, free: tuple = ()) -> dict:
    """The settings of a run as its identity: unmoved by fields that came, or went, since.

    Args:
        config: TrainingConfig.
        free: names of fields that do not count.

    Returns:
        `config.to_dict()`, with what GONE has at what is always done now.
    """
    settings = config.to_dict()
    for dotted, value in GONE.items():
        part, name = dotted.split(".")
        settings[part] = settings[part] | {name: value}
    return {name: value for name, value in settings.items() if name not in free}


def as_now(settings: dict) -> dict:
    """The content of a run's config.yaml, as a run of now would have written it.

    Args:
        settings: of a run of any version; what is no setting is left as it is.
    """
    settings = dict(settings)
    for dotted, value in GONE.items():
        part, name = dotted.split(".")
        if isinstance(settings.get(part), dict) and settings[part].get(name) == value:
            settings[part] = {k: v for k, v in settings[part].items() if k != name}
    return settings


def differences(config: TrainingConfig, other: TrainingConfig) -> dict:
    """The fields of a TrainingConfig, by dotted name, whose values differ from another one's."""
    values, others = flatten(config.to_dict()), flatten(other.to_dict())
    return {name: value for name, value in values.items() if value != others[name]}
