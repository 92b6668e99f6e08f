"""What a person wants to know of a dataset that was just made."""

import numpy as np
import pandas as pd

from localizer.dataset.skip_reasons import count_reasons
from localizer.dataset.splits.near_duplicate_notes import grouping_notes, why_empty
from localizer.dataset.splits.splitting import SPLITS

# Kinds of reasons that are shown.
_SHOWN = 8


def summarize_dataset(dataset):
    """Counts, box statistics, classes and reasons of what was skipped, as text for a screen."""
    counts, samples = dataset.description["counts"], dataset.samples
    empty = int((~dataset.has_object).sum())
    without = f", {empty} without an object" if empty else ""
    lines = [
        f"{counts['used']} of {counts['listed']} images used (target: {dataset.target}): "
        f"{counts['train']} train, {counts['validation']} validation, {counts['test']} test"
        f"{without}"
    ]
    if not dataset.has_true_labels:
        teacher = dataset.description["labels"]["teacher"]
        lines.append(f"The boxes are predictions of {teacher}: for training, not to score on")
    lines += _empty_splits(dataset)
    skipped = pd.read_csv(dataset.path / "skipped.csv", keep_default_na=False)
    if len(skipped):
        lines.append(f"{len(skipped)} skipped (each with its reason in skipped.csv):")
        counted = count_reasons(skipped["reason"])
        lines += [f"  {count:5}  {_shortened(reason)}" for reason, count in counted[:_SHOWN]]
        if rest := counted[_SHOWN:]:
            others = sum(count for _, count in rest)
            lines.append(f"  {others:5}  for {len(rest)} other reasons")
    if counts["clipped_boxes"]:
        lines.append(f"{counts['clipped_boxes']} boxes reached outside their image: clipped")
    lines += _empty_photos(dataset)
    if several := counts.get("several_objects"):
        lines.append(f"{several} photos have several objects: the largest box is taken")
    lines += grouping_notes(dataset)
    lines += ["", *_box_table(dataset), ""]
    for column in ("supercategory", "category"):
        per_class = samples.loc[samples[column] != "", column].value_counts()
        if len(per_class):
            names = "1 name" if len(per_class) == 1 else f"{len(per_class)} names"
            lines.append(f"{column}: {names}, {per_class.min()} to {per_class.max()} images")
    if dataset.unlabelled is not None:
        others = dataset.unlabelled
        lines.append(
            f"{len(others.samples)} more photos for training, labelled by "
            f"{others.description['labels']['teacher']}: {others.path}"
        )
    lines.append(f"Dataset folder: {dataset.path}")
    lines.append(f"Look at {dataset.path / 'contact_sheet.jpg'}: are the boxes right?")
    return "\n".join(lines)


def _empty_photos(dataset):
    """How many photos without an object are in which split."""
    counts = dataset.description["counts"]
    if not counts.get("empty"):
        return
    if dataset.has_object.all():
        yield f"{counts['empty']} photos have no object (their labels are empty): left out"
        return
    splits = ", ".join(f"{counts[f'empty_{split}']} {split}" for split in SPLITS)
    yield f"Photos without an object: {splits}; evaluation uses them, training does not yet"


def _empty_splits(dataset):
    """A warning for each reason why a split that was wanted has no photo."""
    counts, description = dataset.description["counts"], dataset.description
    fractions, table = description["fractions"], description["split_file"] or "the labels"
    is_by_category = description.get("split_by") == "category"
    found = {}
    for split in SPLITS:
        if counts[split] or (fractions is not None and not fractions[split]):
            continue
        copies = why_empty(dataset.samples, description, split)
        if copies:
            found.setdefault(copies, []).append(split)
        elif fractions is None:
            has = "have" if table == "the labels" else "has"
            yield f"warning: no photo is in the {split} split; {table} {has} no usable one"
        elif is_by_category:
            yield f"warning: no category fell into the {split} split; another --seed may help"
        else:
            yield f"warning: no photo fell into the {split} split; it needs more photos"
    for copies, splits in found.items():
        yield f"warning: no photo for {' and '.join(splits)}: {copies}"


def _box_table(dataset):
    rows = dataset.has_object
    boxes = dataset.boxes_rel_xyxy[rows].astype(float)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    size = dataset.samples.loc[rows, ["width", "height"]].to_numpy(float)
    measures = {
        "area / image": width * height,
        "width / image": width,
        "height / image": height,
        "aspect ratio, pixels": width * size[:, 0] / (height * size[:, 1]),
    }
    names = ("min", "5 %", "median", "95 %", "max")
    yield f"{'boxes':22}" + "".join(f"{name:>9}" for name in names)
    for name, values in measures.items():
        quantiles = np.quantile(values, [0, 0.05, 0.5, 0.95, 1])
        yield f"{name:22}" + "".join(f"{value:9.3f}" for value in quantiles)


def _shortened(text, longest=100):
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 3] + "..."
