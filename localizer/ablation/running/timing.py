"""How long the runs of a plan take, from a short timing of each kind of row."""

import hashlib
import json
import math
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import yaml

from localizer.ablation.running.processes import CommandSequence, child_environment, log_end
from localizer.dataset.identity import identity
from localizer.errors import InputError
from localizer.files.atomic_files import write_text
from localizer.plugins.plugin_file import plugin_options
from localizer.recipe.former_settings import settings_identity
from localizer.recipe.own_parts import own_parts
from localizer.runtimes.keras_settings import backend_name

# Settings that do not change how long a step takes, or hardly.
_FREE = (
    "epochs",
    "seed",
    "weights",
    "coordinates",
    "coordinate_unit",
    "box_loss",
    "class_loss",
    "class_loss_weight",
    "distribution_loss_weight",
    "learning_rate",
    "schedule",
    "warmup_epochs",
    "weight_decay",
    "bn_momentum",
    "early_stopping",
    "augmentation",
)


def data_key(dataset, config):
    """The checksums of all photos and boxes that a recipe trains on, JSON-ready."""
    added = dataset.unlabelled if config.unlabelled else None
    return {
        "labelled": identity(dataset.description["sha256"]),
        "unlabelled": added and identity(added.description["sha256"]),
    }


class Timings:
    """The timings kept in OUT/timings.json: each is made once, so that a restart changes nothing.

    Args:
        out: folder of the experiment.
        dataset: the opened Dataset.
    """

    def __init__(self, out, dataset):
        self._out = Path(out)
        self._path = self._out / "timings.json"
        self._dataset = dataset
        try:
            self._known = json.loads(self._path.read_text(encoding="utf-8"))
            _check(self._known)
        except FileNotFoundError:
            self._known = {}
        except (OSError, ValueError) as error:
            raise InputError(f"{self._path}: damaged ({error}); delete it") from None

    def _key(self, config):
        settings = settings_identity(config, _FREE)
        backend = backend_name()
        key = [settings, data_key(self._dataset, config), backend]
        if own := own_parts(config):
            key.append([part["sha256"] for part in own.values()])
        text = json.dumps(key, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def missing(self, configs):
        """Those of some TrainingConfigs that need a timing of their own."""
        wanted = {self._key(config): config for config in configs}
        return [config for key, config in wanted.items() if key not in self._known]

    def measure(self, config, threads=None):
        """Time a few training steps and a validation in a process of its own, and keep the result.

        Raises:
            InputError: the process failed; the message has the end of its log.
        """
        key = self._key(config)
        log = self._out / "logs" / f"timing-{key}.log"
        with tempfile.TemporaryDirectory(prefix="timing-") as folder:
            recipe, answer = Path(folder, "recipe.yaml"), Path(folder, "seconds.json")
            # Weights do not matter here; those that cannot be read are the run's failure.
            timed = replace(config, weights="none")
            recipe.write_text(yaml.safe_dump(timed.to_dict()), encoding="utf-8")
            module = [sys.executable, "-m", "localizer.commands.time_epoch"]
            command = [
                *module,
                str(self._dataset.path),
                str(recipe),
                str(answer),
                *plugin_options(),
            ]
            began = time.monotonic()
            child = CommandSequence([command], log, child_environment(threads))
            try:
                while (code := child.poll()) is None:
                    time.sleep(0.2)
            finally:
                child.stop()
            if code:
                raise InputError(f"the timing of a row failed; the end of {log}:\n{log_end(log)}")
            timing = json.loads(answer.read_text(encoding="utf-8"))
        # What is not the measured epoch is imports, building and tracing: once in each run.
        timing["start"] = round(time.monotonic() - began - timing.pop("measured"), 2)
        self._known[key] = timing
        write_text(self._path, json.dumps(self._known, indent=2) + "\n")

    def with_epochs(self, config, minutes):
        """A TrainingConfig with as many epochs as fit into `minutes`, one at least.

        Returns:
            It as it is if `minutes` is None; None if its timing is not known.
        """
        if minutes is None:
            return config
        timing = self._known.get(self._key(config))
        if timing is None:
            return None
        return replace(config, epochs=max(math.floor(minutes * 60 / timing["epoch"]), 1))

    def seconds(self, config, epochs):
        """Estimated seconds of a run that has `epochs` to go, from start to end."""
        timing = self._known[self._key(config)]
        return timing["start"] + epochs * timing["epoch"]


def _check(timings):
    """Raise ValueError unless it is what `measure` keeps."""
    for timing in timings.values() if isinstance(timings, dict) else [None]:
        seconds = [timing.get(k) for k in ("epoch", "start")] if isinstance(timing, dict) else []
        numbers = [type(one) in (int, float) and math.isfinite(one) for one in seconds]
        if not (numbers and all(numbers) and seconds[0] > 0):
            raise ValueError("no timings")
