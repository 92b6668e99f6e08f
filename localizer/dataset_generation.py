"""From annotated photos to a dataset folder: decoded once, de-duplicated, split, described."""

import json
import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from localizer.boxes import usable_rel_xyxy
from localizer.errors import InputError
from localizer.near_duplicates import THUMBNAIL_SIZE, find_groups, thumbnail
from localizer.photos import read_photo, stretch
from localizer.reporting.contact_sheet import write_contact_sheet
from localizer.sources.annotated_image import Skipped
from localizer.splitting import SPLITS, leader, split_of
from localizer.store import (
    BOX_COLUMNS,
    COLUMNS,
    ArrayOnDisk,
    GrowingArray,
    open_dataset,
    sha256_of,
)

_CHUNK = 256


@dataclass(frozen=True)
class GenerationSettings:
    """How a dataset is made.

    Attributes:
        source, target: what dataset.json says of them.
        root: folder below which the photos are; None when the source makes them, in `out` itself.
        image_size: side S of the stored images in pixels.
        fractions: shares of train, validation and test; they add up to 1.
        seed: of the split.
        find_duplicates: whether to look for near-duplicates (quadratic in the number of photos).
        workers: threads that decode.
    """

    source: str
    target: str
    root: Path | None
    image_size: int = 160
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    find_duplicates: bool = True
    workers: int = 2


def generate_dataset(read, settings, out, overwrite=False, progress=True):
    """Write a dataset folder; it appears whole or not at all.

    Args:
        read: the source: takes the folder of the photos, gives an iterable of AnnotatedImage and
            Skipped.
        settings: GenerationSettings.
        out: the folder to make.
        overwrite: replace `out` when it is a dataset folder already.
        progress: show progress bars.

    Returns:
        The opened Dataset.

    Raises:
        InputError: nothing usable in the source, bad settings, or `out` is taken.
    """
    out = Path(out)
    _check(settings, out, overwrite)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{out.name}.", dir=out.parent, ignore_cleanup_errors=True
        ) as scratch:
            partial = Path(scratch, "dataset")
            partial.mkdir()
            root = partial if settings.root is None else Path(settings.root)
            _build(read(root), settings, partial, root, progress)
            _replace(out, partial, Path(scratch, "replaced"))
    except OSError as error:
        raise InputError(
            f"{out}: the dataset cannot be made ({error}); nothing of it was left behind. Is the "
            "disk full? Free some space, or choose another --out"
        ) from error
    return open_dataset(out)


def _check(settings, out, overwrite):
    if not 32 <= settings.image_size <= 2048:
        raise InputError(f"--image-size is {settings.image_size}; use 32 to 2048 pixels")
    if not (min(settings.fractions) >= 0 and abs(sum(settings.fractions) - 1) <= 1e-6):
        raise InputError(f"--fractions {settings.fractions} must not be negative and add up to 1")
    if out.exists() and not (overwrite and (out / "dataset.json").is_file()):
        is_dataset = (out / "dataset.json").is_file()
        remedy = "--overwrite replaces it" if is_dataset else "choose another --out"
        raise InputError(f"{out}: exists already; {remedy}")


def _replace(out, partial, old):
    """Put the finished folder into place; what stood there comes back if that fails."""
    if not out.exists():
        os.replace(partial, out)
        return
    try:
        os.replace(out, old)
        os.replace(partial, out)
    except BaseException:  # Being stopped counts, too.
        if old.exists() and not out.exists():
            os.replace(old, out)
        raise


