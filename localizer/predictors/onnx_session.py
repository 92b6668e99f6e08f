"""Sessions of ONNX Runtime."""

from pathlib import Path

from localizer.errors import InputError
from localizer.runtimes.optional_package import optional_package


def open_onnx_session(path):
    """An ONNX Runtime session on one CPU thread.

    Raises:
        InputError: missing, damaged, or ONNX Runtime is not installed.
    """
    runtime = optional_package("onnxruntime")
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # Its exceptions have no common class but this.
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path}: ONNX Runtime cannot open it ({reason})") from None
