"""Trains a localizer into a run folder that explains itself, and resumes it where it stopped.

runs/NAME/
    config.yaml       the recipe, every field
    environment.json  versions, commit, machine, command; the dataset and own parts with checksums
    history.csv       a row per epoch
    best.keras        the model with the best validation mean IoU, ready to use
    metrics.json      that model on the validation split, and its cost
    predictions.csv   its boxes there, with their IoU
    curves.png        loss and IoU against the epoch
    tensorboard/      the same for TensorBoard
    resume.npz        what --resume goes on from
    next_best.keras   while an epoch ends: a better model, until resume.npz knows of it
"""

from pathlib import Path

from localizer.errors import InputError
from localizer.files.folder_lock import sole_writer
from localizer.recipe.own_parts import own_parts
from localizer.recipe.resolve import settle
from localizer.training.parts import _unlabelled, prepare
from localizer.training.run_folder import (
    _LOCK,
    _check_folder,
    _describe,
    _describe_data,
    _start_folder,
)
from localizer.training.run_keeper import RunKeeper
from localizer.training.scoring import _summarize


def train(dataset, config, run, resume=False, overwrite=False, progress=True):
    """Train on the training split, keep the model that is best on the validation split.

    Args:
        dataset: an opened Dataset.
        config: TrainingConfig.
        run: the run folder.
        resume: go on with a run of the same settings; without one there, start.
        overwrite: start anew where a run is already.
        progress: show a progress bar.

    Returns:
        The content of metrics.json.

    Raises:
        InputError: unusable settings or dataset, `run` is taken, damaged or of other settings,
            another process trains into it, it cannot be written to, or the loss is no longer
            finite.
    """
    run = Path(run)
    if run.exists() and not run.is_dir():
        raise InputError(f"{run}: is a file, not a run folder; choose another --run")
    with sole_writer(run / _LOCK, run):
        return _train(dataset, config, run, resume, overwrite, progress)


def _train(dataset, config, run, resume, overwrite, progress):
    settings = {**config.to_dict(), "data": str(dataset.path)}
    config = settle(config, dataset)
    data = _describe_data(dataset, _unlabelled(dataset, config))
    own = own_parts(config)
    _check_folder(run, settings, data, own, resume, overwrite)
    parts = prepare(dataset, config)
    keeper = RunKeeper(run, parts, config, _describe(dataset, data, config, parts.classes))
    if not (resume and (run / "config.yaml").exists()):
        _start_folder(run, settings, data, own)
    first_epoch = keeper.restore() if resume else 0
    if first_epoch < config.epochs and not keeper.is_over:
        with keeper.show_progress(progress):
            # Batches shuffles by itself; Keras' own shuffling would depend on what ran before.
            parts.model.fit(
                parts.training,
                epochs=config.epochs,
                initial_epoch=first_epoch,
                shuffle=False,
                callbacks=[keeper],
                verbose=0,
            )
    return _summarize(run, parts.photos, keeper)
