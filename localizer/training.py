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
"""

import json
import shutil
from pathlib import Path

import keras
import pandas as pd
import yaml

from localizer.atomic_files import replacing, write_text
from localizer.batches import Batches
from localizer.boxes import clip_rel_xyxy, iou_xyxy
from localizer.environment import describe_environment, git_commit
from localizer.errors import InputError
from localizer.iou_statistics import summarize
from localizer.losses import build_losses
from localizer.metrics import MeanIoU
from localizer.models.cost import count_macs
from localizer.models.localizer_model import build_localizer
from localizer.models.model_file import load_model_file
from localizer.optimization import build_optimizer
from localizer.run_keeper import RunKeeper
from localizer.store import BOX_COLUMNS

_RESULTS = ("best.keras", "resume.npz", "metrics.json", "predictions.csv", "history.csv")


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
        InputError: unusable settings or dataset, `run` is taken, or the loss is no longer finite.
    """
    run = Path(run)
    classes = None if config.class_output == "none" else dataset.classes(config.class_output)
    train_rows, validation_rows = dataset.indices("train"), dataset.indices("validation")
    unlabelled = dataset.unlabelled if config.unlabelled else None
    settings = {**config.to_dict(), "data": str(dataset.path)}
    data = _describe_data(dataset, unlabelled)
    _check_folder(run, settings, data, resume, overwrite)
    keras.utils.set_random_seed(config.seed)
    make_deterministic()
    model = build_localizer(config, len(classes or ()))
    outputs = tuple(model.output)
    training = Batches(
        dataset, train_rows, config, outputs, classes, training=True, unlabelled=unlabelled
    )
    validation = Batches(dataset, validation_rows, config, outputs, classes)
    losses, weights = build_losses(config)
    model.compile(
        optimizer=build_optimizer(config, len(training)),
        loss=losses,
        loss_weights=weights,
        metrics={"box": [MeanIoU()], **({"class": ["accuracy"]} if classes else {})},
    )
    keeper = RunKeeper(
        run, model, training, validation, config, _describe(dataset, data, config, classes)
    )
    if not (resume and (run / "config.yaml").exists()):
        _start_folder(run, settings, data)
    first_epoch = keeper.restore() if resume else 0
    if first_epoch < config.epochs and not keeper.is_over:
        with keeper.show_progress(progress):
            # Batches shuffles by itself; Keras' own shuffling would depend on what ran before.
            model.fit(
                training, epochs=config.epochs, initial_epoch=first_epoch, shuffle=False,
                callbacks=[keeper], verbose=0,
            )  # fmt: skip
    return _summarize(run, validation, keeper)


def make_deterministic():
    """Make two runs with one seed identical; only TensorFlow needs to be told."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _check_folder(run, settings, data, resume, overwrite):
    path = run / "config.yaml"
    if not path.exists() and run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise InputError(
            f"{run}: exists and is no run folder (no config.yaml); choose another --run"
        )
    if path.exists() and resume:
        _refuse_changes(path, settings, run, data)
    elif path.exists() and not overwrite:
        raise InputError(
            f"{run}: holds a run already; --resume goes on with it, --overwrite starts it anew, "
            "--run names another folder"
        )


def _start_folder(run, settings, data):
    run.mkdir(parents=True, exist_ok=True)
    for name in _RESULTS:
        (run / name).unlink(missing_ok=True)
    shutil.rmtree(run / "tensorboard", ignore_errors=True)
    environment = {**describe_environment(), "dataset": data}
    write_text(run / "environment.json", json.dumps(environment, indent=2))
    write_text(run / "config.yaml", yaml.safe_dump(settings, sort_keys=False))


def _refuse_changes(path, settings, run, data):
    try:
        before = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
        environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
        before_data = environment["dataset"]
        checksums = before_data["sha256"], (before_data.get("unlabelled") or {}).get("sha256")
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise InputError(
            f"{run}: config.yaml or environment.json is damaged ({error}); start anew with "
            "--overwrite"
        ) from None
    changed = [
        f"{name}: {before.get(name)!r} is now {settings.get(name)!r}"
        for name in sorted(before.keys() | settings.keys())
        if before.get(name) != settings.get(name) and name not in ("data", "workers")
    ]
    if checksums != (data["sha256"], (data["unlabelled"] or {}).get("sha256")):
        changed.append(
            f"dataset: {settings['data']} has other images or boxes than the run began with"
        )
    if changed:
        raise InputError(
            f"{run}: cannot be resumed with other settings:\n  " + "\n  ".join(changed)
        )


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
    model, _ = load_model_file(run / "best.keras")
    boxes = clip_rel_xyxy(model.predict(validation, verbose=0)["box"])
    samples = validation.samples
    iou = iou_xyxy(samples[BOX_COLUMNS].to_numpy(), boxes)
    table = pd.DataFrame(boxes, columns=BOX_COLUMNS)
    table.insert(0, "image", samples["image"].to_numpy())
    with replacing(run / "predictions.csv") as path:
        table.assign(iou=iou).to_csv(path, index=False, float_format="%.6g")
    metrics = {
        "split": "validation",
        **summarize(iou),
        "best_epoch": keeper.best_epoch,
        "epochs": len(keeper.history),
        "training_seconds": round(sum(row["seconds"] for row in keeper.history), 1),
        "parameters": model.count_params(),
        "macs": count_macs(model),
        "file_bytes": (run / "best.keras").stat().st_size,
    }
    write_text(run / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics
