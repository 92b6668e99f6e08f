"""Silence for libraries that print at start what no user can act on."""

import contextlib
import os
import tempfile

from localizer.runtimes.process_wide import SharedChange

# Texts whose lines are dropped; what else is written meanwhile is shown at the end.
_unwanted = set()


@contextlib.contextmanager
def quiet_stderr(text=b""):
    """Drop lines from standard error, also those of C++ code, while the block runs.

    Threads may be in such blocks at the same time. All other lines are written when the last of
    these blocks ends. Where standard error is closed, nothing is done.

    Args:
        text: what is in the lines to drop; by default every line is.
    """
    with _caught_stderr():
        _unwanted.add(text)
        yield


def _catch():
    """(copy of standard error, file that takes its place), or None where it is closed."""
    try:
        kept = os.dup(2)
    except OSError:
        return None
    try:
        caught = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is undone.
    except OSError:  # No room, or nowhere to write.
        caught = open(os.devnull, "w+b")  # noqa: SIM115
    os.dup2(caught.fileno(), 2)
    return kept, caught


def _put_back(made):
    kept, caught = made
    os.dup2(kept, 2)
    os.close(kept)
    with caught:
        caught.seek(0)
        wanted = [line for line in caught if not any(text in line for text in _unwanted)]
    _unwanted.clear()
    with contextlib.suppress(OSError), open(2, "wb", closefd=False) as stderr:
        stderr.writelines(wanted)


def _put_back_in_child(made):
    # What was caught is the parent's to show: even reading it would move the parent's place in it.
    kept, caught = made
    os.dup2(kept, 2)
    os.close(kept)
    os.close(caught.fileno())
    _unwanted.clear()


_caught_stderr = SharedChange(_catch, _put_back, _put_back_in_child)
