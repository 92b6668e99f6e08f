"""Decodes each photo of a source once: to the pixels that are stored, and to its thumbnail."""

import hashlib
import os
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from localizer.dataset.dataset import photo_path
from localizer.dataset.samples import _sample
from localizer.dataset.skip_reasons import tell_apart
from localizer.dataset.splits.near_duplicates import thumbnail
from localizer.dataset.turned_photos import note_on_turned
from localizer.errors import InputError
from localizer.images.frames import BoxFrame, OtherShape, frame_of_box
from localizer.images.photos import read_turned_photo
from localizer.images.reading_ahead import read_ahead
from localizer.images.resizing import stretch
from localizer.sources.annotated_image import Skipped


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
        without a box where the record has none (NaN where there is no object); a list of Skipped;
        a dict from the photo of each thumbnail to the digest of its pixels, "" unless `settings`
        want to know the same picture.
    """
    samples, skipped, digests, frames = [], [], {}, []
    bar = tqdm(total=len(records), desc="Decoding photos", unit=" images", disable=not progress)
    with bar:
        walk = read_ahead(
            records, lambda record: _decode_one(record, settings, root), settings.workers
        )
        for _, outcome in walk:
            if isinstance(outcome, InputError):
                raise outcome
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
            bar.update()
    note_on_turned(frames, settings.boxes_in)
    return samples, skipped, digests


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
    path = photo_path(root, record.image, settings.empty_folders)
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
