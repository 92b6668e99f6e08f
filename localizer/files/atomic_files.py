"""Files that appear whole or not at all, also after a power cut."""

import contextlib
import os
from pathlib import Path

from localizer.errors import InputError


@contextlib.contextmanager
def replacing(path, durable=True):
    """Yield a path beside `path` to write to; what was written takes its place in one step.

    When the block fails, `path` stays as it was and nothing is left behind.

    Args:
        path: the file.
        durable: wait until the disk has the file, so that a power cut cannot lose it. It costs
            some milliseconds, too much for thousands of pictures that can be made again.

    Raises:
        InputError: the file cannot be written, for example because the disk is full.
    """
    path = Path(path)
    # The suffix is kept: some writers choose their format, or add a suffix, by it.
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        if durable:
            flush_to_disk(partial)
        os.replace(partial, path)
        if durable:
            flush_to_disk(path.parent)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); what was there is kept. Free "
            "some space, or choose another folder"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def flush_to_disk(path):
    """Wait until a file's content, or the names in a folder, have reached the disk."""
    if os.path.isdir(path) and not hasattr(os, "O_DIRECTORY"):
        return  # Windows opens no folders, and needs no such step.
    opened = os.open(path, os.O_RDONLY if hasattr(os, "O_DIRECTORY") else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_text(path, text):
    """Write UTF-8 text; lone surrogates, from file names that are no text, are escaped."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
