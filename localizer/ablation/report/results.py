"""What the finished runs of a plan found."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from localizer.ablation.running.runs import list_runs
from localizer.dataset.dataset import BOX_COLUMNS, open_dataset
from localizer.errors import InputError
from localizer.images.boxes import iou_xyxy


@dataclass(frozen=True)
class RunResult:
    """What one run found on the plan's split.

    Attributes:
        row: name of its row.
        seed: its seed.
        run: the run folder.
        metrics: its metrics.json, of the plan's split.
        iou: Series, IoU per image, indexed by image name.
        boxes: DataFrame of xmin, ymin, xmax, ymax (`rel_xyxy`), the same index.
        history: DataFrame, a row per epoch.
        environment: its environment.json.
        command: what trains this run alone.
    """

    row: str
    seed: int
    run: Path
    metrics: dict
    iou: pd.Series
    boxes: pd.DataFrame
    history: pd.DataFrame
    environment: dict
    command: str


def collect_results(plan, out):
    """The results of the runs that are done, in the order of the runs.

    Args:
        plan: Plan.
        out: folder of the experiment.

    Returns:
        List of RunResult.

    Raises:
        InputError: a file of a finished run is damaged, or the dataset is gone.
    """
    dataset = open_dataset(plan.data)
    rows = dataset.indices(plan.split)
    truth = pd.DataFrame(
        dataset.boxes_rel_xyxy[rows], dataset.samples["image"].iloc[rows], BOX_COLUMNS
    )
    return [_read(run, truth) for run in list_runs(plan, dataset, out) if run.is_done]


def _read(run, truth):
    metrics, predictions = run.results
    try:
        boxes, iou = _read_predictions(predictions, truth)
        return RunResult(
            row=run.row,
            seed=run.seed,
            run=run.folder,
            metrics=_read_metrics(metrics, iou),
            iou=iou,
            boxes=boxes,
            history=_read_history(run.folder / "history.csv"),
            environment=_read_json(run.folder / "environment.json"),
            command=run.command,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{run.folder}: damaged ({error}); delete the folder and start again, and the run is "
            "done anew"
        ) from None


def _read_predictions(path, truth):
    """Boxes and IoU by image, which must be those of the split."""
    # Names stay text where they look like numbers or like nothing.
    table = pd.read_csv(path, dtype={"image": str}, keep_default_na=False).set_index("image")
    if sorted(table.index) != sorted(truth.index):
        raise ValueError(f"{path.name} does not have the {len(truth)} images of the split")
    table = table.loc[truth.index, [*BOX_COLUMNS, "iou"]].astype(float)
    expected = iou_xyxy(truth.to_numpy(), table[BOX_COLUMNS].to_numpy())
    # The file has six digits.
    if not np.allclose(table["iou"], expected, atol=1e-3):
        raise ValueError(f"{path.name}: its IoU is not that of its boxes")
    return table[BOX_COLUMNS], table["iou"]


def _read_metrics(path, iou):
    metrics = _read_json(path)
    if not np.isclose(metrics["mean_iou"], iou.mean(), atol=1e-3):
        raise ValueError(f"{path.name}: its mean IoU is not that of the predictions")
    for name in ("training_seconds", "best_epoch", "epochs"):
        float(metrics[name])
    return metrics


def _read_history(path):
    history = pd.read_csv(path)
    if not len(history):
        raise ValueError(f"{path.name} has no epoch")
    return history.astype({"epoch": int, "val_iou": float})


def _read_json(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is no object")
    return content
