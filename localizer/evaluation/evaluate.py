"""Score predictors on one split of a dataset: the same photos for all, each file read once."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from tqdm import tqdm

from localizer.dataset.dataset import BOX_COLUMNS, Dataset, as_dataset
from localizer.dataset.identity import identity
from localizer.dataset.splits.near_duplicate_notes import divided_note
from localizer.errors import InputError
from localizer.evaluation import iou_statistics
from localizer.evaluation.coco_metrics import average_precision
from localizer.evaluation.evaluation import Evaluation
from localizer.evaluation.label_accuracy import label_accuracies, normalized
from localizer.evaluation.latency import latencies_ms, summarize_latency
from localizer.evaluation.leaks import describe_leak
from localizer.evaluation.presence import describe_presence
from localizer.files.checksums import checksum
from localizer.images import boxes
from localizer.images.reading_ahead import in_batches, read_ahead
from localizer.inference.localizer import Localizer
from localizer.predictors.loading import load_predictor
from localizer.predictors.predictor import Predictions, Predictor, only_possible

# What one model may be given as.
Model = str | os.PathLike | Localizer | Predictor


def evaluate(
    dataset: Dataset | str | os.PathLike,
    models: "Model | Sequence[Model]",
    split: str = "validation",
    progress: bool = True,
) -> Evaluation:
    """Let every model localize the object in every photo of a split, and score the boxes.

    The photos of the split without an object are answered, too: they count in `presence` alone, and
    their rows of the predictions have no IoU. A photo without an answer has IoU 0 and is counted as
    `no_box`. A photo that cannot be read is left out for all models alike and listed in
    `unreadable`. Photos of a predictor's `seen_categories` are left out of its own figures
    (`left_out`; its `n` is smaller), and two models are compared on the photos that both were
    scored on (`pairs`). The first model is the one that the others are compared with.

    Args:
        dataset: a `Dataset` with true labels, or the path of its folder.
        models: one or more: names and paths as on the command line, runs that `train` returned,
            Localizers, and Predictors, each with its own name.
        split: "train", "validation" or "test".
        progress: show a progress bar on stderr.

    Raises:
        InputError: no such model, labels by a teacher, empty split, no readable photo, two models
            of one name, or a predictor that has seen every category.

    >>> evaluate("data/scenes", ["baseline:mean", "baseline:center"], progress=False)
    Evaluation(validation of scenes, 6 photos; mean IoU: baseline:mean 0.376, baseline:center 0.275)
    """
    dataset = as_dataset(dataset)
    predictors = [_predictor(model, dataset) for model in _listed(models)]
    names = [predictor.name for predictor in predictors]
    _refuse_unfair(dataset, names)
    split_rows = dataset.indices(split)
    unreadable: list[dict[str, str]] = []
    every = np.concatenate([split_rows, dataset.empty_indices(split)])
    found_rows, all_answers = _predict(dataset, every, predictors, unreadable, progress)
    has_object = dataset.has_object[found_rows]
    rows, empty_rows = found_rows[has_object], found_rows[~has_object]
    answers = [answer.of(has_object) for answer in all_answers]
    empty_answers = [answer.of(~has_object) for answer in all_answers]
    if not len(rows):
        raise InputError(
            f"{dataset.path}: none of the {len(split_rows)} photos of the {split} split can be "
            f"read; the first: {unreadable[0]['reason']}. If the photos have moved, change `root` "
            f"in {dataset.path / 'dataset.json'}"
        )
    samples = dataset.samples.iloc[rows].reset_index(drop=True)
    true_rel_xyxy = dataset.boxes_rel_xyxy[rows]
    ious = [boxes.iou_xyxy(true_rel_xyxy, answer.boxes_rel_xyxy) for answer in answers]
    kept = [_unseen(predictor, samples["category"]) for predictor in predictors]
    sizes = iou_statistics.size_thirds(boxes.area_xyxy(true_rel_xyxy))
    pairs = iou_statistics.paired_differences(names, ious, kept)
    versus_first = {
        pair["model"]: {**pair, "model": names[0]} for pair in pairs if pair["other"] == names[0]
    }
    latencies = latencies_ms(dataset, rows, predictors)
    entries = [
        {
            **_entry(dataset, samples, true_rel_xyxy, sizes, predictor, *found),
            **describe_presence(predictor, answer.of(mask), iou[mask], empty, split),
            "versus_first": versus_first.get(predictor.name),
        }
        for predictor, empty, *found in zip(
            predictors, empty_answers, answers, ious, kept, latencies
        )
        for answer, iou, mask, _ in [found]
    ]
    metrics = {
        "dataset": dataset.name,
        "split": split,
        "target": dataset.target,
        "n": len(rows),
        "n_empty": len(empty_rows),
        "unreadable": unreadable,
        "warnings": _warnings(dataset, split, predictors),
        "models": entries,
        "pairs": pairs,
    }
    images = dataset.samples["image"]
    tables = []
    for name, answer, iou, mask, empty in zip(names, answers, ious, kept, empty_answers):
        tables.append(_table(name, answer, iou, images.iloc[rows], True, 0)[mask])
        if len(empty_rows):
            no_iou = np.full(len(empty_rows), np.nan)
            tables.append(_table(name, empty, no_iou, images.iloc[empty_rows], False, len(rows)))
    return Evaluation(_json_ready(metrics), pd.concat(tables), rows, empty_rows)


def _listed(models):
    several = isinstance(models, Iterable) and not isinstance(models, Model)
    models = list(models) if several else [models]
    if not models:
        raise InputError("models: none is given; name one, such as a run folder")
    return models


def _predictor(model, dataset):
    if isinstance(model, Localizer):
        return model.predictor
    if isinstance(model, (str, os.PathLike)):
        return load_predictor(os.fspath(model), dataset)
    if isinstance(model, Predictor):
        return model
    raise InputError(
        f"models: {model!r} is not possible: a name or path as on the command line, a Localizer or "
        "a Predictor is needed"
    )


def _entry(dataset, samples, true_rel_xyxy, sizes, predictor, answer, iou, mask, times):
    """A model's entry of metrics.json; `mask` says which photos it is scored on."""
    part, samples = answer.of(mask), samples[mask].reset_index(drop=True)
    accuracies = label_accuracies(dataset.samples, samples, part.labels)
    if not mask.all():
        # The categories that it could name are the ones left out.
        accuracies["category_accuracy"] = None
    return {
        "name": predictor.name,
        **_scores(true_rel_xyxy[mask], part, iou[mask]),
        "left_out": int((~mask).sum()),
        **vars(predictor.cost),
        **summarize_latency(times),
        "runtime": predictor.runtime,
        "sha256": checksum(predictor.path),
        "notes": list(predictor.notes),
        "seen_categories": sorted(predictor.seen_categories),
        **accuracies,
        **_breakdowns(samples, sizes[mask], iou[mask]),
    }


