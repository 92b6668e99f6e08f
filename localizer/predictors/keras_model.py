"""A run folder or a .keras file as a predictor."""

from pathlib import Path

import keras
import numpy as np

from localizer.augmentation import resample
from localizer.boxes import clip_rel_xyxy
from localizer.models.cost import count_macs
from localizer.models.model_file import load_model_file
from localizer.photos import stretch
from localizer.predictors.predictor import Cost, Predictions

# The network is compiled anew for another number of photos, which takes a second. There are two:
# one photo alone, and this many, filled up where there are fewer.
BATCH_PHOTOS = 16


class KerasModel:
    """A trained localizer, fed with exactly the resize that it was trained with.

    Args:
        path: a run folder (its best.keras is taken) or a .keras file.
        name: shown in tables; the run's or the file's name when None.

    Raises:
        InputError: missing, damaged, or not one of this project's models.
    """

    def __init__(self, path, name=None):
        path = Path(path)
        file = self.path = path / "best.keras" if path.is_dir() else path
        # A run is known by its folder, however its model is named.
        in_run = path.is_dir() or path.name == "best.keras"
        self.name = name or (file.resolve().parent.name if in_run else path.stem)
        self._model, self._description = load_model_file(file)
        self.trained_on = self._description.get("dataset")
        self.runtime = f"Keras on {keras.backend.backend()}"
        self.cost = Cost(self._model.count_params(), count_macs(self._model), file.stat().st_size)

    def predict(self, photos):
        """See `Predictor.predict`."""
        stored, size = self._description["stored_size"], self._description["image_size"]
        images = np.stack([resample(stretch(photo, stored), size) for photo in photos])
        outputs = self._run(images)
        n = len(photos)
        scores = np.asarray(outputs.get("score", np.full(n, np.nan)), np.float32)
        labels = [""] * n
        if "class" in outputs:
            names = self._description["classes"]
            labels = [names[i] for i in np.asarray(outputs["class"]).argmax(axis=-1)]
        return Predictions(clip_rel_xyxy(outputs["box"]), scores, labels)

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
