"""The runs of a plan: their folders, commands and what is done already.

OUT/
    runs/ROW-seedK-HASH/      a run folder of train_model.py; the hash is of settings and data
    recipes/ROW-....yaml      the full settings it was started with
    logs/ROW-....log          what it printed
    timings.json              how long an epoch takes; with `minutes`, the epochs follow from it
"""

import hashlib
import json
import re
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from localizer.ablation.plan_rows import same_training
from localizer.ablation.running.timing import Timings, data_key
from localizer.errors import InputError
from localizer.files.atomic_files import write_text
from localizer.files.checksums import sha256_of
from localizer.models.initial_weights import weights_file
from localizer.plugins.plugin_file import plugin_options
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import build_config, differences
from localizer.recipe.former_settings import as_now, settings_identity
from localizer.recipe.own_parts import changed_parts, own_parts
from localizer.recipe.reading import read_recipe
from localizer.recipe.resolve import effective_settings, settle
from localizer.runtimes.keras_settings import backend_name

_SLUG_LENGTH = 60
# Settings that change nothing about what is trained.
_FREE = ("workers",)


@dataclass(frozen=True)
class Run:
    """One training of a plan.

    Attributes:
        row: name of its row.
        seed: its seed.
        config: TrainingConfig with seed and epochs.
        start: the recipe file that the row starts from, or None.
        data: dataset folder.
        split: what it is scored on, "validation" or "test".
        out: folder of the experiment.
        name: of its folder; other settings or data give another name.
    """

    row: str
    seed: int
    config: TrainingConfig
    start: Path | None
    data: Path
    split: str
    out: Path
    name: str

    @property
    def folder(self):
        """The run folder."""
        return self.out / "runs" / self.name

    @property
    def recipe(self):
        """The file with its full settings."""
        return self.out / "recipes" / f"{self.name}.yaml"

    @property
    def log(self):
        """The file with what its processes printed."""
        return self.out / "logs" / f"{self.name}.log"

    @property
    def results(self):
        """Its metrics and predictions on the split: two files of the run folder."""
        before = "" if self.split == "validation" else f"{self.split}_"
        return self.folder / f"{before}metrics.json", self.folder / f"{before}predictions.csv"

    @property
    def is_trained(self):
        """Whether the training is finished, with these very settings."""
        try:
            kept = yaml.safe_load((self.folder / "config.yaml").read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            return False
        wanted = self.config.to_dict()
        same = isinstance(kept, dict) and all(
            as_now(kept).get(name) == value for name, value in wanted.items() if name not in _FREE
        )
        same = same and not changed_parts(self._own_parts_kept(), own_parts(self.config))
        return same and (self.folder / "metrics.json").is_file()

    def _own_parts_kept(self):
        """What its environment.json says of own parts; None where it does not."""
        try:
            return json.loads((self.folder / "environment.json").read_text())["own_parts"]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def is_done(self):
        """Whether it is trained and scored."""
        return self.is_trained and all(file.is_file() for file in self.results)

    @property
    def epochs_done(self):
        """Epochs in its history."""
        try:
            return max(len((self.folder / "history.csv").read_text().splitlines()) - 1, 0)
        except OSError:
            return 0

    def write_recipe(self):
        """Write the file with the full settings."""
        self.recipe.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.recipe, yaml.safe_dump(self.config.to_dict(), sort_keys=False))

    def missing_commands(self):
        """The command lines of what is not done yet; see `training_commands`."""
        commands = training_commands(self.data, self.folder, self.recipe, self.split)
        return commands[1:] if self.is_trained else commands

    @property
    def command(self):
        """What trains this run alone, from its recipe file and what differs from it."""
        started = build_config(read_recipe(self.start) if self.start else {})
        words = ["python", "train_model.py", "--data", self.data, "--run", f"runs/{self.name}"]
        words += ["--recipe", self.start] if self.start else []
        for name, value in differences(self.config, started).items():
            words += [f"--{name}", str(value).lower() if isinstance(value, bool) else value]
        words += plugin_options() if own_parts(self.config) else []
        return shlex.join(str(word) for word in words)