def _refuse_unfair(dataset, names):
    if not dataset.has_true_labels:
        raise InputError(
            f"{dataset.path}: its boxes are a teacher's, and teacher labels are no truth; score "
            "on a dataset that people annotated"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{twice[0]}: given twice as a model; rename one of them or leave it out")


def _unseen(predictor, categories):
    """Photos of categories that the predictor was not trained on, bool [n]."""
    seen = {normalized(category) for category in predictor.seen_categories}
    unseen = ~categories.map(normalized).isin(seen).to_numpy()
    if not unseen.any():
        raise InputError(
            f"{predictor.name}: was trained on all categories of this split; leave it out"
        )
    return unseen


def _warnings(dataset, split, predictors):
    """Reasons why figures do not mean what they seem to, each with the models it is true of."""
    now = dataset.description
    reasons: dict[str, list[str]] = {}
    leaks = {}
    for predictor in predictors:
        before = predictor.trained_on
        if before is None:
            continue
        if {before["target"], now["target"]} == {"head", "body"}:
            reason = (
                f"trained on {before['target']} boxes and scored on {now['target']} boxes: that is "
                "another task"
            )
            reasons.setdefault(reason, []).append(predictor.name)
        # Comparing photos takes seconds: once for all models of one training dataset.
        folds = str(before.get("folds"))
        key = before["source"], folds, *sorted(identity(before["sha256"]).items())
        if key not in leaks:
            leaks[key] = describe_leak(dataset, split, before)
        if leaks[key]:
            reasons.setdefault(leaks[key], []).append(predictor.name)
    divided = divided_note(dataset, split)
    about_all = [f"{dataset.name}: {divided}."] if divided else []
    return about_all + [f"{', '.join(names)}: {reason}." for reason, names in reasons.items()]


def _predict(dataset, split_rows, predictors, unreadable, progress):
    """Rows that could be read, int [n], and one `Predictions` over them per predictor."""
    rows: list[int] = []
    parts: list[list[Predictions]] = [[] for _ in predictors]
    readable = _read(dataset, split_rows, unreadable, progress)
    for chunk in in_batches(readable):
        rows.extend(row for row, _ in chunk)
        photos = [photo for _, photo in chunk]
        for part, predictor in zip(parts, predictors):
            answer = predictor.predict(photos)
            found = np.asarray(answer.boxes_rel_xyxy, np.float32)
            if found.shape != (len(photos), 4):
                raise ValueError(
                    f"{predictor.name}: boxes {found.shape} for {len(photos)} photos, not [n, 4]"
                )
            answer = replace(
                answer,
                boxes_rel_xyxy=found,
                scores=np.asarray(answer.scores),
                labels=list(answer.labels),
            )
            part.append(only_possible(answer))
    return np.array(rows, np.intp), [_joined(part) for part in parts] if rows else []


def _read(dataset, split_rows, unreadable, progress):
    """Yield (row, photo); what cannot be read goes to `unreadable`."""
    walk = read_ahead(split_rows, dataset.read_photo)
    bar = tqdm(walk, "photos", len(split_rows), unit="photo", disable=not progress)
    for row, photo in bar:
        if isinstance(photo, InputError):
            image = dataset.samples["image"].iloc[row]
            unreadable.append({"image": image, "reason": str(photo)})
        else:
            yield int(row), photo


def _joined(parts):
    """The parts as one, boxes clipped to the image, and NaN throughout a box that is no answer."""
    found = np.concatenate([part.boxes_rel_xyxy for part in parts])
    no_answer = ~np.isfinite(found).all(axis=1)
    return Predictions(
        boxes_rel_xyxy=np.where(no_answer[:, None], np.float32("nan"), boxes.clip_rel_xyxy(found)),
        scores=np.concatenate([part.scores for part in parts]),
        labels=[label for part in parts for label in part.labels],
        probabilities=(
            None
            if parts[0].probabilities is None
            else np.concatenate([part.probabilities for part in parts])
        ),
        classes=parts[0].classes,
    )


def _scores(true_rel_xyxy, answer, iou):
    thresholds, rates = iou_statistics.success_curve(iou)
    return {
        **iou_statistics.summarize(iou),
        "micro_iou": iou_statistics.micro_iou(true_rel_xyxy, answer.boxes_rel_xyxy),
        **average_precision(true_rel_xyxy, answer.boxes_rel_xyxy, answer.scores),
        "selective_mean_iou": iou_statistics.selective_mean_iou(iou, answer.scores),
        "has_scores": bool(np.isfinite(answer.scores).any()),
        "no_box": int(np.isnan(answer.boxes_rel_xyxy).any(axis=1).sum()),
        "success_curve": {"thresholds": thresholds.round(2).tolist(), "rates": rates.tolist()},
    }


def _breakdowns(samples, sizes, iou):
    by_size = iou_statistics.summarize_groups(iou, sizes)
    return {
        "per_supercategory": iou_statistics.summarize_groups(iou, samples["supercategory"]) or None,
        "per_category": iou_statistics.summarize_groups(iou, samples["category"]) or None,
        "per_box_size": by_size[::-1],  # Sorted by name: large, medium, small.
    }


def _table(name, answer, iou, images, has_object, first):
    index = range(first, first + len(images))
    table = pd.DataFrame({"model": name, "image": images.to_numpy()}, index=index)
    table[BOX_COLUMNS] = answer.boxes_rel_xyxy
    return table.assign(score=answer.scores, label=answer.labels, iou=iou, has_object=has_object)


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
