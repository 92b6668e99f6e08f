"""Notes on what was guessed or set right, on standard error."""

import sys

from tqdm import tqdm


def note(text: str):
    """Print a note on a line of its own, also while a progress bar is shown."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    tqdm.write(f"note: {text}", file=sys.stderr)
