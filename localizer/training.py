"""Trains a localizer into a run folder that explains itself, and resumes it where it stopped.

runs/NAME/
    config.yaml       the recipe, every field
    environment.json  versions, commit, machine, command; the dataset with its checksums
    history.csv       a row per epoch
    best.keras        the model with the best validation mean IoU, ready to use
    metrics.json      that model on the validation split, and its cost
    predictions.csv   its boxes there, with their IoU
    curves.png        loss and IoU against the epoch
    tensorboard/      the same for TensorBoard
    resume.npz        what --resume goes on from
    next_best.keras   while an epoch ends: a better model, until resume.npz knows of it
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import yaml

from localizer.atomic_files import replacing, write_text
from localizer.batches import Batches
from localizer.boxes import clip_rel_xyxy, iou_xyxy
from localizer.environment import describe_environment, git_commit
from localizer.errors import InputError
from localizer.folder_lock import sole_writer
from localizer.iou_statistics import summarize
from localizer.losses import build_losses
from localizer.metric_variables import create_variables
from localizer.metrics import ClassAccuracy, MeanIoU
from localizer.models.cost import count_macs
from localizer.models.localizer_model import PUBLIC_OUTPUTS, build_localizer
from localizer.models.model_file import load_model_file
from localizer.optimization import build_optimizer
from localizer.resuming import refuse_changes
from localizer.run_keeper import NEXT_BEST, RunKeeper
from localizer.settling import settle
from localizer.store import BOX_COLUMNS, verify_dataset

# The state to resume from goes first: a run that is killed after that begins at its beginning.
_RESULTS = (
    "resume.npz", "best.keras", NEXT_BEST, "metrics.json", "predictions.csv", "history.csv",
)  # fmt: skip

_LOCK = ".lock"
# All there is in a folder whose run was killed before it had written its config.yaml.
_BEGINNING = {_LOCK, "environment.json", ".environment.partial.json", ".config.partial.yaml"}


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
    _check_folder(run, settings, data, resume, overwrite)
    parts = prepare(dataset, config)
    keeper = RunKeeper(run, parts, config, _describe(dataset, data, config, parts.classes))
    if not (resume and (run / "config.yaml").exists()):
        _start_folder(run, settings, data)
    first_epoch = keeper.restore() if resume else 0
    if first_epoch < config.epochs and not keeper.is_over:
        with keeper.show_progress(progress):
            # Batches shuffles by itself; Keras' own shuffling would depend on what ran before.
            parts.model.fit(
                parts.training, epochs=config.epochs, initial_epoch=first_epoch, shuffle=False,
                callbacks=[keeper], verbose=0,
            )  # fmt: skip
    return _summarize(run, parts.photos, keeper)


def _unlabelled(dataset, config):
    return dataset.unlabelled if config.unlabelled else None


@dataclass(frozen=True)
class Parts:
    """What a recipe trains, and what on.

    Attributes:
        model: the compiled network.
        training: Batches of views.
        validation: Batches of what the network sees of a photo in the first look, or the only one.
        photos: Batches of the same photos as the finished model takes them.
        classes: names of the classes; None without a class output.
    """

    model: keras.Model
    training: Batches
    validation: Batches
    photos: Batches
    classes: list[str] | None


def prepare(dataset, config):
    """What a recipe trains, and what on.

    Args:
        dataset: an opened Dataset.
        config: TrainingConfig.

    Returns:
        Parts.

    Raises:
        InputError: the dataset lacks a split or classes, or the network cannot be built.
    """
    config = settle(config, dataset)
    classes = None if config.class_output == "none" else dataset.classes(config.class_output)
    train_rows, validation_rows = dataset.indices("train"), dataset.indices("validation")
    keras.utils.set_random_seed(config.seed)
    _make_deterministic()
    model = build_localizer(config, len(classes or ()))
    outputs = tuple(model.output)
    training = Batches(
        dataset, train_rows, config, outputs, classes, training=True,
        unlabelled=_unlabelled(dataset, config),
    )  # fmt: skip
    losses, weights = build_losses(config)
    model.compile(
        optimizer=build_optimizer(config, len(training)),
        loss=losses,
        loss_weights=weights,
        metrics={"box": [MeanIoU()], **({"class": [ClassAccuracy()]} if classes else {})},
    )
    validation = Batches(dataset, validation_rows, config, outputs, classes)
    model.optimizer.build(model.trainable_variables)
    create_variables(model, validation)
    public = tuple(name for name in PUBLIC_OUTPUTS if name in model.output)
    photos = Batches(dataset, validation_rows, config, public, classes, whole=True)
    return Parts(model, training, validation, photos, classes)


def _make_deterministic():
    """Make two runs with one seed identical; only TensorFlow needs to be told."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _check_folder(run, settings, data, resume, overwrite):
    path = run / "config.yaml"
    if not path.exists() and {file.name for file in run.iterdir()} - _BEGINNING:
        raise InputError(
            f"{run}: exists and is no run folder (no config.yaml); choose another --run"
        )
    if path.exists() and resume:
        refuse_changes(run, settings, data)
        verify_dataset(settings["data"])
    elif path.exists() and not overwrite:
        raise InputError(
            f"{run}: holds a run already; --resume goes on with it, --overwrite starts it anew, "
            "--run names another folder"
        )


