"""Packages that only exported files need."""

import importlib

from localizer.errors import InputError


def optional_package(name):
    """Import a package that only exported files need.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"this needs the package {name.split('.')[0]} ({error}): "
            "pip install -r requirements-export.txt (in a clone), or install the package with its "
            "extra: single-object-localizer[export]"
        ) from None