def _build(records, settings, folder, root, progress):
    records = list(tqdm(records, "Reading annotations", unit=" images", disable=not progress))
    if not records:
        raise InputError(f"{root}: no image at all")
    samples, skipped, names = _decode(records, settings, folder, root, progress)
    if not samples:
        first = skipped[0]
        raise InputError(
            f"{root}: none of {len(records)} images is usable. The first, {first.image}: "
            f"{first.reason}"
        )
    groups = find_groups(ArrayOnDisk(folder / "thumbnails.npy"))
    (folder / "thumbnails.npy").unlink()
    groups = [[names[index] for index in group] for group in groups]
    leaders = {image: leader(group) for group in groups for image in group}
    for sample in samples:
        sample["group"] = leaders.get(sample["image"], sample["image"])
        sample["split"] = split_of(sample["group"], settings.seed, settings.fractions)
    frame = pd.DataFrame(samples)
    frame[COLUMNS].to_csv(folder / "samples.csv", index=False)
    pd.DataFrame([asdict(s) for s in skipped], columns=["image", "reason"]).to_csv(
        folder / "skipped.csv", index=False
    )
    pd.DataFrame(
        [(leaders[image], image) for group in groups for image in group],
        columns=["group", "image"],
    ).to_csv(folder / "near_duplicates.csv", index=False)
    pixels = np.load(folder / "images.npy", mmap_mode="r")
    write_contact_sheet(pixels, frame, folder / "contact_sheet.jpg")
    description = _describe(frame, skipped, groups, records, settings, folder, root)
    (folder / "dataset.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _decode(records, settings, folder, root, progress):
    """Decode every photo once: the annotated ones into images.npy, all of them to thumbnails.

    Both go to files, so that memory hardly grows with the number of photos.
    """
    size = settings.image_size
    images = GrowingArray(folder / "images.npy", (size, size, 3))
    thumbnails = GrowingArray(folder / "thumbnails.npy", (THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    samples, skipped, names = [], [], {}
    bar = tqdm(total=len(records), desc="Decoding photos", unit=" images", disable=not progress)
    with images, thumbnails, bar, ThreadPoolExecutor(settings.workers) as pool:
        for start in range(0, len(records), _CHUNK):
            chunk = records[start : start + _CHUNK]
            for outcome in pool.map(lambda record: _decode_one(record, settings, root), chunk):
                # A table may have a photo twice: in a row that is used, and in one that is not.
                if outcome.thumbnail is not None and outcome.image not in names:
                    thumbnails.append(outcome.thumbnail)
                    names[outcome.image] = len(names)
                if outcome.sample is not None:
                    images.append(outcome.pixels)
                    samples.append(outcome.sample)
                else:
                    skipped.append(_shortened(outcome, root))
            bar.update(len(chunk))
    return samples, skipped, list(names)


def _shortened(outcome, root):
    """The reason without the path of the root and the name of the photo, which stand elsewhere."""
    above = re.escape(str(root).rstrip("/\\")) + r"[/\\]"
    reason = re.sub(rf"(?<![\w./\\'\"-]){above}", "", outcome.reason)
    return Skipped(outcome.image, reason.removeprefix(f"{outcome.image}: "))


@dataclass(frozen=True)
class _Outcome:
    """What became of one record: a sample with its pixels, or the reason why there is none."""

    image: str
    thumbnail: np.ndarray | None = None
    sample: dict | None = None
    pixels: np.ndarray | None = None
    reason: str = ""


def _decode_one(record, settings, root):
    path = root / record.image
    # isfile is False for what no file can be named, where Path.is_file raises.
    if isinstance(record, Skipped) and not (settings.find_duplicates and os.path.isfile(path)):
        return _Outcome(record.image, reason=record.reason)
    try:
        photo = read_photo(path)
    except InputError as error:
        reason = record.reason if isinstance(record, Skipped) else str(error)
        return _Outcome(record.image, reason=reason)
    pixels = stretch(photo, settings.image_size)
    small = thumbnail(pixels) if settings.find_duplicates else None
    if isinstance(record, Skipped):
        return _Outcome(record.image, small, reason=record.reason)
    try:
        sample = _sample(record, photo)
    except InputError as error:
        return _Outcome(record.image, small, reason=str(error))
    return _Outcome(record.image, small, sample, pixels)


def _sample(record, photo):
    height, width = photo.shape[:2]
    if record.width is not None:
        _check_aspect(record, width, height)
        width, height = record.width, record.height
    xmin, ymin, xmax, ymax = usable_rel_xyxy(record.box_rel_xyxy).tolist()
    return {
        "image": record.image, "width": width, "height": height,
        "xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax,
        "species": record.species, "breed": record.breed,
        "clipped": not -1e-6 <= min(record.box_rel_xyxy) <= max(record.box_rel_xyxy) <= 1 + 1e-6,
    }  # fmt: skip


def _check_aspect(record, width, height):
    """A resized copy keeps the aspect ratio up to a pixel of rounding; anything else is no copy."""
    error = abs(width * record.height / record.width - height)
    if error > 1.5 + 0.01 * height:
        raise InputError(
            f"the photo is {width}x{height} pixels, but the annotated image was "
            f"{record.width}x{record.height}: not the same picture, or rotated"
        )


def _describe(frame, skipped, groups, records, settings, folder, root):
    """The content of dataset.json; a `root` of "." is the dataset folder itself."""
    boxes = frame[BOX_COLUMNS].to_numpy(np.float64)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return {
        "source": settings.source,
        "target": settings.target,
        "root": "." if settings.root is None else str(root.resolve()),
        "image_size": settings.image_size,
        "seed": settings.seed,
        "fractions": dict(zip(SPLITS, settings.fractions, strict=True)),
        "counts": {
            "listed": len(records),
            "used": len(frame),
            "skipped": len(skipped),
            "clipped_boxes": int(frame["clipped"].sum()),
            "near_duplicate_groups": len(groups),
            "near_duplicates": sum(map(len, groups)),
            **{split: int((frame["split"] == split).sum()) for split in SPLITS},
        },
        "box_area": {
            name: round(float(np.quantile(area, quantile)), 6)
            for name, quantile in [("min", 0), ("median", 0.5), ("max", 1)]
        },
        "mean_box_rel_xyxy": [round(value, 6) for value in boxes.mean(axis=0).tolist()],
        "sha256": {name: sha256_of(folder / name) for name in ("images.npy", "samples.csv")},
    }
