"""What the finished runs of a plan found."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from localizer.ablation.runs import list_runs
from localizer.errors import InputError
from localizer.store import BOX_COLUMNS, open_dataset


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
    runs = list_runs(plan, open_dataset(plan.data), out)
    return [_read(run) for run in runs if run.is_done]


def _read(run):
    metrics, predictions = run.results
    try:
        # Names stay text where they look like numbers or like nothing.
        table = pd.read_csv(predictions, dtype={"image": str}, keep_default_na=False)
        table = table.set_index("image")
        return RunResult(
            row=run.row,
            seed=run.seed,
            run=run.folder,
            metrics=json.loads(metrics.read_text(encoding="utf-8")),
            iou=table["iou"],
            boxes=table[BOX_COLUMNS],
            history=pd.read_csv(run.folder / "history.csv"),
            environment=json.loads((run.folder / "environment.json").read_text(encoding="utf-8")),
            command=run.command,
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{run.folder}: damaged ({error}); delete the folder and start again, and the run is "
            "done anew"
        ) from None
