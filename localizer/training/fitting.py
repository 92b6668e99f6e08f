"""One training into one run folder: begun, or gone on with where it stopped."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from localizer.dataset.dataset import Dataset
from localizer.recipe.config import TrainingConfig
from localizer.recipe.own_parts import own_parts
from localizer.training.parts import _unlabelled, prepare
from localizer.training.run_folder import (
    _check_folder,
    _describe,
    _describe_data,
    _start_folder,
)
from localizer.training.run_keeper import RunKeeper
from localizer.training.scoring import _summarize
from localizer.training.tensorboard_log import refuse_missing_package


@dataclass(frozen=True)
class Options:
    """How a training is run; none of it changes what is trained. See `train`."""

    callbacks: list[keras.callbacks.Callback] = field(default_factory=list)
    resume: bool = False
    overwrite: bool = False
    tensorboard: bool = False
    progress: bool = True


class RunFolder:
    """A run folder that is to be trained into, checked against what is there.

    Args:
        run: its path.
        dataset: the opened Dataset.
        config: TrainingConfig, settled.
        settings: what config.yaml says.
        options: Options.

    Raises:
        InputError: it is taken, damaged, or of other settings.
    """

    def __init__(
        self,
        run: Path,
        dataset: Dataset,
        config: TrainingConfig,
        settings: dict[str, Any],
        options: Options,
    ):
        self.path = run
        self.data = _describe_data(dataset, _unlabelled(dataset, config))
        self._settings, self._own = settings, own_parts(config)
        _check_folder(run, settings, self.data, self._own, options.resume, options.overwrite)
        self._goes_on = options.resume and (run / "config.yaml").exists()

    def start(self) -> None:
        """Write what says what is trained, once, and not where it is gone on with."""
        if not self._goes_on:
            _start_folder(self.path, self._settings, self.data, self._own)
        self._goes_on = True


def fit_run(
    dataset: Dataset,
    config: TrainingConfig,
    folder: RunFolder,
    options: Options,
    title: str = "Training",
    begin: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Train on the training split, keep what is best on the validation split, and score it.

    Args:
        dataset, config: as for `RunFolder`.
        folder: RunFolder.
        options: Options.
        title: what the progress bar begins with.
        begin: is called before anything is written, when all is known to be usable.

    Returns:
        The content of metrics.json.
    """
    if options.tensorboard:
        refuse_missing_package()
    parts = prepare(dataset, config)
    said = _describe(dataset, folder.data, config, parts.classes)
    keeper = RunKeeper(folder.path, parts, config, said)
    if begin:
        begin()
    folder.start()
    fit_epochs(parts, keeper, config, options, title)
    return _summarize(folder.path, parts.photos, keeper)


def fit_epochs(parts, keeper, config, options, title="Training"):
    """Train the epochs that are missing.

    Args:
        parts: Parts.
        keeper: RunKeeper of a run folder that was started.
        config: TrainingConfig.
        options: Options.
        title: what the progress bar begins with.
    """
    first_epoch = keeper.restore() if options.resume else 0
    if first_epoch < config.epochs and not keeper.is_over:
        with keeper.show_progress(options.progress, options.tensorboard, title):
            # Batches shuffles by itself; Keras' own shuffling would depend on what ran before.
            parts.model.fit(
                parts.training,
                epochs=config.epochs,
                initial_epoch=first_epoch,
                shuffle=False,
                callbacks=[keeper, *options.callbacks],
                verbose=0,
            )
