"""The rows of a plan, from its recipe, its base and what it varies."""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

from localizer.errors import InputError
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import build_config, differences, flatten
from localizer.recipe.former_settings import GONE, read_former
from localizer.recipe.reading import _at, _check, _flatten, _keys, find_recipe, read_recipe
from localizer.recipe.resolve import effective_settings

_LONGEST_NAME = 200
KINDS = ("factors", "grid", "rows", "steps")


@dataclass(frozen=True)
class Row:
    """One set of settings; it is run once with each seed.

    Attributes:
        name: as the plan or the changes name it.
        changes: dotted field -> value, where it differs from the base, or from the step before.
        config: TrainingConfig with seed 0; with `minutes` its epochs are still to be found.
        recipe: the recipe file it starts from, if any.
    """

    name: str
    changes: dict
    config: TrainingConfig
    recipe: Path | None = None


def read_rows(file):
    """The rows of a plan file in its order.

    Args:
        file: the plan's YamlMapping.

    Returns:
        Tuple of Row, one at least; names and settings differ.

    Raises:
        InputError: a field, a value or a recipe cannot be used, or a row is there twice.
    """
    plan = file.content
    kinds = [kind for kind in KINDS if kind in plan]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none of them"
        raise file.error(tuple(kinds[1:2]), f"one of {', '.join(KINDS)} is needed; found {found}")
    kind = kinds[0]
    if not isinstance(plan[kind], dict) or not plan[kind]:
        raise file.error((kind,), f"{kind}: a mapping is needed, such as {_EXAMPLES[kind]}")
    recipe = _recipe_path(file, ("recipe",), plan.get("recipe"))
    given = _read_settings(file, ("base",), plan.get("base"))
    base = _build(recipe, given)
    if kind == "rows":
        rows = [_explicit_row(file, name, recipe, given, base) for name in plan[kind]]
    elif kind == "steps":
        rows = _steps(file, recipe, given)
    else:
        values = _read_values(file, kind)
        combinations = _one_at_a_time(values, base) if kind == "factors" else _all(values)
        rows = [
            _row(_name(changes), _build(recipe, given | changes), base, recipe)
            for changes in combinations
        ]
    if kind == "grid":
        rows = _without_repetitions(rows)
    if kind != "rows" and len(rows) == 1:
        more = "name two or more" if kind == "steps" else "give a field two values or more"
        raise file.error((kind,), f"{kind}: nothing varies; {more}")
    _refuse_names_that_cannot_be_shown(file, kind, rows)
    _refuse_repetitions(file, kind, rows)
    return tuple(rows)


_EXAMPLES = {
    "factors": "{box_loss: [mse, diou]}",
    "grid": "{box_loss: [mse, diou], augment: [true, false]}",
    "rows": "{plain: {}, wide: {alpha: 0.5}}",
    "steps": "{plain: {}, wider: {alpha: 0.5}, larger: {image_size: 160}}",
}


def _row(name, config, base, recipe):
    return Row(name, differences(config, base), config, recipe)


def _build(recipe, settings):
    return build_config((read_recipe(recipe) if recipe else {}) | settings | {"seed": 0})


def _explicit_row(file, name, recipe, given, base):
    own, keys = file.content["rows"][name], ("rows", str(name))
    if isinstance(own, dict) and "recipe" in own:
        recipe = _recipe_path(file, (*keys, "recipe"), own["recipe"])
        own = {field: value for field, value in own.items() if field != "recipe"}
    config = _build(recipe, given | _read_settings(file, keys, own))
    return _row(str(name), config, base, recipe)


def _steps(file, recipe, given):
    """Rows that each have the settings of the one before and changes of their own."""
    rows, before = [], _build(recipe, given)
    for name, own in file.content["steps"].items():
        keys = ("steps", str(name))
        if isinstance(own, dict) and "recipe" in own:
            raise file.error(
                (*keys, "recipe"), "recipe: steps start from the plan's recipe; write it there"
            )
        given = given | _read_settings(file, keys, own)
        config = _build(recipe, given)
        rows.append(_row(str(name), config, before, recipe))
        before = config
    return rows


