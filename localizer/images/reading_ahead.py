"""The walk over photos: read in threads, ahead of whoever works on them, in bounded memory."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from localizer.errors import InputError

# What may lie decoded and waiting; whichever is reached first. 32 million pixels take 96 MB.
AHEAD_PHOTOS = 64
AHEAD_PIXELS = 32_000_000
# A batch is full at either, so that large photos do not fill the memory.
BATCH_PHOTOS = 32
BATCH_PIXELS = 32_000_000


def read_ahead(
    items: Iterable, read: Callable[[Any], Any], workers: int | None = None
) -> Iterator[tuple[Any, Any]]:
    """Read photos while earlier ones are being worked on.

    Args:
        items: what stands for each photo, such as a path; drawn from as photos are needed.
        read: gives the photo of an item, mostly uint8 RGB [height, width, 3]; called in threads.
        workers: number of threads; None for `default_workers`.

    Yields:
        (item, result) in the order of `items`: what `read` gives, or the InputError that says why
        there is nothing.
    """
    workers = workers or default_workers()
    reader = _Reader(items, read)
    threads = [threading.Thread(target=reader.work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        while (item := reader.take()) is not None:
            yield item
    finally:
        reader.stop()
        for thread in threads:
            thread.join()


def default_workers() -> int:
    """Threads that read when nobody says how many: one per core, at most 8."""
    return min(8, os.cpu_count() or 1)


def in_batches(
    photos: Iterable[tuple[Any, Any]],
    most_photos: int = BATCH_PHOTOS,
    most_pixels: int = BATCH_PIXELS,
) -> Iterator[list[tuple[Any, Any]]]:
    """Photos in lists that are full at either limit, so that large photos do not fill the memory.

    Args:
        photos: iterable of (key, photo): uint8 RGB [height, width, 3], or what stands in its place,
            such as an InputError.
        most_photos: length of a list.
        most_pixels: a list ends with the photo that reaches so many.

    Yields:
        Lists of (key, photo).
    """
    batch, pixels = [], 0
    for key, photo in photos:
        batch.append((key, photo))
        if isinstance(photo, np.ndarray):
            pixels += photo.shape[0] * photo.shape[1]
        if len(batch) == most_photos or pixels >= most_pixels:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


class _Reader:
    """What the threads share.

    A thread waits for room before it takes a photo, never after: the photo that is needed next is
    then always in work, or there is room for it.
    """

    def __init__(self, photos, read):
        self._photos, self._read = iter(photos), read
        self._changed = threading.Condition()
        self._waiting = {}  # Place in `photos` -> (photo, result).
        self._waiting_pixels = 0
        self._begun = 0
        self._taken = 0
        self._ended = False

    def work(self):
        """Decode until there is nothing left; what each thread runs."""
        while (job := self._begin()) is not None:
            place, photo = job
            try:
                result = self._read(photo)
            except Exception as error:  # Raised again, if need be, where the photo is taken.
                result = error
            with self._changed:
                self._waiting[place] = photo, result
                self._waiting_pixels += _pixels(result)
                self._changed.notify_all()

    def take(self):
        """The next (photo, result), or None after the last."""
        with self._changed:
            self._changed.wait_for(self._next_is_known)
            if self._taken not in self._waiting:
                return None
            photo, result = self._waiting.pop(self._taken)
            self._taken += 1
            self._waiting_pixels -= _pixels(result)
            self._changed.notify_all()
        if isinstance(result, Exception) and not isinstance(result, InputError):
            raise result
        return photo, result

    def stop(self):
        """Let the threads end after the photos they are at."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _begin(self):
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._has_room())
            if self._ended:
                return None
            place = self._begun
            try:
                photo = next(self._photos)
            except StopIteration:
                self._ended = True
            except Exception as error:  # From the caller's own iterable: raised in the caller.
                self._waiting[place] = None, error
                self._ended = True
            else:
                self._begun += 1
                return place, photo
            self._changed.notify_all()
            return None

    def _has_room(self):
        return len(self._waiting) < AHEAD_PHOTOS and self._waiting_pixels < AHEAD_PIXELS

    def _next_is_known(self):
        return self._taken in self._waiting or (self._ended and self._taken >= self._begun)


def _pixels(result):
    return result.shape[0] * result.shape[1] if isinstance(result, np.ndarray) else 0
