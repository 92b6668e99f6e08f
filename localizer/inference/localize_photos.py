"""The work of localize_images.py: photos in, lines and pictures out, one batch after the other."""

import errno
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from localizer.errors import InputError
from localizer.images.reading_ahead import BATCH_PHOTOS, default_workers
from localizer.inference.localizer import Localizer
from localizer.inference.output import (
    PictureWriter,
    json_line,
    printable,
    table_header,
    table_line,
)
from localizer.inference.photo_listing import common_folder, find_photos, split_list

# Longer names push their line's numbers out of place; shorter ones shall not lie far from them.
_WIDEST_NAME = 70


def localize_photos(
    localizer: Localizer,
    photos: Sequence[str],
    *,
    out: Path | None = None,
    crops: bool = False,
    margin: float = 0.1,
    min_score: float = 0.0,
    as_json: bool = False,
    null: bool = False,
    batch_size: int = BATCH_PHOTOS,
    workers: int | None = None,
) -> int:
    """Localize all photos that are meant, and print and draw the answers in order.

    Args:
        localizer: the `Localizer`.
        photos: files, folders, patterns, or "-" for a list of files on standard input.
        out: folder for pictures with the boxes; None for none.
        crops: whether the boxes' parts are written there, too.
        margin: of the crops, on each side, as a share of the box's width and height.
        min_score: a box of a lower score is no answer.
        as_json: print JSON lines instead of a table.
        null: paths on standard input end with NUL, not with a line.
        batch_size: photos at once through the network.
        workers: threads; None for one per core, at most 8.

    Returns:
        The number of photos, folders and patterns that failed; each was reported.

    Raises:
        InputError: a picture would replace a photo, or pictures cannot be written.
    """
    printer = _Printer(as_json)
    listed, root = _list_photos(photos, out, b"\0" if null else b"\n", printer)
    writer = PictureWriter(out, root, crops, margin) if out else None
    if writer:
        writer.refuse_to_replace(listed)
    workers = workers or default_workers()
    quiet = not sys.stderr.isatty()
    bar = tqdm(total=len(listed), desc="Localizing", unit=" photos", disable=quiet)
    with bar, ThreadPoolExecutor(workers) as pool:
        printer.begin(listed)
        for batch in localizer.stream(listed, batch_size, workers):
            batch = [without_weak_box(item, min_score) for item in batch]
            if writer:
                batch = list(pool.map(partial(_with_pictures, writer), batch))
            for item in batch:
                printer.show(item)
            sys.stdout.flush()
            bar.update(len(batch))
    return printer.failed


def _list_photos(arguments, out, separator, printer):
    """The photos, each once, in order, and the folder that all are below."""
    photos, roots = {}, []
    for argument in arguments:
        named = [argument]
        if argument == "-":
            if sys.stdin is None:
                raise InputError("-: standard input is closed; it is to give a list of paths")
            named = split_list(sys.stdin.buffer.read(), separator)
        for each in named:
            try:
                found, root = find_photos(each, out)
            except InputError as error:
                printer.fail(each, error)
                continue
            roots.append(root)
            for photo in found:
                photos.setdefault(os.path.abspath(photo), photo)
    return list(photos.values()), common_folder(roots) if roots else ""


def _with_pictures(writer, item):
    """A `LocalizedPhoto` whose pictures are written, or can have no name: an error of its own.

    Whatever else keeps them from being written, as a full disk, concerns all photos: it is raised.
    """
    try:
        if item.error is None:
            writer.write(item)
    except InputError as error:
        if getattr(error.__cause__, "errno", None) != errno.ENAMETOOLONG:
            raise
        return replace(item, error=error)
    return item


def without_weak_box(item, min_score):
    """A `LocalizedPhoto` as it is, or without box and label if its score is too low."""
    localization = item.localization
    if localization is None or localization.score is None or localization.score >= min_score:
        return item
    weak = replace(localization, xmin=None, ymin=None, xmax=None, ymax=None, label=None)
    return replace(item, localization=weak)


class _Printer:
    """Lines on standard output, in one of two forms, and failures on standard error."""

    def __init__(self, as_json):
        self.failed = 0
        self._as_json = as_json
        self._width = 0

    def begin(self, photos):
        """Set the table's columns by its photos."""
        widest = max((len(printable(photo)) for photo in photos), default=0)
        self._width = min(max(widest, len("image")), _WIDEST_NAME)
        if photos and not self._as_json:
            tqdm.write(table_header(self._width))

    def show(self, item):
        """Print a `LocalizedPhoto`."""
        if item.error is not None:
            self.fail(item.photo, item.error)
        elif self._as_json:
            tqdm.write(json_line(item.photo, item.localization))
        else:
            tqdm.write(table_line(item.photo, item.localization, self._width))

    def fail(self, image, error):
        """Report what could not be localized."""
        self.failed += 1
        # The reader writes a path in its shortest form, "./a.jpg" as "a.jpg".
        reason = str(error).removeprefix(f"{image}: ").removeprefix(f"{Path(image)}: ")
        tqdm.write(f"error: {printable(f'{image}: {reason}')}", file=sys.stderr)
        if self._as_json:
            tqdm.write(json_line(image, error=reason))
