"""Silence for libraries that print at start what no user can act on."""

import contextlib
import os


@contextlib.contextmanager
def quiet_stderr():
    """Drop what is written to standard error, by C++ code too, while the block runs."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
