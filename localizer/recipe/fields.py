"""Training settings by dotted name ("augmentation.flip"), checked as train_model.py checks them."""

import difflib
from dataclasses import fields
from typing import Literal, get_args, get_origin

from jsonargparse import ArgumentError, ArgumentParser

from localizer.errors import InputError
from localizer.recipe.config import TrainingConfig


def flatten(settings):
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


FIELDS = tuple(flatten(TrainingConfig().to_dict()))
_CHOICES = {
    field.name: get_args(field.type)
    for field in fields(TrainingConfig)
    if get_origin(field.type) is Literal
}


def nearest(name, known):
    """A hint for an unknown name: the nearest known one, or all of them."""
    known = [str(one) for one in known]
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
    choices = _CHOICES.get(name)
    if choices and value not in choices:
        raise InputError(f"{name}: {value!r} is not possible; {nearest(value, choices)}")
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
        raise InputError(" ".join(str(error).split())) from None
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
