"""A SavedModel that export_model.py wrote, as a predictor, run by TensorFlow."""

import numpy as np
import tensorflow as tf

from localizer.errors import InputError
from localizer.predictors.exported_file import ExportedModel
from localizer.runtimes.same_process import refuse_fork


class SavedModel(ExportedModel):
    """A SavedModel folder; many photos go in as one batch.

    Args:
        path: the folder.

    Raises:
        InputError: damaged, or not written by export_model.py.
    """

    runtime = "TensorFlow"

    def __init__(self, path):
        super().__init__(path)
        refuse_fork(self.path)
        try:
            # Kept: a signature does not keep the variables of its module alive.
            self._module = tf.saved_model.load(str(path))
            self._localize = self._module.signatures["serving_default"]
            image = self._localize.structured_input_signature[1]["image"]
        except Exception as error:  # Damaged files surface as many kinds of exception.
            reason = str(error).strip().partition("\n")[0]
            raise InputError(f"{path}: cannot be loaded as a SavedModel ({reason})") from None
        outputs = self._localize.structured_outputs
        self.check_graph(
            image.shape.as_list(), {name: out.shape.as_list() for name, out in outputs.items()}
        )

    def run(self, images):
        """See `ExportedModel.run`."""
        refuse_fork(self.path)
        answers = self._localize(image=tf.constant(images, tf.float32))
        return {name: np.asarray(values) for name, values in answers.items()}
