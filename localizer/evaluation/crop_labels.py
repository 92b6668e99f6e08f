"""What a classifier says of the crops that localizers make: a box is judged by its use."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from localizer.dataset.dataset import BOX_COLUMNS
from localizer.images.resizing import crop
from localizer.predictors.constant import WHOLE_REL_XYXY
from localizer.predictors.pretrained.hub_models import find_hub_model, hub_model
from localizer.predictors.pretrained.labeler import RECOMMENDED_SCORE, Labeler

TOP_LABELS = 5


@dataclass(frozen=True)
class CropLabels:
    """What `label_crops` found.

    Attributes:
        summary: ready for JSON; see `label_crops`.
        table: one row per photo and box maker: image, box_maker, label (the top one; "" where
            there was no box), score (of it), cat_score. NaN where there was no box.
    """

    summary: dict
    table: pd.DataFrame


def label_crops(images, supercategories, photos, boxes_rel_xyxy, labeler, margin=0.0):
    """Classify the crop of every box, one photo in memory at a time.

    Args:
        images: n names.
        supercategories: n times "cat", "dog", or another word.
        photos: iterable of n photos, uint8 RGB [height, width, 3].
        boxes_rel_xyxy: {box maker: [n, 4]}, a row of NaN for no box. One of them is "truth".
        labeler: `Labeler`.
        margin: widens each box on every side by this share of its width or height.

    Returns:
        CropLabels. Its summary has margin, n_cats, n_dogs, and for each box maker: cats_rank_1,
        the share of cats whose top label is "Cat"; cats_score, the share whose score for "Cat" is
        at least 0.35; dogs_top_labels, the most frequent ones with their counts, because the
        labeler has no label "Dog"; same_as_truth, the share of photos with the same top label as
        on the true box; no_box, the number of photos without one, which count as wrong. A share of
        nothing is None.
    """
    makers, rows = list(boxes_rel_xyxy), []
    cat = labeler.labels.index("Cat")
    for i, photo in enumerate(photos):
        boxes = np.stack([boxes_rel_xyxy[maker][i] for maker in makers])
        has_box = np.isfinite(boxes).all(axis=1)
        scores = labeler.classify([crop(photo, box, margin) for box in boxes[has_box]])
        found = dict(zip(np.flatnonzero(has_box), scores))
        for j, maker in enumerate(makers):
            row = images[i], supercategories[i], maker
            if j in found:
                top = int(found[j].argmax())
                rows.append((*row, labeler.labels[top], found[j][top], found[j][cat]))
            else:
                rows.append((*row, "", np.nan, np.nan))
    columns = ["image", "supercategory", "box_maker", "label", "score", "cat_score"]
    table = pd.DataFrame(rows, columns=columns).astype({"score": float, "cat_score": float})
    kinds = pd.Series(supercategories)
    summary = {
        "margin": float(margin),
        "n_cats": int((kinds == "cat").sum()),
        "n_dogs": int((kinds == "dog").sum()),
        "box_makers": [_summarize(table, maker) for maker in makers],
    }
    return CropLabels(summary, table.drop(columns="supercategory"))


def _summarize(table, maker):
    truth = table.loc[table["box_maker"] == "truth", "label"].to_numpy()
    answers = table[table["box_maker"] == maker]
    cats = answers[answers["supercategory"] == "cat"]
    dogs = answers.loc[(answers["supercategory"] == "dog") & (answers["label"] != ""), "label"]
    # Ties by name, so that the list does not depend on the order of the photos.
    counts = sorted(dogs.value_counts().items(), key=lambda item: (-item[1], item[0]))
    return {
        "name": maker,
        "cats_rank_1": _share(cats["label"] == "Cat"),
        "cats_score": _share(cats["cat_score"] >= RECOMMENDED_SCORE),
        "dogs_top_labels": [
            {"label": label, "count": int(count)} for label, count in counts[:TOP_LABELS]
        ],
        "same_as_truth": _share((answers["label"].to_numpy() == truth) & (answers["label"] != "")),
        "no_box": int((answers["label"] == "").sum()),
    }


def _share(hits):
    return float(np.mean(hits)) if len(hits) else None


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
        samples["supercategory"].str.casefold().tolist(),
        (dataset.read_photo(row) for row in rows),
        boxes_rel_xyxy,
        labeler,
        margin,
    )
    metrics = {**evaluation.metrics, "labeler": {"name": name, **labels.summary}}
    return replace(evaluation, metrics=metrics)
