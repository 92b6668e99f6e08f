"""Packages that only some uses need."""

import importlib
from types import ModuleType

from localizer.errors import InputError


def optional_package(name: str, extra: str = "export") -> ModuleType:
    """Import a package that an extra of the project brings.

    Args:
        name: of the module.
        extra: of the project; its packages are in requirements-EXTRA.txt.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"this needs the package {name.split('.')[0]} ({error}): "
            f"pip install -r requirements-{extra}.txt (in a clone), or install the package with "
            f"its extra: single-object-localizer[{extra}]"
        ) from None
