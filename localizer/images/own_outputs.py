"""Which files below a folder the project wrote itself, so that they are no photos of the next run.

Folders are known by the files that make them what they are: a dataset folder (dataset.json,
samples.csv and images.npy) and a run folder (config.yaml, environment.json, and history.csv or
best.keras). All that is in one is the project's, unless it is what was asked for: drawn scenes lie
in `images/` of a dataset folder, and may be localized. Pictures that lie anywhere are known by a
comment inside, which is looked for where the name is of the kind that the project gives.
"""

import functools
import os
import sys

from tqdm import tqdm

from localizer.images.photos import SUFFIXES

_DATASET = {"dataset.json", "samples.csv", "images.npy"}
_RUN = {"config.yaml", "environment.json"}
_FILES = (*_DATASET, *_RUN, "history.csv", "best.keras")
# How the names of pictures with a box, and of crops, end.
_BOX_PICTURES = (".box.jpg", ".crop.jpg")
_COMMENT = b"made by the localizer lab"
_BEGIN, _COMMENT_SEGMENT = b"\xff\xd8", b"\xff\xfe"
# The first segment of a JPEG file, of JFIF, has to stay the first.
_JFIF_LENGTH = 18


def signed(jpeg):
    """A JPEG file as OpenCV encodes it (uint8 [n] or bytes), with a comment that says whose."""
    jpeg = bytes(jpeg)
    start = 2 + (_JFIF_LENGTH if jpeg[6:11] == b"JFIF\0" else 0)
    length = (len(_COMMENT) + 2).to_bytes(2, "big")
    return jpeg[:start] + _COMMENT_SEGMENT + length + _COMMENT + jpeg[start:]


def without_own_outputs(paths, root, base="", out=None):
    """The files of a list that the project did not write itself; a note says how many it did.

    Args:
        paths: files below `root`.
        root: the folder that was asked for; it may be, or be in, a folder of the project's own.
        base: folder that the paths are relative to.
        out: folder that pictures with boxes go to now, or None: those of an earlier run are there.

    Returns:
        The list of the others, in the same order.
    """
    is_own_folder = functools.cache(_is_own_folder)
    out = out if out is not None and _is_inside(out, root) else None
    kept, left_out = [], []
    for path in paths:
        whole = os.path.join(base, path)
        own = (
            _in_own_folder(whole, root, is_own_folder)
            or _is_signed(whole)
            or (out is not None and path.endswith(_BOX_PICTURES) and _is_inside(whole, out))
        )
        (left_out if own else kept).append(path)
    pictures = [path for path in left_out if path.lower().endswith(SUFFIXES)]
    if pictures:
        verb = "picture is" if len(pictures) == 1 else "pictures are"
        tqdm.write(
            f"note: {root}: {len(pictures)} {verb} left out that this project wrote itself, such "
            f"as {pictures[0]!r}",
            file=sys.stderr,
        )
    return kept


def _is_inside(path, folder):
    path, folder = os.path.abspath(path), os.path.abspath(folder)
    return path != folder and path.startswith(os.path.join(folder, ""))


def _in_own_folder(path, root, is_own_folder):
    """Whether a folder between `root` and the file is the project's; `root` itself does not count.

    A contact sheet and curves lie in such a folder itself, so for them it does.
    """
    folder, name = os.path.split(path)
    if name in ("contact_sheet.jpg", "curves.png") and is_own_folder(folder):
        return True
    top = os.path.normpath(root)
    while os.path.normpath(folder) != top and len(folder) > len(os.path.dirname(folder)):
        if is_own_folder(folder):
            return True
        folder = os.path.dirname(folder)
    return False


def _is_own_folder(folder):
    has = {name for name in _FILES if os.path.isfile(os.path.join(folder, name))}
    return has >= _DATASET or (has >= _RUN and bool(has & {"history.csv", "best.keras"}))


def _is_signed(path):
    if not path.endswith((*_BOX_PICTURES, "contact_sheet.jpg")):
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(2 + _JFIF_LENGTH + 4 + len(_COMMENT))
    except (OSError, ValueError):  # Its reader will say so.
        return False
    return start.startswith(_BEGIN) and _COMMENT in start
