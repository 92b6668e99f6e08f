"""Keeps two processes from writing to one folder at the same time."""

import contextlib
import os
from pathlib import Path

from localizer.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@contextlib.contextmanager
def sole_writer(lock, folder):
    """Hold the right to write to a folder while the block runs.

    The right is an flock on a file. The system takes it back when the process ends, however it
    ends: a crash leaves at most the empty file, which hinders nobody. Where there is no such lock
    (Windows, some network file systems) nothing is refused.

    Args:
        lock: the file, in the folder or beside it; removed at the end. Its folder is made.
        folder: the folder, for the message.

    Raises:
        InputError: another process, or this one, holds the right; or the file cannot be made.
    """
    lock = Path(lock)
    made = lock.parent == Path(folder) and not lock.parent.exists()
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        opened = None if fcntl is None else _acquire(lock, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made or written to ({error.strerror})") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)
            if made:
                lock.parent.rmdir()  # Fails, as it should, unless nothing was written.
        if opened is not None:
            os.close(opened)


def _acquire(lock, folder):
    while True:
        opened = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
            raise InputError(
                f"{folder}: another process is writing to it; wait for its end, or choose another "
                "folder"
            ) from None
        except OSError:  # A file system without locks.
            return opened
        # The holder before removes the file: the lock may be on one that has no name any more.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(opened), os.stat(lock)):
                return opened
        os.close(opened)
