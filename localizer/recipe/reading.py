"""Recipe files: read with their lines, and checked."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localizer.errors import InputError, nearest
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import build_config, check_setting, flatten
from localizer.recipe.former_settings import read_former
from localizer.recipe.values import Folds, checked_field
from localizer.recipe.yaml_mapping import YamlMapping
from localizer.shipped import shipped_folder

_EXTENDS = "extends"
# What a run's config.yaml says beside the recipe.
OF_A_RUN = ("data", "run", "folds", "fold")


def find_recipe(name: str) -> Path:
    """The file of a recipe: a path, or the name of a shipped one, such as "published".

    Raises:
        InputError: there is none; the message names the nearest.
    """
    shipped = shipped_folder("recipes") / f"{name}.yaml"
    if os.path.exists(name) or not os.path.isfile(shipped):
        path = Path(name)
        if not os.path.isfile(path):
            known = [file.stem for file in sorted(shipped.parent.glob("*.yaml"))]
            raise InputError(f"recipe {name}: no such file; {nearest(path.stem, known)}")
        return path
    return shipped


def read_recipe(path: str | Path, also: tuple[str, ...] = ()) -> dict:
    """The fields of a recipe file by dotted name, checked.

    `extends: NAME`, or a path as on the command line, takes the fields of another recipe; the
    file's own go before them.

    Args:
        path: the file.
        also: names that may stand in it, too, such as those that a run's config.yaml has; they are
            left out.

    Raises:
        InputError: it is no recipe; the message names the file and the line.
    """
    return _read(Path(path), also, ())


def _read(path, also, before):
    """As `read_recipe`; `before`: the files that lead here by `extends`."""
    file = YamlMapping(path)
    settings = {name: value for name, value in file.content.items() if name not in also}
    extended = {}
    if _EXTENDS in settings:
        extended = _extended(file, settings.pop(_EXTENDS), also, before)
    flat = _flatten(file, (), settings)
    for name, value in flat.items():
        place = _keys((), file.content, name)
        now = _at(file, place, read_former, path, {name: value})
        for value in now.values():
            _check(file, place, name, value)
        extended |= now
    return extended


def _extended(file, name, also, before):
    """The fields of the recipe that a file names by `extends`."""
    if not isinstance(name, str):
        raise file.error((_EXTENDS,), "extends: the name of a recipe is needed, or a path")
    path = _at(file, (_EXTENDS,), find_recipe, name)
    before = (*before, file.path.resolve())
    if path.resolve() in before:
        raise file.error((_EXTENDS,), f"extends: {name} extends this file, in a circle")
    return _read(path, also, before)


def as_config(
    recipe: TrainingConfig | Mapping[str, Any] | str | os.PathLike | None,
) -> TrainingConfig:
    """The TrainingConfig that Python code means, in any of the forms that `train` takes.

    Raises:
        InputError: no such recipe, or fields or values that cannot be.
    """
    if isinstance(recipe, TrainingConfig):
        return recipe
    if recipe is None or isinstance(recipe, Mapping):
        return build_config(dict(recipe or {}))
    if not isinstance(recipe, (str, os.PathLike)):
        raise InputError(
            f"recipe: {recipe!r} is not possible: a TrainingConfig, a dict of its fields, a path, "
            "the name of a shipped recipe or None is needed"
        )
    # A run's config.yaml is a recipe, too.
    return build_config(read_recipe(find_recipe(os.fspath(recipe)), also=OF_A_RUN))


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


def folds_beside(path) -> int | None:
    """The number of folds that a run's config.yaml has beside its recipe; None if it has none.

    Raises:
        InputError: as `read_recipe`, or it is no number of folds.
    """
    file = YamlMapping(path)
    folds = file.content.get("folds")
    return None if folds is None else _at(file, ("folds",), checked_field, "folds", folds, Folds)


def refuse_fold(run) -> None:
    """See that a run folder that is to be gone on with is not one fold of another run.

    Raises:
        InputError: it is.
    """
    file = YamlMapping(Path(run) / "config.yaml")
    if "fold" in file.content:
        raise file.error(
            ("fold",),
            f"this is a fold of {Path(run).resolve().parent}; go on with that: --run "
            f"{Path(run).parent} --resume",
        )


def _flatten(file, keys, settings):
    return _at(file, keys, flatten, settings)


def _keys(keys, settings, name):
    """Where a dotted field is written: as one key, or as a key inside another."""
    return (*keys, name) if name in settings else (*keys, *name.split(".", 1))


def _check(file, place, name, value):
    _at(file, place, check_setting, name, value)


def _at(file, place, function, *arguments):
    """What a function returns; its InputError names the file and the line of a key."""
    try:
        return function(*arguments)
    except InputError as error:
        raise file.error(place, str(error)) from None
