"""Recipe files: read with their lines, and checked."""

from localizer.errors import InputError
from localizer.recipe.fields import check_setting, flatten
from localizer.recipe.yaml_mapping import YamlMapping


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
    flat = _flatten(file, (), settings)
    for name, value in flat.items():
        _check(file, _keys((), file.content, name), name, value)
    return flat


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
