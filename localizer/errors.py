"""The error that is the user's to mend, and the hint in it."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is shown as it is, without a traceback, so it says what is wrong, where (file and
    line), and what to do about it.
    """


def nearest(name: object, known: Iterable) -> str:
    """A hint for an unknown name: the nearest known one, or all of them."""
    known = [str(one) for one in known]
    found = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    # "flop" is meant to be near "augmentation.flip".
    found = found or [k for k in known if difflib.get_close_matches(str(name), [k.split(".")[-1]])]
    return f"did you mean {found[0]}?" if found else f"there are {', '.join(known)}"
