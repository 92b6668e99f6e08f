"""An exported .onnx file as a predictor, run by ONNX Runtime on one thread."""

from pathlib import Path

import numpy as np

from localizer.errors import InputError
from localizer.predictors.exported_file import ExportedModel, optional_package


def open_session(path):
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


class OnnxModel(ExportedModel):
    """An .onnx file that export_model.py wrote; many photos go in as one batch.

    Args:
        path: the file.

    Raises:
        InputError: missing, damaged, foreign, or ONNX Runtime is not installed.
    """

    runtime = "ONNX Runtime, one thread"

    def __init__(self, path):
        super().__init__(path)
        self._session = open_session(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self.check_graph(inputs[0].shape, {output.name: output.shape for output in outputs})
        self._input, self._names = inputs[0].name, [output.name for output in outputs]

    def run(self, images):
        """See `ExportedModel.run`."""
        answers = self._session.run(self._names, {self._input: images.astype(np.float32)})
        return dict(zip(self._names, answers))
