"""Recipe files: read with their lines, and checked."""

import os
from pathlib import Path

from localizer.errors import InputError
from localizer.recipe.fields import check_setting, flatten
from localizer.recipe.former_names import read_present
from localizer.recipe.values import nearest
from localizer.recipe.yaml_mapping import YamlMapping
from localizer.shipped import shipped_folder


def find_recipe(name: str) -> Path:
    """The file of a recipe: a path, or the name of a shipped one, such as "published".

    Raises:
        InputError: there is none; the message names the nearest.
    """
    shipped = shipped_folder("recipes") / f"{name}.yaml"
    if os.path.exists(name) or not shipped.is_file():
        path = Path(name)
        if not path.is_file():
            known = [file.stem for file in sorted(shipped.parent.glob("*.yaml"))]
            raise InputError(f"--recipe {name}: no such file; {nearest(path.stem, known)}")
        return path
    return shipped


def read_recipe(path, also=()):
    """The fields of a recipe file by dotted name, checked.

    Args:
        path: the file.
        also: names that may stand in it, too, such as those that a run's config.yaml has; they are
            left out.

    Raises:
        InputError: it is no recipe; the message names the file and the line.
    """
    file = YamlMapping(path)
    settings = {name: value for name, value in file.content.items() if name not in also}
    flat = read_present(file.path, _flatten(file, (), settings))
    for name, value in flat.items():
        _check(file, _keys((), file.content, name), name, value)
    return flat


def dataset_beside(path) -> str | None:
    """The dataset folder that a run's config.yaml names beside its recipe; None if it names none.

    Raises:
        InputError: as `read_recipe`, or it is no text.
    """
    file = YamlMapping(path)
    data = file.content.get("data")
    if data is not None and not isinstance(data, str):
        raise file.error(("data",), "data: the dataset folder, such as data/oxford-pet-head")
    return data


def _flatten(file, keys, settings):
    try:
        return flatten(settings)
    except InputError as error:
        raise file.error(keys, str(error)) from None


def _keys(keys, settings, name):
    """Where a dotted field is written: as one key, or as a key inside another."""
    return (*keys, name) if name in settings else (*keys, *name.split(".", 1))


def _check(file, place, name, value):
    try:
        check_setting(name, value)
    except InputError as error:
        raise file.error(place, str(error)) from None
