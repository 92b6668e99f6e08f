"""A run folder or a .keras file as a predictor."""

import contextlib

import keras
import numpy as np

from localizer.models.cost import count_macs
from localizer.models.model_file import find_model_file, load_model_file
from localizer.predictors.network import as_predictions, network_input
from localizer.predictors.predictor import Cost, Predictor
from localizer.runtimes.process_wide import fork_safe_lock
from localizer.runtimes.same_process import refuse_fork

# The network is compiled anew for another number of photos, which takes a second. There are two:
# one photo alone, and this many, filled up where there are fewer.
BATCH_PHOTOS = 16


class KerasModel(Predictor):
    """A trained localizer, fed with exactly the resize that it was trained with.

    Args:
        path: a run folder (its best.keras is taken) or a .keras file.
        name: shown in tables; the run's or the file's name when None.

    Attributes:
        path, name, cost, trained_on: see `Predictor`.
        metadata: what the file says of itself.

    Raises:
        InputError: missing, damaged, or not one of this project's models.
    """

    def __init__(self, path, name=None):
        self.path, found = find_model_file(path)
        self.name = name or found
        refuse_fork(self.path)
        # Keras answers threads at once on TensorFlow. On JAX it takes the weights out of the layers
        # and puts them back for each batch.
        alone = keras.backend.backend() != "tensorflow"
        self._turn = fork_safe_lock() if alone else contextlib.nullcontext()
        self._model, self.metadata = load_model_file(self.path)
        self.trained_on = self.metadata.get("dataset")
        self.runtime = f"Keras on {keras.backend.backend()}"
        self.cost = Cost(
            self._model.count_params(), count_macs(self._model), self.path.stat().st_size
        )

    def predict(self, photos):
        """See `Predictor.predict`."""
        refuse_fork(self.path)
        images = network_input(photos, self.metadata)
        with self._turn:
            outputs = self._run(images)
        return as_predictions(outputs, self.metadata.get("classes"))

    def _run(self, images):
        """The network's outputs for any number of images, each an array [n, ...]."""
        # Much quicker than `predict`, which sets up a data pipeline at each call.
        run = self._model.predict_on_batch
        if len(images) == 1:
            return run(images)
        parts = []
        for start in range(0, len(images), BATCH_PHOTOS):
            part = images[start : start + BATCH_PHOTOS]
            filled = np.resize(part, (BATCH_PHOTOS, *part.shape[1:]))
            parts.append({name: out[: len(part)] for name, out in run(filled).items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
