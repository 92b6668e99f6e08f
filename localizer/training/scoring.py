"""A run's kept model, scored on a split."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from localizer.dataset.dataset import BOX_COLUMNS
from localizer.evaluation.iou_statistics import summarize
from localizer.files.atomic_files import replacing, write_text
from localizer.images.boxes import clip_rel_xyxy, iou_xyxy
from localizer.models.cost import count_macs
from localizer.models.model_file import load_model_file
from localizer.sources.annotated_image import FORMER_NAMES
from localizer.training.views.batches import Batches


def _summarize(run, validation, keeper):
    """Score the kept model on the validation split; write metrics.json and predictions.csv."""
    model, description = load_model_file(run / "best.keras")
    metrics = {
        "split": "validation",
        **_score(model, description, validation, run / "predictions.csv"),
        **_cost(run, model, keeper),
    }
    write_text(run / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


def cost_of(run, keeper):
    """The figures of metrics.json that say what a run's kept model costs.

    Args:
        run: the run folder.
        keeper: its RunKeeper, at the end.
    """
    return _cost(run, load_model_file(run / "best.keras")[0], keeper)


def _cost(run, model, keeper):
    return {
        "best_epoch": keeper.best_epoch,
        "epochs": len(keeper.history),
        "training_seconds": round(sum(row["seconds"] for row in keeper.history), 1),
        "parameters": model.count_params(),
        "macs": count_macs(model),
        "file_bytes": (run / "best.keras").stat().st_size,
    }


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
    model, description = load_model_file(run / "best.keras")
    batches = Batches(dataset, dataset.indices(split), config, whole=True)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    metrics |= {
        "split": split,
        **_score(model, description, batches, run / f"{split}_predictions.csv"),
    }
    write_text(run / f"{split}_metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


def _score(model, description, batches, path):
    """Summary of the IoU of a model's boxes, which are written to the CSV file `path`.

    And the share of the photos with a class whose class it names; None without a class output.
    """
    answers = model.predict(batches, verbose=0)
    boxes, samples = clip_rel_xyxy(answers["box"]), batches.samples
    iou = iou_xyxy(samples[BOX_COLUMNS].to_numpy(), boxes)
    table = pd.DataFrame(boxes, columns=BOX_COLUMNS)
    table.insert(0, "image", samples["image"].to_numpy())
    table["score"], table["label"] = answers.get("score", np.nan), ""
    accuracy = None
    if description["classes"]:
        column = description["class_column"]
        truth = samples[FORMER_NAMES.get(column, column)].to_numpy()
        named = np.array(description["classes"])[answers["class"].argmax(axis=1)]
        table["label"] = named
        accuracy = float((named == truth)[truth != ""].mean())
    with replacing(path) as partial:
        table.assign(iou=iou).to_csv(partial, index=False, float_format="%.6g")
    return {**summarize(iou), "class_accuracy": accuracy}
