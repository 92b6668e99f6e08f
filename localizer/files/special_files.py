"""The guard against paths that cannot be, and pipes and devices, whose reading would never end."""

import os
import stat

from localizer.errors import InputError


def refuse_impossible_path(path):
    """See that a path is one that a system can have.

    Raises:
        InputError: it has a NUL in it, or a character that the system cannot write.
    """
    try:
        possible = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise InputError(f"{os.fspath(path)!r}: no path (no path has such a character)")


def refuse_special_file(path):
    """See that a path is one of a file with content, or of a link to one.

    Raises:
        InputError: a folder, a pipe, a socket or a device, or no path at all.
        OSError: nothing is there.
    """
    refuse_impossible_path(path)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError(f"{path}: not a regular file")
