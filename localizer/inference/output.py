"""Answers as people and scripts read them: a table, JSON lines, pictures and crops."""

import json
import os
from pathlib import Path

import cv2

from localizer.errors import InputError
from localizer.files.atomic_files import replacing
from localizer.images.boxes import abs_xyxy_to_rel_xyxy
from localizer.images.drawing import draw_boxes
from localizer.images.own_outputs import signed
from localizer.images.resizing import crop

_EDGES = ("xmin", "ymin", "xmax", "ymax")


def printable(name):
    r"""A file's name on one line, whatever is in it.

    >>> print(printable("two\nlines, ü, \udcff"))
    two\nlines, ü, \udcff
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name
    )


def json_line(image, localization=None, error=None):
    """One photo as JSON in pure ASCII: the box in pixels, null where something does not apply.

    >>> from localizer.inference.localizer import Localization
    >>> print(json_line("a.jpg", Localization(1.0, 2.0, 30.256, 40.0, 0.87654, "cat")))
    {"image": "a.jpg", "xmin": 1.0, "ymin": 2.0, "xmax": 30.26, "ymax": 40.0, "score": 0.8765, \
"label": "cat"}
    >>> print(json_line("b.jpg", error="the file is empty"))
    {"image": "b.jpg", "error": "the file is empty"}
    """
    if localization is None:
        return json.dumps({"image": image, "error": error})
    record = {"image": image}
    for edge in _EDGES:
        value = getattr(localization, edge)
        record[edge] = None if value is None else round(value, 2)
    score = localization.score
    record["score"] = None if score is None else round(score, 4)
    record["label"] = localization.label
    return json.dumps(record)


def table_header(width):
    """The table's first line; `width` is that of the column of images."""
    return f"{'image':<{width}}" + "".join(f"{name:>9}" for name in (*_EDGES, "score")) + "  label"


def table_line(image, localization, width):
    """One photo as a line of the table; "-" where something does not apply."""
    line = f"{printable(image):<{width}}"
    for edge in _EDGES:
        value = getattr(localization, edge)
        line += f"{'-' if value is None else format(value, '.1f'):>9}"
    score = "-" if localization.score is None else format(localization.score, ".2f")
    return f"{line}{score:>9}  {localization.label or '-'}"


class PictureWriter:
    """Writes photos with their box, and crops, below one folder, as the photos lie below another.

    A picture is named after its photo's whole name, so `a.png` and `a.jpg` keep apart:
    `a.png.box.jpg`, `a.png.crop.jpg`. Pictures of an earlier run are replaced.

    Args:
        out: folder to write to; made when it is missing.
        root: folder that all photos are below.
        crops: also write the part of the photo in the box.
        margin: added to the crop on each side, as a share of the box's width and height.
    """

    def __init__(self, out, root, crops=False, margin=0.0):
        self._out, self._root, self._crops, self._margin = Path(out), root, crops, margin

    def refuse_to_replace(self, photos):
        """See that no picture would take the place of one of the photos.

        Raises:
            InputError: one would.
        """
        # By identity: folders are reached by several ways, and names may differ in case alone.
        known = {}
        for photo in photos:
            for find in (os.stat, os.lstat):
                known.setdefault(_identity(photo, find), photo)
        known.pop(None, None)
        for photo in photos:
            for path in self._pictures(photo):
                taken = known.get(_identity(path, os.lstat))
                if taken is not None:
                    raise InputError(
                        f"--out {self._out}: the picture {path.name} of {photo} would replace the "
                        f"photo {taken}. Choose another --out, or leave that photo away"
                    )

    def _pictures(self, photo):
        """Where a photo's pictures go: with its box, and its crop where crops are wanted."""
        path = self._out / os.path.relpath(os.path.abspath(photo), self._root)
        suffixes = (".box.jpg", ".crop.jpg") if self._crops else (".box.jpg",)
        return [path.with_name(path.name + suffix) for suffix in suffixes]

    def write(self, item):
        """Write the pictures of a `LocalizedPhoto`; without a box it is only captioned so."""
        pixels, localization = item.pixels, item.localization
        drawn, *cropped = self._pictures(item.photo)
        drawn.parent.mkdir(parents=True, exist_ok=True)
        height, width = pixels.shape[:2]
        box_rel_xyxy = localization.box and abs_xyxy_to_rel_xyxy(localization.box, width, height)
        picture = draw_boxes(pixels, box_rel_xyxy, text=_caption(localization))
        _write_jpeg(drawn, picture)
        if cropped and localization.box:
            _write_jpeg(cropped[0], crop(pixels, box_rel_xyxy, self._margin))


def _identity(path, find):
    """What tells a file from all others, as `find` (os.stat or os.lstat) sees it; None for none."""
    try:
        found = find(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _caption(localization):
    if localization.box is None:
        return "no box"
    score = "" if localization.score is None else f"{localization.score:.2f}"
    # OpenCV's font has no other characters than ASCII.
    label = (localization.label or "").encode("ascii", "replace").decode("ascii")
    return f"{label} {score}".strip()


def _write_jpeg(path, pixels):
    # Full colour resolution (4:4:4): JPEG's usual half would dull the lines.
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    options = [cv2.IMWRITE_JPEG_QUALITY, 90, *sampling]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    with replacing(path, durable=False) as partial:
        partial.write_bytes(signed(jpeg))
