"""The guard against Keras and TensorFlow in a forked process, where they would wait for ever."""

import os

from localizer.errors import InputError

# The process in which the first of these models was loaded; a forked one inherits the number.
_process = None


def refuse_fork(path):
    """See that models that Keras or TensorFlow runs are loaded and used in one process.

    Their threads do not come along into a process that is forked after they have begun: its first
    answer would never come.

    Args:
        path: the model's, for the message.

    Raises:
        InputError: this process was forked after one of these models had been loaded.
    """
    global _process
    if _process is None:
        _process = os.getpid()
    if _process != os.getpid():
        raise InputError(
            f"{path}: this process was forked after a Keras or TensorFlow model had been loaded, "
            "and such models do not answer after a fork. Load the model in the worker process and "
            "in no process before it, start workers by spawn (multiprocessing.get_context('spawn')"
            "), or use a .tflite or .onnx file of the model (export_model.py), which answers there"
        )
