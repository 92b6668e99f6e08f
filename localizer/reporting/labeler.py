"""What a classifier says of the crops that each model's boxes make, beside the figures of IoU."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from localizer.crop_labels import label_crops
from localizer.predictors.constant import WHOLE_REL_XYXY
from localizer.predictors.hub_models import find_hub_model, hub_model
from localizer.predictors.labeler import Labeler
from localizer.store import BOX_COLUMNS


def open_labeler(name):
    """The `Labeler` of a hub model's name ("hub:NAME") or of a .tflite file.

    Raises:
        InputError: not found, or not a labeler.
    """
    return Labeler(find_hub_model(hub_model(name))[1] if name.startswith("hub:") else Path(name))


def with_crop_labels(evaluation, dataset, labeler, name, margin=0.0):
    """The evaluation with `labeler` in its metrics: the summary of `label_crops`, and a name.

    Boxes are those of the annotation, of each model, and the whole photo; photos are those that
    all models were scored on.

    Args:
        evaluation: an `Evaluation`.
        dataset: the `Dataset` it was made on.
        labeler: a `Labeler`.
        name: shown on the page.
        margin: widens each box on every side by this share of its width or height.

    Raises:
        InputError: a photo has become unreadable since the evaluation.
    """
    names = [model["name"] for model in evaluation.metrics["models"]]
    tables = {name: evaluation.predictions_of(name) for name in names}
    common = sorted(set.intersection(*(set(table.index) for table in tables.values())))
    rows = evaluation.rows[common]
    boxes_rel_xyxy = {
        "truth": dataset.boxes_rel_xyxy[rows],
        **{name: table.loc[common, BOX_COLUMNS].to_numpy() for name, table in tables.items()},
        "whole photo": np.tile(WHOLE_REL_XYXY, (len(rows), 1)),
    }
    samples = dataset.samples.iloc[rows]
    labels = label_crops(
        samples["image"].tolist(),
        samples["species"].str.casefold().tolist(),
        (dataset.read_photo(row) for row in rows),
        boxes_rel_xyxy,
        labeler,
        margin,
    )
    metrics = {**evaluation.metrics, "labeler": {"name": name, **labels.summary}}
    return replace(evaluation, metrics=metrics)
