"""Score predictors on one split of a dataset: the same photos for all, each file read once."""

import math
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm import tqdm

from localizer import boxes, iou_statistics
from localizer.coco_metrics import average_precision
from localizer.errors import InputError
from localizer.predictors.constant import ConstantBox
from localizer.predictors.predictor import Predictions

# A chunk of photos is full at either limit, so large photos do not fill the memory (0.2 GB).
CHUNK_PHOTOS = 64
CHUNK_PIXELS = 64_000_000
LATENCY_PHOTOS = 30


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        metrics: the content of metrics.json, ready for JSON: a figure that does not apply is None.
        predictions: one row per model and photo, with columns model, image, xmin, ymin, xmax,
            ymax (`rel_xyxy`, clipped to the image; NaN for no answer), score, label, iou.
        rows: the rows of `dataset.samples` that were scored, int [n]; each model's part of
            `predictions` has the same order.
    """

    metrics: dict
    predictions: pd.DataFrame
    rows: np.ndarray

    def predictions_of(self, model):
        """The rows of `predictions` that belong to the model of that name, index 0 to n - 1."""
        return self.predictions[self.predictions["model"] == model].reset_index(drop=True)


def evaluate(dataset, split, predictors, progress=True):
    """Let every predictor localize the object in every photo of a split, and score the boxes.

    A photo without an answer has IoU 0 and is counted as `no_box`. A photo that cannot be read is
    left out for all models alike and listed in `unreadable`. The first predictor is the one
    that the others are compared with, photo by photo.

    Args:
        dataset: a `Dataset`.
        split: "train", "validation" or "test".
        predictors: one or more, each with its own name.
        progress: show a progress bar on stderr.

    Raises:
        InputError: empty split, no readable photo, or two predictors of one name.
    """
    names = [predictor.name for predictor in predictors]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{twice[0]}: given twice as a model; rename one of them or leave it out")
    split_rows = dataset.indices(split)
    unreadable = []
    rows, answers = _predict(dataset, split_rows, predictors, unreadable, progress)
    if not len(rows):
        raise InputError(
            f"{dataset.path}: none of the {len(split_rows)} photos of the {split} split can be "
            f"read; the first: {unreadable[0]['reason']}. If the photos have moved, change `root` "
            f"in {dataset.path / 'dataset.json'}"
        )
    latencies = _latencies_ms(dataset, rows, predictors)
    samples = dataset.samples.iloc[rows].reset_index(drop=True)
    true_rel_xyxy = dataset.boxes_rel_xyxy[rows]
    ious = [boxes.iou_xyxy(true_rel_xyxy, answer.boxes_rel_xyxy) for answer in answers]
    models = [
        {
            "name": predictor.name,
            **_scores(true_rel_xyxy, answer, iou),
            **vars(predictor.cost),
            "latency_ms": latency_ms,
            **_label_accuracies(dataset.samples, samples, answer.labels),
            **_breakdowns(samples, true_rel_xyxy, iou),
            "versus_first": None,
        }
        for predictor, answer, iou, latency_ms in zip(predictors, answers, ious, latencies)
    ]
    for model, iou in zip(models[1:], ious[1:]):
        difference = iou_statistics.paired_difference(iou, ious[0])
        model["versus_first"] = {"model": names[0], **difference}
    metrics = {
        "dataset": dataset.name,
        "split": split,
        "target": dataset.target,
        "n": len(rows),
        "unreadable": unreadable,
        "warnings": _warnings(dataset, split, predictors),
        "models": models,
    }
    tables = [_table(*columns, samples["image"]) for columns in zip(names, answers, ious)]
    return Evaluation(_json_ready(metrics), pd.concat(tables, ignore_index=True), rows)


def _warnings(dataset, split, predictors):
    """Reasons why a model's figure does not mean what it seems to."""
    warnings = []
    for predictor in predictors:
        before, now = predictor.trained_on, dataset.description
        if before is None:
            continue
        if before["target"] != now["target"]:
            warnings.append(
                f"{predictor.name} was trained on {before['target']} boxes and is scored on "
                f"{now['target']} boxes: that is another task."
            )
        other_split = before["sha256"]["samples.csv"] != now["sha256"]["samples.csv"]
        if other_split and before["source"] == now["source"] and split != "train":
            warnings.append(
                f"{predictor.name} was trained on another dataset or split of the same source: "
                f"photos of this {split} split may have been among its training photos."
            )
    return warnings


def _predict(dataset, split_rows, predictors, unreadable, progress):
    """Rows that could be read, int [n], and one `Predictions` over them per predictor."""
    rows, parts = [], [[] for _ in predictors]
    for chunk_rows, photos in _chunks(dataset, split_rows, unreadable, progress):
        rows.extend(chunk_rows)
        for part, predictor in zip(parts, predictors):
            answer = predictor.predict(photos)
            found = np.asarray(answer.boxes_rel_xyxy, np.float32)
            if found.shape != (len(photos), 4):
                raise ValueError(
                    f"{predictor.name}: boxes {found.shape} for {len(photos)} photos, not [n, 4]"
                )
            part.append(Predictions(found, np.asarray(answer.scores), list(answer.labels)))
    return np.array(rows, int), [_joined(part) for part in parts] if rows else []