def _recipe_path(file, keys, value):
    if value is None:
        return None
    try:
        return find_recipe(value if isinstance(value, str) else "")
    except InputError:
        raise file.error(
            keys, f"recipe: {value!r:.200} is no file, and no shipped recipe has this name"
        ) from None


def _read_settings(file, keys, settings):
    """The fields of `base` or of a row by dotted name; empty where nothing is written."""
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise file.error(keys, f"{keys[-1]}: fields of a recipe are needed, such as {{alpha: 0.5}}")
    flat = _at(file, keys, read_former, file.path, _flatten(file, keys, settings))
    for name, value in flat.items():
        place = _keys(keys, settings, name)
        _refuse_what_the_plan_sets(file, place, name)
        _check(file, place, name, value)
    return flat


def _read_values(file, kind):
    """Of `factors` or `grid`: dotted field -> list of values as a TrainingConfig holds them."""
    read = {}
    for name, values in _flatten(file, (kind,), file.content[kind]).items():
        place = _keys((kind,), file.content[kind], name)
        _refuse_what_the_plan_sets(file, place, name)
        if not isinstance(values, list) or not values:
            raise file.error(place, f"{name}: a list of values is needed, such as [0.25, 0.5]")
        if name in GONE:
            raise file.error(place, f"{name} is always {GONE[name]} now; leave it out")
        values = [_at(file, place, read_former, file.path, {name: v})[name] for v in values]
        for value in values:
            _check(file, place, name, value)
        # As text from YAML, 1e-3 is not yet the number 0.001.
        read[name] = [flatten(build_config({name: v}).to_dict())[name] for v in values]
        for number, value in enumerate(read[name]):
            if value in read[name][:number]:
                raise file.error(place, f"{name}: {value} is there twice")
    return read


def _refuse_what_the_plan_sets(file, place, name):
    if name == "seed":
        raise file.error(place, "seed: the plan's seeds say which; leave it out")
    if name == "epochs" and file.content.get("minutes") is not None:
        raise file.error(place, "epochs: they follow from minutes; leave one of the two out")


def _one_at_a_time(values, base):
    held = flatten(base.to_dict())
    return [{}] + [{n: v} for n, several in values.items() for v in several if v != held[n]]


def _all(values):
    return [dict(zip(values, chosen)) for chosen in itertools.product(*values.values())]


def _name(changes):
    return ", ".join(f"{name}={_shown(value)}" for name, value in changes.items()) or "base"


def _shown(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return str(value)


def _refuse_names_that_cannot_be_shown(file, kind, rows):
    for row in rows:
        if not row.name.strip() or not row.name.isprintable() or len(row.name) > _LONGEST_NAME:
            raise file.error(
                (kind, row.name),
                f"the row's name {row.name!r:.100} is not possible; printable characters, "
                f"{_LONGEST_NAME} at most",
            )


def _refuse_repetitions(file, kind, rows):
    for row, other in itertools.combinations(rows, 2):
        place = (kind, other.name)
        if row.name == other.name:
            raise file.error(place, f"row {other.name!r} is there twice")
        if effective_settings(row.config) == effective_settings(other.config):
            raise file.error(place, f"{same_training(row, other)}; leave one out")


def same_training(row, other):
    """Words for two rows that come to one training."""
    # How many threads prepare the batches changes nothing about what is trained.
    differing = [name for name in differences(row.config, other.config) if name != "workers"]
    if not differing:
        return f"rows {row.name!r} and {other.name!r} have the same settings"
    return (
        f"rows {row.name!r} and {other.name!r} would be the same training, as they differ only in "
        f"what has no effect here: {', '.join(differing)}"
    )


def _without_repetitions(rows):
    """The rows of a grid but for those that come to the training of one before; says which."""
    kept = {}
    for row in rows:
        settings = str(effective_settings(row.config))
        if settings in kept:
            words = same_training(kept[settings], row)
            print(f"note: {words}; the second is left out", file=sys.stderr)
        else:
            kept[settings] = row
    return list(kept.values())
