"""The fields of a recipe by dotted name ("augmentation.flip")."""

from dataclasses import fields, is_dataclass
from typing import Any

from localizer.errors import InputError, nearest
from localizer.recipe.config import TrainingConfig
from localizer.recipe.former_settings import why_gone
from localizer.recipe.values import checked_field


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
    types: dict[str, Any] = {}
    for field in fields(config):
        if is_dataclass(field.type):
            types |= {f"{field.name}.{name}": kind for name, kind in _types(field.type).items()}
        else:
            types[field.name] = field.type
    return types


# Dotted name to type.
FIELDS: dict[str, Any] = _types(TrainingConfig)


def check_setting(name: str, value: Any) -> None:
    """Check one field and its value.

    Raises:
        InputError: no such field, or it cannot have the value.
    """
    _check_name(name)
    if reason := why_gone(name, value):
        raise InputError(f"{name}: {reason}")
    checked_field(name, value, FIELDS[name])


def _check_name(name):
    if name not in FIELDS:
        if name == "folds":
            raise InputError(
                "folds is no field of a recipe, nor of a plan: it is an option of train_model.py"
            )
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


def differences(config: TrainingConfig, other: TrainingConfig) -> dict:
    """The fields of a TrainingConfig, by dotted name, whose values differ from another one's."""
    values, others = flatten(config.to_dict()), flatten(other.to_dict())
    return {name: value for name, value in values.items() if value != others[name]}
