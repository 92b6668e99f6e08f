"""Decodes each photo of a source once: to the pixels that are stored, and to its thumbnail."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from localizer.boxes import usable_rel_xyxy
from localizer.errors import InputError
from localizer.frames import QUARTER_TURNS, BoxFrame, OtherShape, frame_of_box, turn_rel_xyxy
from localizer.near_duplicates import thumbnail
from localizer.photos import read_turned_photo, stretch
from localizer.skip_reasons import tell_apart
from localizer.sources.annotated_image import Skipped
from localizer.sources.pixels import below_one_pixel
from localizer.store import BOX_COLUMNS
from localizer.turned_photos import note_on_turned

_CHUNK = 256


def decode_photos(records, settings, root, images, thumbnails, progress):
    """Append the photos that may be used to `images`, and the thumbnails of all to `thumbnails`.

    Both are files, so that memory hardly grows with the number of photos.

    Args:
        records: list of AnnotatedImage and Skipped.
        settings: GenerationSettings.
        root: folder below which the photos are.
        images: GrowingArray of items [S, S, 3].
        thumbnails: GrowingArray of items [64, 64]; stays empty unless photos are compared.
        progress: show a progress bar.

    Returns:
        (samples, skipped, digests): a dict per item of `images`, without group and split, and
        without a box where the record has none; a list of Skipped; a dict from the photo of each
        thumbnail to the digest of its pixels, "" unless `settings` want to know the same picture.
    """
    samples, skipped, digests, frames = [], [], {}, []
    bar = tqdm(total=len(records), desc="Decoding photos", unit=" images", disable=not progress)
    with bar, ThreadPoolExecutor(settings.workers) as pool:
        for start in range(0, len(records), _CHUNK):
            chunk = records[start : start + _CHUNK]
            for outcome in pool.map(lambda record: _decode_one(record, settings, root), chunk):
                # A table may have a photo twice: in a row that is used, and in one that is not.
                if outcome.thumbnail is not None and outcome.image not in digests:
                    thumbnails.append(outcome.thumbnail)
                    digests[outcome.image] = outcome.digest
                frames.append(outcome.frame)
                if outcome.sample is not None:
                    images.append(outcome.pixels)
                    samples.append(outcome.sample)
                else:
                    skipped.append(tell_apart(outcome.image, outcome.reason, root, outcome.place))
            bar.update(len(chunk))
    note_on_turned(frames, settings.boxes_in)
    return samples, skipped, digests


def checked_box(box_rel_xyxy):
    """The box as columns of samples.csv, clipped to the image, and whether that cut anything off.

    Raises:
        InputError: the box is unusable.
    """
    xmin, ymin, xmax, ymax = usable_rel_xyxy(box_rel_xyxy).tolist()
    clipped = not -1e-6 <= min(box_rel_xyxy) <= max(box_rel_xyxy) <= 1 + 1e-6
    return {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax, "clipped": clipped}


@dataclass(frozen=True)
class _Outcome:
    """What became of one record: a sample with its pixels, or the reason why there is none.

    `frame` is the BoxFrame of an annotated photo that is turned.
    """

    image: str
    thumbnail: np.ndarray | None = None
    digest: str = ""
    sample: dict | None = None
    pixels: np.ndarray | None = None
    reason: str = ""
    place: str = ""
    frame: BoxFrame | None = None


def _decode_one(record, settings, root):
    path = root / record.image
    # isfile is False for what no file can be named, where Path.is_file raises.
    if isinstance(record, Skipped) and not (settings.compares_photos and os.path.isfile(path)):
        return _Outcome(record.image, reason=record.reason, place=record.place)
    try:
        photo, frames = read_turned_photo(path)
    except InputError as error:
        # What is wrong with the photo itself stands nowhere else.
        known = isinstance(record, Skipped)
        reason, place = (record.reason, record.place) if known else (str(error), "")
        return _Outcome(record.image, reason=reason, place=place)
    pixels = stretch(photo, settings.image_size)
    small = thumbnail(pixels) if settings.compares_photos else None
    digest = _digest(photo) if settings.near_duplicates == "exact" else ""
    if isinstance(record, Skipped):
        return _Outcome(record.image, small, digest, reason=record.reason, place=record.place)
    # A teacher has seen the photo as it is shown.
    boxes_in = "shown" if record.score is not None else settings.boxes_in
    annotated = None if record.width is None else (record.width, record.height)
    try:
        frame = frame_of_box(frames, None if record.own_size else annotated, boxes_in)
    except OtherShape as error:
        width, height = frames.shown
        sizes = f"annotated as {record.width}x{record.height}, shown as {width}x{height}"
        place = f"{record.place}: {sizes}" if record.place else sizes
        return _Outcome(record.image, small, digest, reason=str(error), place=place)
    is_turned = frames.orientation != 1 and record.box_rel_xyxy and record.score is None
    told = frame if is_turned else None
    try:
        sample = _sample(record, frames, frame)
    except InputError as error:
        return _Outcome(
            record.image, small, digest, reason=str(error), place=record.place, frame=told
        )
    return _Outcome(record.image, small, digest, sample | {"frame": told}, pixels, frame=told)


def _digest(photo):
    """What tells a photo's pixels from those of all others."""
    return hashlib.blake2b(repr(photo.shape).encode() + photo.tobytes()).hexdigest()


def _sample(record, frames, frame):
    """A row of samples.csv without group and split, as the photo is shown."""
    size = (record.width, record.height) if record.width else frames.of(frame.name)
    box = record.box_rel_xyxy
    if frame.name == "stored":
        box = box and turn_rel_xyxy(box, frames.orientation)
        size = size[::-1] if frames.orientation in QUARTER_TURNS else size
    sample = {
        "image": record.image, "width": size[0], "height": size[1],
        "species": record.species, "breed": record.breed,
    }  # fmt: skip
    if box is not None:
        sample |= checked_box(box)
        if below_one_pixel([sample[side] for side in BOX_COLUMNS], size):
            raise InputError("the box is below one pixel: are these parts of the image's size?")
    if record.score is not None:
        sample["score"] = record.score
    return sample
