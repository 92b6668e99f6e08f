"""The files of a dataset folder beside images.npy: tables, description, contact sheet."""

import csv
import json

import numpy as np
import pandas as pd

from localizer.dataset.contact_sheet import write_contact_sheet
from localizer.dataset.dataset import BOX_COLUMNS, COLUMNS
from localizer.dataset.identity import rows_sha256
from localizer.dataset.splits.splitting import SPLITS, leader
from localizer.dataset.turned_photos import count_turned
from localizer.files.checksums import sha256_of


def write_tables(frame, skipped, groups, folder):
    """Write samples.csv, skipped.csv, near_duplicates.csv and the contact sheet.

    Args:
        frame: DataFrame with COLUMNS, and perhaps `score` and `teacher`; a row per item of
            images.npy.
        skipped: list of Skipped.
        groups: lists of photos that are near-duplicates.
        folder: the dataset folder, with images.npy in it.
    """
    columns = [*COLUMNS, *(column for column in ("score", "teacher") if column in frame)]
    _write_csv(frame[columns], folder / "samples.csv")
    reasons = [(one.image, one.reason, one.place) for one in skipped]
    columns = ["image", "reason", "place"]
    _write_csv(pd.DataFrame(reasons, columns=columns), folder / "skipped.csv")
    near = [(leader(group), image) for group in groups for image in group]
    _write_csv(pd.DataFrame(near, columns=["group", "image"]), folder / "near_duplicates.csv")
    pixels = np.load(folder / "images.npy", mmap_mode="r")
    write_contact_sheet(pixels, frame, folder / "contact_sheet.jpg")


def _write_csv(table, path):
    text = table.to_csv(index=False, lineterminator="\n")
    if "\r" in text:
        # Before Python 3.13 its csv module does not quote a carriage return, which ends a line.
        text = table.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    path.write_text(text, encoding="utf-8", newline="")


def write_description(
    frame, skipped, groups, left_out, listed, contents, settings, labels, root, folder
):
    """Write dataset.json, after all else; a `root` of "." is the dataset folder itself.

    Args:
        frame, skipped, groups, folder: as for `write_tables`.
        left_out: dict from the list of photos that are left out for a copy that another list
            holds out ("train", "validation", "trainval") to their number.
        listed: number of images that the source named.
        contents: numbers of photos that are `empty` (no object is annotated), and that
            have `several_objects`.
        settings: GenerationSettings.
        labels: "truth", or a dict that describes the teacher.
        root: folder below which the photos are.
    """
    with_object = frame.dropna(subset=BOX_COLUMNS)
    boxes = with_object[BOX_COLUMNS].to_numpy(np.float64)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    description = {
        "source": settings.source,
        "target": settings.target,
        "labels": labels,
        "root": "." if settings.root is None else str(root.resolve()),
        "image_size": settings.image_size,
        "seed": settings.seed,
        "fractions": settings.shares,
        "split_by": settings.split_by,
        "split_file": str(settings.split_file.path) if settings.split_file else None,
        "boxes_in": settings.boxes_in,
        "near_duplicates": {
            "mode": settings.near_duplicates if settings.find_duplicates else None,
            "groups": len(groups),
            "photos": sum(map(len, groups)),
            "left_out": dict(left_out),
        },
        "counts": {
            "listed": listed,
            "used": len(frame),
            "skipped": len(skipped),
            **contents,
            "clipped_boxes": int(frame["clipped"].sum()),
            "near_duplicate_groups": len(groups),
            "near_duplicates": sum(map(len, groups)),
            **count_turned(frame["frame"]),
            **{split: int((with_object["split"] == split).sum()) for split in SPLITS},
            **{
                f"empty_{split}": int((frame["split"] == split).sum()) - count
                for split, count in ((s, int((with_object["split"] == s).sum())) for s in SPLITS)
            },
        },
        "box_area": {
            name: round(float(np.quantile(area, quantile)), 6)
            for name, quantile in [("min", 0), ("median", 0.5), ("max", 1)]
        },
        "mean_box_rel_xyxy": [round(value, 6) for value in boxes.mean(axis=0).tolist()],
        "sha256": {
            **{name: sha256_of(folder / name) for name in ("images.npy", "samples.csv")},
            "rows": rows_sha256(folder / "samples.csv"),
        },
    }
    outside = {
        alias: str(folder)
        for alias, folder in settings.empty_folders.items()
        if settings.root is None or not folder.is_relative_to(settings.root.resolve())
    }
    if outside:
        description["empty_folders"] = outside
    text = json.dumps(description, indent=2) + "\n"
    (folder / "dataset.json").write_text(text, encoding="utf-8")
