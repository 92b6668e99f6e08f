"""The work of localize_images.py: photos in, lines and pictures out, one batch after the other."""

import errno
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from localizer.errors import InputError
from localizer.inference.localizer import default_workers
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


def localize_photos(localizer, options):
    """Localize all photos that the options mean, and print and draw the answers in order.

    Args:
        localizer: a `Localizer`.
        options: those of localize_images.py.

    Returns:
        The number of photos, folders and patterns that failed; each was reported.

    Raises:
        InputError: a picture would replace a photo, or pictures cannot be written.
    """
    printer = _Printer(options.json)
    photos, root = _list_photos(options, printer)
    writer = options.out and PictureWriter(options.out, root, options.crops, options.margin)
    if writer:
        writer.refuse_to_replace(photos)
    workers = options.workers or default_workers()
    quiet = not sys.stderr.isatty()
    bar = tqdm(total=len(photos), desc="Localizing", unit=" photos", disable=quiet)
    with bar, ThreadPoolExecutor(workers) as pool:
        printer.begin(photos)
        for batch in localizer.stream(photos, options.batch_size, workers):
            batch = [without_weak_box(item, options.min_score) for item in batch]
            if writer:
                batch = list(pool.map(partial(_with_pictures, writer), batch))
            for item in batch:
                printer.show(item)
            sys.stdout.flush()
            bar.update(len(batch))
    return printer.failed


def _list_photos(options, printer):
    """The photos, each once, in order, and the folder that all are below."""
    photos, roots = {}, []
    for argument in options.photos:
        arguments = [argument]
        if argument == "-":
            if sys.stdin is None:
                raise InputError("-: standard input is closed; it is to give a list of paths")
            separator = b"\0" if options.null else b"\n"
            arguments = split_list(sys.stdin.buffer.read(), separator)
        for each in arguments:
            try:
                found, root = find_photos(each, options.out)
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
