"""Files that appear whole or not at all."""

import contextlib
import os
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """Yield a path beside `path` to write to; what was written takes its place in one step.

    When the block fails, `path` stays as it was and nothing is left behind.
    """
    path = Path(path)
    # The suffix is kept: some writers choose their format, or add a suffix, by it.
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path, text):
    """Write UTF-8 text; lone surrogates, from file names that are no text, are escaped."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
