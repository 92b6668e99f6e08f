"""The photos that arguments on a command line mean: files, folders, patterns, and lists of paths.

Paths are text as Python reads them from the system: bytes that are no UTF-8 become lone surrogates
and find their file again.
"""

import glob
import os
import re

from localizer.errors import InputError
from localizer.own_outputs import without_own_outputs
from localizer.photos import SUFFIXES


def find_photos(argument, out=None):
    """The photos that one argument means.

    Args:
        argument: a file, a folder (with those below it, hidden ones left out), or a pattern with
            `*`, `?`, `[...]` or `**`, for shells that do not expand it.
        out: the folder that pictures go to, or None; those of an earlier run there are no photos.

    Returns:
        (photos, root): sorted paths, and the folder they are all below.

    Raises:
        InputError: a folder or a pattern without photos. A file that is missing is for its reader
            to report.
    """
    if os.path.isdir(argument):
        photos = without_own_outputs(sorted(_walk(argument)), argument, out=out)
        if not photos:
            raise InputError(f"{argument}: no photos in this folder ({' '.join(SUFFIXES)})")
        return photos, argument
    if not os.path.lexists(argument) and any(character in argument for character in "*?["):
        found = sorted(filter(os.path.isfile, glob.glob(argument, recursive=True)))
        fixed = re.split(r"[*?\[]", argument, maxsplit=1)[0]
        photos = without_own_outputs(found, os.path.dirname(fixed) or ".", out=out)
        if not photos:
            raise InputError(f"{argument}: no file matches this pattern")
        return photos, common_folder(map(os.path.dirname, photos))
    return [argument], os.path.dirname(argument)


def _walk(folder):
    # A folder that cannot be listed is passed on as if it were a photo, and so gets reported.
    unlisted = []
    for path, folders, files in os.walk(folder, onerror=lambda e: unlisted.append(e.filename)):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield os.path.join(path, name)
    yield from unlisted


def split_list(content, separator=b"\n"):
    r"""The paths in a list, as `find` prints it.

    >>> split_list(b"a.jpg\r\n\nb c.jpg\n")
    ['a.jpg', 'b c.jpg']
    """
    paths = content.split(separator)
    if separator == b"\n":
        paths = [path.removesuffix(b"\r") for path in paths]
    return [os.fsdecode(path) for path in paths if path]


def common_folder(folders):
    """The deepest folder that all of these are, or are below; absolute."""
    return os.path.commonpath([os.path.abspath(folder) for folder in folders])
