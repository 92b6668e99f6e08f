"""Trains a localizer into a run folder that explains itself, and resumes it where it stopped.

runs/NAME/
    config.yaml       the recipe, every field
    environment.json  versions, commit, machine, command; the dataset and own parts with checksums
    history.csv       a row per epoch
    best.keras        the model with the best validation mean IoU, ready to use
    metrics.json      that model on the validation split, and its cost
    predictions.csv   its boxes there, with their IoU
    curves.png        loss and IoU against the epoch
    tensorboard/      history.csv for TensorBoard, where that was asked for
    resume.npz        what --resume goes on from
    next_best.keras   while an epoch ends: a better model, until resume.npz knows of it
    fold-0/ ...       with folds: see cross_validation.py
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras

from localizer.dataset.dataset import Dataset, as_dataset
from localizer.errors import InputError
from localizer.files.folder_lock import sole_writer
from localizer.recipe.config import TrainingConfig
from localizer.recipe.reading import as_config
from localizer.recipe.resolve import settle
from localizer.recipe.values import Folds, checked_field
from localizer.training.cross_validation import train_folds
from localizer.training.fitting import Options, RunFolder, fit_run
from localizer.training.run import Run
from localizer.training.run_folder import _LOCK


def train(
    dataset: Dataset | str | os.PathLike,
    recipe: TrainingConfig | Mapping[str, Any] | str | os.PathLike | None,
    run: str | os.PathLike,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    resume: bool = False,
    overwrite: bool = False,
    tensorboard: bool = False,
    progress: bool = True,
    folds: int | None = None,
) -> Run:
    """Train on the training split, keep the model that is best on the validation split.

    With folds, validate on each photo of the two in turn instead, and keep a model that is trained
    on all of them: see `localizer.training.cross_validation`.

    Args:
        dataset: a Dataset, or the path of its folder.
        recipe: the settings: a TrainingConfig; a dict of some of its fields, the others have their
            defaults; the path of a recipe; the name of a shipped one, such as "demo"; or None for
            the defaults.
        run: the run folder.
        callbacks: Keras callbacks, called after what training itself does, in each of the trainings
            where there are folds. The logs of `on_epoch_end` are the epoch's row of history.csv:
            `epoch` (from 1 on), `loss`, `iou`, `val_loss`, `val_iou`, `learning_rate`, `seconds`
            and what else the recipe measures; no `val_` in the final training of folds.
            One that sets `self.model.stop_training` ends the training after the epoch.
        resume: go on with a run of the same settings; without one there, start.
        overwrite: start anew where a run is already.
        tensorboard: write the history for TensorBoard, too; a run that did goes on to.
        progress: show a progress bar.
        folds: number of folds, 2 to 100; None = the dataset's own validation split is held out.

    Returns:
        The Run: its folder and the content of metrics.json.

    Raises:
        InputError: unusable settings, dataset or callbacks, `run` is taken, damaged or of other
            settings, another process trains into it, it cannot be written to, tensorboardX is
            asked for and not installed, or the loss is no longer finite.

    >>> recipe = {"epochs": 1, "weights": "none", "looks": 1, "head": "recipe", "image_size": 96}
    >>> train("data/scenes", recipe, "runs/one", progress=False)  # doctest: +ELLIPSIS
    Run('runs/one', validation mean IoU 0... on 6 photos, best epoch 1 of 1)
    """
    dataset, config, run = as_dataset(dataset), as_config(recipe), Path(run)
    options = Options(_checked_callbacks(callbacks), resume, overwrite, tensorboard, progress)
    folds = None if folds is None else checked_field("folds", folds, Folds)
    if resume and overwrite:
        raise InputError("resume goes on with a run, overwrite removes it; choose one of the two")
    if run.exists() and not run.is_dir():
        raise InputError(f"{run}: is a file, not a run folder; choose another --run")
    with sole_writer(run / _LOCK, run):
        if folds:
            return Run(run, train_folds(dataset, config, run, folds, options))
        settings = {**config.to_dict(), "data": str(dataset.path)}
        config = settle(config, dataset)
        folder = RunFolder(run, dataset, config, settings, options)
        return Run(run, fit_run(dataset, config, folder, options))


def _checked_callbacks(callbacks):
    wanted = "a list of objects of keras.callbacks.Callback is needed"
    if not isinstance(callbacks, Iterable):
        raise InputError(f"callbacks: {callbacks!r} is not possible: {wanted}")
    callbacks = list(callbacks)
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(f"callbacks: {callback!r} is not possible: {wanted}")
    return callbacks
