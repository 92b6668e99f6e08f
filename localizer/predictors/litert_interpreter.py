"""Opens LiteRT interpreters: on one thread, and without LiteRT's greeting."""

import contextlib

from localizer.predictors.optional_package import optional_package
from localizer.quiet import quiet_stderr

# LiteRT says this once a process, of whichever graph is the first.
_GREETING = b"Created TensorFlow Lite XNNPACK delegate for CPU"
_greeted = False


def open_interpreter(path):
    """An ai_edge_litert Interpreter of a file, ready to run.

    One thread is faster than several for networks of this size. An interpreter is for one thread
    of the caller's at a time: whoever shares it needs a lock around setting its input, running it
    and copying its outputs.

    Raises:
        InputError: LiteRT is not installed.
        ValueError, RuntimeError: it cannot open the file.
    """
    global _greeted
    litert = optional_package("ai_edge_litert.interpreter")
    with contextlib.nullcontext() if _greeted else quiet_stderr(_GREETING):
        interpreter = litert.Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    _greeted = True
    return interpreter
