"""The guard against pipes and devices, whose reading would wait, or go on, for ever."""

import os
import stat

from localizer.errors import InputError


def refuse_special_file(path):
    """See that a path is a file with content, or a link to one.

    Raises:
        InputError: a folder, a pipe, a socket or a device.
        OSError: nothing is there.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError(f"{path}: not a regular file")
