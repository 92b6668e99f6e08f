"""The plan of an ablation: a YAML file that says what to vary, checked before anything runs.

    data: data/oxford-pet-head              # dataset folder
    recipe: experiments/recipes/X.yaml      # optional; else the defaults of train_model.py
    base: {epochs: 12}                      # optional: fields that go before the recipe's
    # One of these four:
    factors: {box_loss: [mse, diou], augmentation.flip: [0, 0.5]}   # each value alone, and the base
    grid: {box_loss: [mse, diou], augment: [true, false]}           # every combination
    rows: {plain: {}, wide: {alpha: 0.5}, old: {recipe: FILE}}      # by name
    steps: {plain: {}, wider: {alpha: 0.5}, larger: {image_size: 160}}   # each on top of the last
    seeds: [0, 1, 2]
    minutes: 5                              # optional: training time of each run instead of epochs
    split: validation                       # or test
    metric: mean_iou                        # or success_0.5, success_0.75, success_0.9
    baseline: base                          # the row that the others are compared with; steps
                                            # are compared with the step before
    pictures: [base, wide]                  # optional: the rows whose pictures are shown

Paths are relative to the folder that the command is started in, as in train_model.py.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from localizer.ablation.plan_rows import KINDS, Row, read_rows
from localizer.errors import nearest
from localizer.recipe.fields import FIELDS
from localizer.recipe.yaml_mapping import YamlMapping

__all__ = ["METRICS", "Plan", "Row", "read_plan"]
_MINUTES_OF_A_YEAR = 525_600
METRICS = ("mean_iou", "success_0.5", "success_0.75", "success_0.9")
_KEYS = (
    "data",
    "recipe",
    "base",
    *KINDS,
    "seeds",
    "minutes",
    "split",
    "metric",
    "baseline",
    "pictures",
)


@dataclass(frozen=True)
class Plan:
    """A plan file that was read and checked.

    Attributes:
        path: the file.
        data: dataset folder.
        rows: tuple of Row; their names and settings differ.
        seeds: tuple of int.
        minutes: training time of each run, or None: the rows' epochs hold.
        split: "validation" or "test": what the runs are scored on.
        metric: one of METRICS.
        baseline: name of a row: the one that the others are compared with, or the first step.
        pictures: names of two rows, or None.
        text: the file as it was written.
        steps: whether each row is compared with the one before it.
    """

    path: Path
    data: Path
    rows: tuple
    seeds: tuple
    minutes: float | None
    split: str
    metric: str
    baseline: str
    pictures: tuple | None
    text: str
    steps: bool = False

    @property
    def references(self):
        """Dict: name of a row -> of the row that it is compared with, or None."""
        names = [row.name for row in self.rows]
        if self.steps:
            return dict(zip(names, [None, *names]))
        return {name: None if name == self.baseline else self.baseline for name in names}


def read_plan(path):
    """Read and check a plan file; the dataset is not opened.

    Raises:
        InputError: something in it cannot be used; the message names the file, the line and, for
            an unknown name, the nearest one.
    """
    file = YamlMapping(path)
    plan = file.content
    for key in plan:
        if key in FIELDS and key != "seed":
            raise file.error((key,), f"{key} is a field of a recipe; write it below base:")
        if key == "folds":
            raise file.error((key,), "folds: the runs of a plan have none; train_model.py takes it")
        if key not in _KEYS:
            raise file.error((str(key),), f"no key {key!r} of a plan; {nearest(key, _KEYS)}")
    data = plan.get("data")
    if not isinstance(data, str) or not data.strip() or "\0" in data:
        raise file.error(("data",), "data: the dataset folder, such as data/oxford-pet-head")
    minutes = _read_minutes(file)
    rows = read_rows(file)
    names = [row.name for row in rows]
    steps = "steps" in plan
    if steps and "baseline" in plan:
        raise file.error(
            ("baseline",), "baseline: a step is compared with the one before it; leave it out"
        )
    default = "base" if "base" in names and not steps else names[0]
    pictures = plan.get("pictures")
    if pictures is not None:
        if not isinstance(pictures, list) or not len(pictures) == len(set(map(str, pictures))) == 2:
            raise file.error(("pictures",), "pictures: two rows, such as [base, wide]")
        pictures = tuple(_choice(file, "pictures", str(name), names) for name in pictures)
    return Plan(
        path=file.path,
        data=Path(plan["data"]),
        rows=rows,
        seeds=_read_seeds(file),
        minutes=minutes,
        split=_choice(file, "split", plan.get("split", "validation"), ("validation", "test")),
        metric=_choice(file, "metric", plan.get("metric", "mean_iou"), METRICS),
        # A row `160: {image_size: 160}` is named by a number, here and there.
        baseline=_choice(file, "baseline", str(plan.get("baseline", default)), names),
        pictures=pictures,
        text=file.text,
        steps=steps,
    )


def _choice(file, key, value, known):
    if value not in known:
        raise file.error((key,), f"{key}: {value!r} is not possible; {nearest(value, known)}")
    return value


def _read_seeds(file):
    seeds = file.content.get("seeds")
    whole = isinstance(seeds, list) and all(type(s) is int and 0 <= s < 2**32 for s in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        raise file.error(("seeds",), "seeds: a list of different whole numbers, such as [0, 1, 2]")
    return tuple(seeds)


def _read_minutes(file):
    minutes = file.content.get("minutes")
    if minutes is None:
        return None
    try:
        # YAML takes 1e3 for text. A yes is no number, though Python's float takes it for 1.
        minutes = math.nan if isinstance(minutes, bool) else float(minutes)
    except (TypeError, ValueError, OverflowError):
        minutes = math.nan
    if not 0 < minutes <= _MINUTES_OF_A_YEAR:
        raise file.error(("minutes",), "minutes: a number above 0, of at most a year (525600)")
    return minutes
