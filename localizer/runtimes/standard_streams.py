"""Standard input, output and error of a script, whatever the user's surroundings make of them."""

import contextlib
import os
import sys

_NAMES = ("stdin", "stdout", "stderr")


def prepare_streams():
    """Make the standard streams safe to print to.

    Characters that a stream's encoding lacks are escaped, where Python would end with an error: an
    output that is redirected on Windows, or PYTHONIOENCODING. Output that is closed (`>&-`), or
    that is not there (pythonw), goes nowhere; sys.stdin stays None where the input is closed.
    """
    for number, name in enumerate(_NAMES):
        stream = getattr(sys, name)
        if stream is None:
            _open_nowhere(number)
            if name != "stdin":
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _open_nowhere(number):
    """Take the place of a closed stream, so that no file is opened there for others to print to."""
    try:
        os.fstat(number)
    except OSError:
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere == number:
                os.set_inheritable(number, True)
            else:
                os.dup2(nowhere, number)
                os.close(nowhere)


def discard_output():
    """When the reader of standard output has gone (`| head`): nothing complains as Python ends."""
    with contextlib.suppress(OSError, ValueError):  # Not a file of the system's.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
