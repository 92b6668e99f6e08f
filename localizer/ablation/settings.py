"""Training settings by dotted name ("augmentation.flip"), checked as train_model.py checks them."""

import difflib
from dataclasses import fields

from jsonargparse import ArgumentError, ArgumentParser

from localizer.config import TrainingConfig
from localizer.errors import InputError


def flatten(settings):
    """{"augmentation": {"flip": 0}} to {"augmentation.flip": 0}; names may be dotted already."""
    flat = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            flat[str(name)] = value
    return flat


FIELDS = tuple(flatten(TrainingConfig().to_dict()))


def nearest(name, known):
    """A hint for an unknown name: the nearest known one, or all of them."""
    found = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    # "flop" is meant to be near "augmentation.flip".
    found = found or [k for k in known if difflib.get_close_matches(str(name), [k.split(".")[-1]])]
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(known)}"


def check_setting(name, value):
    """Check one field and its value.

    Raises:
        InputError: no such field, or train_model.py would not take the value.
    """
    if name not in FIELDS:
        if any(field.startswith(f"{name}.") for field in FIELDS):
            raise InputError(f"{name} has fields of its own; write {name}: {{field: value}}")
        raise InputError(f"no field {name!r} of a recipe; {nearest(name, FIELDS)}")
    if value is None:
        raise InputError(f"{name} has no value")
    build_config({name: value})


def build_config(flat):
    """The TrainingConfig of some fields, by dotted name; the others have their defaults.

    Raises:
        InputError: a value is none of its field; the message is train_model.py's.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainingConfig)
    try:
        read = parser.instantiate(parser.parse_object(_nest(flat)))
    except ArgumentError as error:
        raise InputError(str(error)) from None
    return TrainingConfig(**{field.name: read[field.name] for field in fields(TrainingConfig)})


def _nest(flat):
    nested = {}
    for name, value in flat.items():
        group, dot, inner = name.partition(".")
        if dot:
            nested.setdefault(group, {})[inner] = value
        else:
            nested[name] = value
    return nested


def differences(config, other):
    """The fields of a TrainingConfig, by dotted name, whose values differ from another one's."""
    values, others = flatten(config.to_dict()), flatten(other.to_dict())
    return {name: value for name, value in values.items() if value != others[name]}
