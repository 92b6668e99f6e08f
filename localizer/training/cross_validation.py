"""Cross-validation: a training for each fold of the photos, and a final one on all of them.

runs/NAME/
    fold-0/ ...        a run folder for each fold, which validates on the photos held out
    predictions.csv    the box of each photo by the model that has not seen it; model, score, fold
    best.keras         the final model, of as many epochs as the folds' best have in the mean
    metrics.json       what the predictions are worth, over all photos and by fold, and its cost
    and config.yaml, environment.json, history.csv, curves.png, resume.npz as in any run folder
"""

import contextlib
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from localizer.dataset.dataset import Dataset
from localizer.dataset.folds import all_folds, hold_out
from localizer.errors import InputError
from localizer.evaluation.iou_statistics import summarize
from localizer.files.atomic_files import replacing, write_text
from localizer.recipe.config import TrainingConfig
from localizer.recipe.resolve import settle
from localizer.training.fitting import Options, RunFolder, fit_epochs, fit_run
from localizer.training.parts import prepare
from localizer.training.run_folder import _describe
from localizer.training.run_keeper import RunKeeper
from localizer.training.scoring import cost_of

SPLIT = "out of fold"
# Names stay text where they look like numbers ("007").
_TEXTS = {"image": str, "label": str}


def train_folds(
    dataset: Dataset, config: TrainingConfig, run: Path, of: int, options: Options
) -> dict[str, Any]:
    """Train a model for each fold, and a final one on all photos of train and validation.

    Args:
        dataset: the opened Dataset.
        config: TrainingConfig, as it was asked for.
        run: the run folder.
        of: number of folds.
        options: Options.

    Returns:
        The content of metrics.json.

    Raises:
        InputError: see `localizer.training.training.train`; or there are too few photos.
    """
    settings = {**config.to_dict(), "data": str(dataset.path), "folds": of}
    folds, whole = all_folds(dataset, of), hold_out(dataset, None, of)
    # One network for all: what "auto" means may differ between the folds.
    config = settle(config, whole)
    parent = RunFolder(run, whole, config, settings, options)
    with _without_tracing_warnings():
        metrics = _train_each(folds, config, dataset, run, parent, options)
        found = _figures(metrics, run, of)
        keeper = _final(whole, config, parent, found, replace(options, resume=True))
        found |= cost_of(run, keeper)
    seconds = [one["training_seconds"] for one in (*metrics, found)]
    found["training_seconds"] = round(sum(seconds), 1)
    write_text(run / "metrics.json", json.dumps(found, indent=2) + "\n")
    return found


@contextlib.contextmanager
def _without_tracing_warnings():
    """TensorFlow warns of functions traced again and again, which each fold's are."""

    def is_other(record):
        return "retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


def _train_each(folds, config, dataset, run, parent, options):
    """Train what is missing of the folds; gives the metrics.json of each."""
    metrics, of = [], len(folds)
    for fold, view in enumerate(folds):
        path = run / f"fold-{fold}"
        if options.resume and (path / "metrics.json").is_file():
            metrics.append(_finished(path))
            continue
        title = f"Fold {fold + 1} of {of}"
        own = replace(options, resume=options.resume or fold > 0)
        settings = {**config.to_dict(), "data": str(dataset.path), "fold": f"{fold + 1} of {of}"}
        folder = RunFolder(path, view, config, settings, own)
        metrics.append(fit_run(view, config, folder, own, title, begin=parent.start))
        _say(options, f"{title}: {_found(metrics[-1])}; {_time_left(metrics, of, config)}")
    return metrics


def _figures(metrics, run, of):
    """What the folds' answers are worth together, for metrics.json; writes predictions.csv."""
    predictions = _predictions(run, of)
    return {
        "split": SPLIT,
        **summarize(predictions["iou"]),
        "class_accuracy": _class_accuracy(metrics),
        "folds": [
            {"fold": fold, **{name: one[name] for name in ("n", "mean_iou", "ci95", "best_epoch")}}
            for fold, one in enumerate(metrics)
        ],
    }


def _final(whole, config, parent, found, options):
    """Train the final model; gives its RunKeeper."""
    epochs = _epochs(found["folds"])
    config = replace(config, epochs=epochs, early_stopping=0)
    parts = prepare(whole, config, validate=False)
    figure = {name: found[name] for name in ("split", "n", "mean_iou", "ci95")}
    said = _describe(whole, parent.data, config, parts.classes) | {
        "figure": figure | {"folds": len(found["folds"]), "epochs": epochs},
        "threshold": None,
    }
    keeper = RunKeeper(parent.path, parts, config, said)
    fit_epochs(parts, keeper, config, options, "Final model")
    return keeper


def _epochs(folds):
    """The mean of the folds' best epochs, rounded half up."""
    return int(np.mean([one["best_epoch"] for one in folds]) + 0.5)


def _finished(path):
    """The metrics.json of a fold that is done."""
    try:
        found = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
        needed = ("n", "mean_iou", "best_epoch", "training_seconds")
        if not all(isinstance(found[name], (int, float)) for name in needed):
            raise ValueError("not the figures of a run")
        return found | {"ci95": found["ci95"], "class_accuracy": found["class_accuracy"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path / "metrics.json", error) from None


def _predictions(run, of):
    """Write predictions.csv, the folds' boxes one below the other; gives the table."""
    tables = []
    for fold in range(of):
        path = run / f"fold-{fold}" / "predictions.csv"
        try:
            table = pd.read_csv(
                path, keep_default_na=False, na_values={"score": [""]}, dtype=_TEXTS
            )
            table["iou"] = table["iou"].astype(float)
        except (OSError, ValueError, KeyError) as error:
            raise _damaged(path, error) from None
        table.insert(0, "model", run.resolve().name)
        tables.append(table.assign(fold=fold))
    together = pd.concat(tables, ignore_index=True)
    with replacing(run / "predictions.csv") as partial:
        together.to_csv(partial, index=False, float_format="%.6g")
    return together


def _damaged(path, error):
    return InputError(
        f"{path}: damaged ({error}); remove {path.parent}, and --resume trains this fold again"
    )


def _class_accuracy(metrics):
    shares = [one["class_accuracy"] for one in metrics]
    if None in shares:
        return None
    return float(np.average(shares, weights=[one["n"] for one in metrics]))


def _found(metrics):
    return (
        f"mean IoU {metrics['mean_iou']:.3f} on {metrics['n']} photos, best epoch "
        f"{metrics['best_epoch']} of {metrics['epochs']}"
    )


def _time_left(metrics, of, config):
    """How long the other folds and the final model will take, in words."""
    a_fold = np.mean([one["training_seconds"] for one in metrics])
    final = a_fold * _epochs(metrics) / config.epochs * of / (of - 1)
    minutes = ((of - len(metrics)) * a_fold + final) / 60
    return f"about {minutes:.0f} min left" if minutes >= 1 else "less than a minute left"


def _say(options, text):
    if options.progress:
        tqdm.write(text, file=sys.stderr)