def _chunks(dataset, split_rows, unreadable, progress):
    """Yield (rows, photos) until all photos were read; what cannot be read goes to `unreadable`."""
    rows, photos, pixels = [], [], 0
    for row in tqdm(split_rows, desc="photos", unit="photo", disable=not progress):
        try:
            photo = dataset.read_photo(row)
        except InputError as error:
            image = dataset.samples["image"].iloc[row]
            unreadable.append({"image": image, "reason": str(error)})
            continue
        rows.append(int(row))
        photos.append(photo)
        pixels += photo.shape[0] * photo.shape[1]
        if len(photos) >= CHUNK_PHOTOS or pixels >= CHUNK_PIXELS:
            yield rows, photos
            rows, photos, pixels = [], [], 0
    if photos:
        yield rows, photos


def _joined(parts):
    """The parts as one, boxes clipped to the image, and NaN throughout a box that is no answer."""
    found = np.concatenate([part.boxes_rel_xyxy for part in parts])
    no_answer = ~np.isfinite(found).all(axis=1)
    return Predictions(
        boxes_rel_xyxy=np.where(no_answer[:, None], np.float32("nan"), boxes.clip_rel_xyxy(found)),
        scores=np.concatenate([part.scores for part in parts]),
        labels=[label for part in parts for label in part.labels],
    )


def _latencies_ms(dataset, rows, predictors):
    """Median time in ms for one photo, decoded and in memory, one at a time; None for a constant.

    Each photo is given twice and the second answer is timed, so no first-call work counts.
    """
    times = [[] for _ in predictors]
    spread = np.unique(np.linspace(0, len(rows) - 1, LATENCY_PHOTOS).round().astype(int))
    for row in rows[spread]:
        photo = dataset.read_photo(row)
        for predictor, measured in zip(predictors, times):
            if isinstance(predictor, ConstantBox):
                continue
            predictor.predict([photo])
            start = time.perf_counter()
            predictor.predict([photo])
            measured.append(time.perf_counter() - start)
    return [1000 * float(np.median(measured)) if measured else None for measured in times]


def _scores(true_rel_xyxy, answer, iou):
    summary = iou_statistics.summarize(iou)
    del summary["n"]
    thresholds, rates = iou_statistics.success_curve(iou)
    return {
        **summary,
        "micro_iou": iou_statistics.micro_iou(true_rel_xyxy, answer.boxes_rel_xyxy),
        **average_precision(true_rel_xyxy, answer.boxes_rel_xyxy, answer.scores),
        "has_scores": bool(np.isfinite(answer.scores).any()),
        "no_box": int(np.isnan(answer.boxes_rel_xyxy).any(axis=1).sum()),
        "success_curve": {"thresholds": thresholds.round(2).tolist(), "rates": rates.tolist()},
    }


def _label_accuracies(all_samples, samples, labels):
    """Share of photos with the right label, by the vocabulary that the model's labels are from.

    A label of neither vocabulary counts as wrong; a breed also says its species.
    """
    labels = pd.Series(labels, dtype=str).map(_normalized)
    said = set(labels) - {""}
    species = {_normalized(name) for name in all_samples["species"]} - {""}
    species_of = dict(
        zip(all_samples["breed"].map(_normalized), all_samples["species"].map(_normalized))
    )
    breeds = set(species_of) - {""}
    accuracies = {"species_accuracy": None, "breed_accuracy": None}
    if len(said & breeds) > len(said & species):
        accuracies["breed_accuracy"] = _accuracy(samples["breed"].map(_normalized), labels)
        labels = labels.map(lambda label: species_of.get(label, label))
    if said & (breeds | species):
        accuracies["species_accuracy"] = _accuracy(samples["species"].map(_normalized), labels)
    return accuracies


def _accuracy(true, predicted):
    known = true != ""
    return float((true == predicted)[known].mean()) if known.any() else None


def _normalized(name):
    return str(name).strip().replace("_", " ").casefold()


def _breakdowns(samples, true_rel_xyxy, iou):
    area = boxes.area_xyxy(true_rel_xyxy)
    low, high = np.quantile(area, [1 / 3, 2 / 3])
    size_names = np.array(
        [
            f"small: up to {low:.1%} of the photo",
            f"medium: {low:.1%} to {high:.1%}",
            f"large: over {high:.1%}",
        ]
    )
    sizes = size_names[(area > low).astype(int) + (area > high)]
    by_size = iou_statistics.summarize_groups(iou, sizes)
    return {
        "per_species": iou_statistics.summarize_groups(iou, samples["species"]) or None,
        "per_breed": iou_statistics.summarize_groups(iou, samples["breed"]) or None,
        "per_box_size": sorted(by_size, key=lambda g: size_names.tolist().index(g["group"])),
    }


def _table(name, answer, iou, images):
    table = pd.DataFrame({"model": name, "image": images})
    table[["xmin", "ymin", "xmax", "ymax"]] = answer.boxes_rel_xyxy
    return table.assign(score=answer.scores, label=answer.labels, iou=iou)


def _json_ready(value):
    """Plain Python throughout, with None for NaN and infinity, which JSON does not know."""
    if isinstance(value, dict):
        return {str(key): _json_ready(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_ready(part) for part in value]
    if isinstance(value, (np.generic, float)):
        value = value.item() if isinstance(value, np.generic) else value
        return value if not isinstance(value, float) or math.isfinite(value) else None
    return value