def _start_folder(run, settings, data):
    for name in _RESULTS:
        if (run / name).is_dir():
            shutil.rmtree(run / name)
        (run / name).unlink(missing_ok=True)
    shutil.rmtree(run / "tensorboard", ignore_errors=True)
    environment = {**describe_environment(), "dataset": data}
    write_text(run / "environment.json", json.dumps(environment, indent=2))
    write_text(run / "config.yaml", yaml.safe_dump(settings, sort_keys=False))


def _describe_data(dataset, unlabelled):
    """What a run and its model say of the photos: dataset.json, and that of unlabelled/.

    Without `root`: where the photos lie is of no use on another machine.
    """
    labelled, added = (
        None if part is None else {k: v for k, v in part.description.items() if k != "root"}
        for part in (dataset, unlabelled)
    )
    return labelled | {"unlabelled": added}


def _describe(dataset, data, config, classes):
    """What goes into the model file beside the graph."""
    return {
        "target": dataset.target,
        "image_size": config.image_size,
        "stored_size": dataset.image_size,
        "box_format": "rel_xyxy",
        "input": "RGB 0 to 255",
        "class_column": config.class_output if classes else None,
        "classes": classes,
        "dataset": data,
        "commit": git_commit(),
        "config": config.to_dict(),
    }


def _summarize(run, validation, keeper):
    """Score the kept model on the validation split; write metrics.json and predictions.csv."""
    model, said = load_model_file(run / "best.keras")
    metrics = {
        "split": "validation",
        **_score(model, said, validation, run / "predictions.csv"),
        "best_epoch": keeper.best_epoch,
        "epochs": len(keeper.history),
        "training_seconds": round(sum(row["seconds"] for row in keeper.history), 1),
        "parameters": model.count_params(),
        "macs": count_macs(model),
        "file_bytes": (run / "best.keras").stat().st_size,
    }
    write_text(run / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


def score_split(run, dataset, config, split):
    """Score a finished run's kept model on another split, from the stored images.

    Writes SPLIT_predictions.csv and SPLIT_metrics.json, which are like predictions.csv and
    metrics.json, but of that split.

    Args:
        run: the run folder.
        dataset: the opened Dataset it was trained on.
        config: its TrainingConfig.
        split: one of `splitting.SPLITS`.

    Returns:
        The content of SPLIT_metrics.json.

    Raises:
        InputError: the split is empty, or the run has no model.
    """
    run = Path(run)
    model, said = load_model_file(run / "best.keras")
    batches = Batches(dataset, dataset.indices(split), config, whole=True)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    metrics |= {"split": split, **_score(model, said, batches, run / f"{split}_predictions.csv")}
    write_text(run / f"{split}_metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


def _score(model, said, batches, path):
    """Summary of the IoU of a model's boxes, which are written to the CSV file `path`.

    And the share of the photos with a class whose class it names; None without a class output.
    """
    answers = model.predict(batches, verbose=0)
    boxes, samples = clip_rel_xyxy(answers["box"]), batches.samples
    iou = iou_xyxy(samples[BOX_COLUMNS].to_numpy(), boxes)
    table = pd.DataFrame(boxes, columns=BOX_COLUMNS)
    table.insert(0, "image", samples["image"].to_numpy())
    with replacing(path) as partial:
        table.assign(iou=iou).to_csv(partial, index=False, float_format="%.6g")
    accuracy = None
    if said["classes"]:
        truth = samples[said["class_column"]].to_numpy()
        named = np.array(said["classes"])[answers["class"].argmax(axis=1)]
        accuracy = float((named == truth)[truth != ""].mean())
    return {**summarize(iou), "class_accuracy": accuracy}
