"""An exported .onnx file as a predictor, run by ONNX Runtime on one thread."""

import numpy as np

from localizer.predictors.exported_file import ExportedModel
from localizer.predictors.onnx_session import open_onnx_session


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
        self._session = open_onnx_session(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self.check_graph(inputs[0].shape, {output.name: output.shape for output in outputs})
        self._input, self._names = inputs[0].name, [output.name for output in outputs]

    def run(self, images):
        """See `ExportedModel.run`."""
        answers = self._session.run(self._names, {self._input: images.astype(np.float32)})
        return dict(zip(self._names, answers))
