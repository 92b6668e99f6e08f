"""The photos that arguments on a command line mean: files, folders, patterns, and lists of paths.

Paths are text as Python reads them from the system: bytes that are no UTF-8 become lone surrogates
and find their file again.
"""

import codecs
import glob
import io
import os
import re

from PIL import Image

from localizer.errors import InputError
from localizer.files.special_files import refuse_impossible_path
from localizer.files.walking import walk_files
from localizer.images.own_outputs import without_own_outputs
from localizer.images.photos import SUFFIXES


def find_photos(argument, out=None):
    """The photos that one argument means.

    Args:
        argument: a file, a folder (with those below it, hidden ones left out), or a pattern with
            `*`, `?`, `[...]` or `**`, for shells that do not expand it. Brackets in the name of a
            folder that is there are no pattern.
        out: the folder that pictures go to, or None; those of an earlier run there are no photos.

    Returns:
        (photos, root): sorted paths, and the folder they are all below.

    Raises:
        InputError: a folder or a pattern without photos, or no path at all. A file that is missing
            is for its reader to report.
    """
    refuse_impossible_path(argument)
    if os.path.isdir(argument):
        photos = without_own_outputs(sorted(_walk(argument)), argument, out=out)
        if not photos:
            raise InputError(f"{argument}: no photos in this folder ({' '.join(SUFFIXES)})")
        return photos, argument
    if not os.path.lexists(argument) and any(character in argument for character in "*?["):
        fixed = re.split(r"[*?\[]", argument, maxsplit=1)[0]
        photos = without_own_outputs(_matching(argument), os.path.dirname(fixed) or ".", out=out)
        if not photos:
            raise InputError(f"{argument}: no file matches this pattern")
        return photos, common_folder(map(os.path.dirname, photos))
    return [argument], os.path.dirname(argument)


def _matching(pattern):
    """The files that a pattern means, sorted."""
    parts = pattern.split(os.sep)
    # The longest beginning that is there as it is written: "photos [2024]" of "photos [2024]/*".
    there = next(
        (n for n in range(len(parts), 0, -1) if os.path.lexists(os.sep.join(parts[:n]))), 0
    )
    rest = os.sep.join(["", *parts[there:]][not there :])
    begin = glob.escape(os.sep.join(parts[:there]))
    # Brackets in a name that only a pattern before it leads to: "*/photos [2024]/a.jpg".
    for written in (rest, rest.replace("[", "[[]")):
        found = sorted(filter(os.path.isfile, glob.glob(begin + written, recursive=True)))
        if found:
            return found
    return []


def _walk(folder):
    # A folder that cannot be listed is passed on as if it were a photo, and so gets reported.
    unlisted = []
    for path, files in walk_files(folder, lambda error: unlisted.append(error.filename)):
        yield from (os.path.join(path, name) for name in files if name.lower().endswith(SUFFIXES))
    yield from unlisted


def split_list(content, separator=b"\n"):
    r"""The paths in a list, as `find` prints it, or as Windows' editors and shells save it.

    Args:
        content: bytes: any path of the system, or UTF-8 or UTF-16 text with a byte order mark.
        separator: after each path: b"\n", also with b"\r" before it, or b"\0".

    Raises:
        InputError: it is no list of paths.

    >>> split_list(b"a.jpg\r\n\nb c.jpg\n")
    ['a.jpg', 'b c.jpg']
    >>> split_list("\ufeffa.jpg\r\nb.jpg\r\n".encode("utf-16-le"))
    ['a.jpg', 'b.jpg']
    """
    content = _without_mark(content)
    # No path is empty, so there are no two NULs together.
    if (b"\0" if separator == b"\n" else b"\0\0") in content or _is_photo(content):
        raise InputError(
            f"-: standard input is {'a photo' if _is_photo(content) else 'binary'}, but - wants a "
            "list of paths, one a line (with --null, each ends with NUL, as find -print0 writes "
            "them). For a single photo give its path"
        )
    paths = content.split(separator)
    if separator == b"\n":
        paths = [path.removesuffix(b"\r") for path in paths]
    return [os.fsdecode(path) for path in paths if path]


def _without_mark(content):
    """A list as the system's bytes, without the mark that says how its text is encoded."""
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if content.startswith(mark):
            try:
                return os.fsencode(content.decode("utf-16"))
            except UnicodeError as error:
                raise InputError(f"-: the list of paths is damaged UTF-16 ({error})") from None
    return content.removeprefix(codecs.BOM_UTF8)


def _is_photo(content):
    """Whether bytes are those of a photo."""
    try:
        with Image.open(io.BytesIO(content)):
            return b"\0" in content  # Some formats are text, and so are lists.
    except Exception:
        return False


def common_folder(folders):
    """The deepest folder that all of these are, or are below; absolute."""
    return os.path.commonpath([os.path.abspath(folder) for folder in folders])
