"""Opens LiteRT interpreters: on one thread, and without LiteRT's greeting."""

from localizer.runtimes.optional_package import optional_package
from localizer.runtimes.quiet import quiet_stderr

# LiteRT says this of the first graph of a process.
_GREETING = b"Created TensorFlow Lite XNNPACK delegate for CPU"


def open_interpreter(path):
    """An ai_edge_litert Interpreter of a file; `allocate` makes it ready to run.

    One thread is faster than several for networks of this size. An interpreter is for one thread
    of the caller's at a time: whoever shares it needs a lock around setting its input, running it
    and copying its outputs.

    Raises:
        InputError: LiteRT is not installed.
        ValueError, RuntimeError: it cannot open the file.
    """
    litert = optional_package("ai_edge_litert.interpreter")
    with quiet_stderr(_GREETING):
        return litert.Interpreter(model_path=str(path), num_threads=1)


def allocate(interpreter):
    """Allocate the tensors of an interpreter.

    Raises:
        ValueError, RuntimeError: its graph cannot be run.
    """
    with quiet_stderr(_GREETING):
        interpreter.allocate_tensors()