def training_commands(
    data: Path, folder: Path, recipe: Path, split: str, plugins: list[Path] | None = None
) -> list[list[str]]:
    """Command lines of the processes of a run, in order.

    Args:
        data, folder, recipe: dataset folder, run folder, file with the full settings.
        split: the first command trains and scores on validation; for another split there is a
            second one.
        plugins: files of own parts; by default those that were loaded here.

    Returns:
        List of lists of words.
    """
    train = [sys.executable, "-m", "localizer", "train", "--data", data, "--run", folder]
    commands = [[*train, "--recipe", recipe, "--resume"]]
    if split != "validation":
        module = [sys.executable, "-m", "localizer.commands.score_split"]
        commands.append([*module, data, folder, recipe, split])
    options = plugin_options(plugins)
    return [[str(word) for word in (*command, *options)] for command in commands]


def list_runs(plan, dataset, out):
    """The runs of a plan in the order in which they are run: all rows with one seed, then the next.

    Args:
        plan: Plan.
        dataset: the opened Dataset of the plan.
        out: folder of the experiment. If the plan has `minutes`, rows whose timing is not in
            OUT/timings.json yet are left out.

    Raises:
        InputError: the dataset cannot be used for what the plan wants.
    """
    timings = Timings(out, dataset)
    configs = {row.name: timings.with_epochs(row.config, plan.minutes) for row in plan.rows}
    runs = []
    for seed in plan.seeds:
        for row in plan.rows:
            if configs[row.name] is None:
                continue
            config = replace(configs[row.name], seed=seed)
            slug = re.sub(r"[^a-z0-9.]+", "-", row.name.lower()).strip("-.")[:_SLUG_LENGTH]
            name = f"{slug or 'row'}-seed{seed}-{_settings_key(config, dataset)}"
            runs.append(
                Run(row.name, seed, config, row.recipe, plan.data, plan.split, Path(out), name)
            )
    return runs


def check_dataset(plan, dataset):
    """Check that a dataset has the splits and the classes that a plan needs, and tells rows apart.

    Raises:
        InputError: it does not.
    """
    for row in plan.rows:
        try:
            row.config.refuse_missing_weights()
        except InputError as error:
            raise InputError(f"{plan.path}: row {row.name!r}: {error}") from None
    for split in ("train", "validation", plan.split):
        dataset.indices(split)
    _refuse_repetitions(plan, dataset)
    for column in {row.config.class_output for row in plan.rows} - {"none", "auto"}:
        try:
            dataset.classes(column)
        except InputError as error:
            raise InputError(f"{plan.path}: class_output {column}: {error}") from None


def _refuse_repetitions(plan, dataset):
    """See that no two rows come to one training, once it is known what "auto" means."""
    known, taught = {}, dataset.unlabelled is not None
    for row in plan.rows:
        config = settle(row.config, dataset)
        config = replace(config, unlabelled=config.unlabelled and taught)
        settings = str(effective_settings(config))
        if settings in known:
            raise InputError(
                f"{plan.path}: on {dataset.path}, {same_training(known[settings], row)}; leave one "
                f"out (looks: {config.looks}, class output: {config.class_output}, photos of a "
                f"teacher: {'yes' if config.unlabelled else 'no'})"
            )
        known[settings] = row


def _settings_key(config, dataset):
    """8 hexadecimal digits of everything that the outcome of a run depends on but its seed."""
    weights = weights_file(config.weights)
    key = {
        "settings": settings_identity(config, (*_FREE, "seed")),
        "data": data_key(dataset, config),
        # Other weights under an old name are other settings, too.
        "weights": sha256_of(weights) if weights and weights.is_file() else None,
        "backend": backend_name(),
    }
    if own := own_parts(config):
        key["own_parts"] = [part["sha256"] for part in own.values()]
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:8]
