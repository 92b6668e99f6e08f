"""Localize the object in photos with any model, from Python.

>>> from localizer import Localizer
>>> from skimage import data
>>> localizer = Localizer.load("models/pet_head.tflite")
>>> found = localizer.localize(data.chelsea())  # a path or a PIL image as well; 451 x 300 pixels
>>> found.xmin < 100 and found.xmax > 350 and found.score > 0.5
True
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import Image

from localizer.errors import InputError
from localizer.images.boxes import clip_rel_xyxy
from localizer.images.photos import as_rgb, is_one_photo
from localizer.images.reading_ahead import in_batches, read_ahead
from localizer.inference.localization import Localization, keeping, with_probabilities
from localizer.predictors.loading import at_any_folder, load_predictor
from localizer.predictors.predictor import Predictor, only_possible

Photo = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO | np.ndarray | Image.Image
Channels = Literal["rgb", "bgr"]
# In pixels: a thinner box would be printed as a line, and holds nothing.
_THINNEST = 0.1


@dataclass(frozen=True)
class LocalizedPhoto:
    """One photo on its way through `Localizer.stream`.

    Attributes:
        photo: what was given.
        pixels: uint8 RGB [height, width, 3]; None if it could not be read.
        localization: the answer; None if it could not be read.
        error: the InputError that says why, or None.
    """

    photo: Photo
    pixels: np.ndarray | None
    localization: Localization | None
    error: InputError | None


class Localizer:
    """Finds the object in photos with one model.

    Threads may share a Localizer, and may load several at once: each photo gets its own answer. One
    that `load` made can be pickled, for worker processes: where it is unpickled, the model is
    loaded anew from its file or by its name. After a fork one of a .tflite or .onnx file answers,
    and one that Keras or TensorFlow runs raises an InputError: load it in the worker.

    Args:
        predictor: as `load_predictor` gives it; `Localizer.load` is the usual way.
    """

    def __init__(self, predictor: Predictor):
        self._predictor = predictor
        self._model: str | None = None

    @property
    def predictor(self) -> Predictor:
        """What answers, as `evaluate` takes it."""
        return self._predictor

    def __repr__(self) -> str:
        predictor = self._predictor
        words = [repr(predictor.name)]
        words += [f"target {predictor.trained_on['target']!r}"] if predictor.trained_on else []
        # Only a network of this project has metadata.
        size = getattr(predictor, "metadata", {}).get("image_size")
        words += [f"{size} x {size} pixels"] if size else []
        words += [f"from {str(predictor.path)!r}"] if predictor.path else []
        return f"Localizer({', '.join(words)})"

    @classmethod
    def load(cls, model: str | os.PathLike) -> "Localizer":
        """Load a model: a run folder, a .keras, .tflite or .onnx file, or a name as `hub:...`.

        >>> Localizer.load("baseline:center")
        Localizer('baseline:center')

        Raises:
            InputError: no such model, or one that only a dataset makes (baseline:mean).
        """
        model = os.fspath(model)
        if model.endswith("baseline:mean"):  # As in flip:baseline:mean.
            raise InputError(f"{model}: needs a dataset; use baseline:center, or a trained model")
        localizer = cls(load_predictor(model, dataset=None))
        localizer._model = at_any_folder(model)
        return localizer

    def __getstate__(self) -> dict[str, Any]:
        # An interpreter or a session cannot be pickled; the model's name says all there is.
        return self.__dict__ | ({"_predictor": None} if self._model else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._model:
            self._predictor = load_predictor(self._model, dataset=None)

    def localize(self, photo: Photo, channels: Channels = "rgb") -> Localization:
        """Localize the object in one photo.

        Args:
            photo: a path; what such a file holds, as bytes or as a binary file object (an upload,
                an open file), read from where it stands; a NumPy array, uint8 or uint16, RGB
                [height, width, 3], grey [height, width] or RGBA [height, width, 4]; or a PIL image,
                taken as its pixels lie (for EXIF orientation give the path or the bytes, or
                `PIL.ImageOps.exif_transpose(image)`).
            channels: "bgr" for arrays that OpenCV read, which are BGR or BGRA. Files and PIL images
                know their own order, so it changes nothing for them.

        Raises:
            InputError: the file cannot be read, or it is no photo.

        >>> from skimage import data
        >>> Localizer.load("baseline:center").localize(data.chelsea())
        Localization(112.8, 75.0, 338.2, 225.0)
        """
        pixels = as_rgb(photo, channels)
        return keeping(self._answer([pixels])[0], photo, pixels, keep_pixels=True)

    def localize_batch(
        self, photos: Iterable[Photo], channels: Channels = "rgb"
    ) -> list[Localization]:
        """Localize the object in each photo; see `localize_many`. The answers keep their photos.

        >>> from skimage import data
        >>> localizer = Localizer.load("baseline:center")
        >>> [found.box for found in localizer.localize_batch([data.chelsea(), data.coins()])]
        [(112.75, 75.0, 338.25, 225.0), (96.0, 75.75, 288.0, 227.25)]
        """
        return list(self._answers(self.stream(photos, channels=channels), keep_pixels=True))

    def localize_many(
        self,
        photos: Iterable[Photo],
        batch_size: int = 32,
        workers: int | None = None,
        channels: Channels = "rgb",
    ) -> Iterator[Localization]:
        """Localize the object in any number of photos, in order and in bounded memory.

        Args:
            photos: each as for `localize`; drawn from as they are needed.
            batch_size: photos that the network works on at once.
            workers: threads that decode ahead of it (default: one per core, at most 8).
            channels: of arrays, as for `localize`.

        Raises:
            InputError: a photo cannot be used, when its turn has come; `stream` goes on instead.
        """
        yield from self._answers(self.stream(photos, batch_size, workers, channels))

    def _answers(self, batches, keep_pixels=False):
        for batch in batches:
            for item in batch:
                if item.error is not None:
                    raise item.error
                yield keeping(item.localization, item.photo, item.pixels, keep_pixels)

    def stream(
        self,
        photos: Iterable[Photo],
        batch_size: int = 32,
        workers: int | None = None,
        channels: Channels = "rgb",
    ) -> Iterator[list[LocalizedPhoto]]:
        """As `localize_many`, in batches, with the pixels, and with errors as part of the result.

        A batch may be smaller than `batch_size`: large photos come in smaller ones.
        """
        if is_one_photo(photos):
            raise InputError("several photos are expected; for a single one: localize(photo)")
        decoded = read_ahead(photos, partial(as_rgb, channels=channels), workers)
        for batch in in_batches(decoded, batch_size):
            readable = [pixels for _, pixels in batch if not isinstance(pixels, InputError)]
            answers = iter(self._answer(readable) if readable else ())
            yield [
                LocalizedPhoto(photo, None, None, result)
                if isinstance(result, InputError)
                else LocalizedPhoto(photo, result, next(answers), None)
                for photo, result in batch
            ]

    def _answer(self, photos):
        predictions = only_possible(self._predictor.predict(photos))
        found = zip(
            photos,
            clip_rel_xyxy(predictions.boxes_rel_xyxy).astype(float),
            predictions.scores,
            predictions.labels,
        )
        answers = [_localization(photo.shape, *answer) for photo, *answer in found]
        if predictions.probabilities is None:
            return answers
        return [
            with_probabilities(answer, predictions.classes, row)
            for answer, row in zip(answers, predictions.probabilities)
        ]


def _localization(shape, box_rel_xyxy, score, label):
    height, width = shape[:2]
    box = box_rel_xyxy * [width, height, width, height]
    score = float(score) if np.isfinite(score) else None
    if not (box[2:] - box[:2] >= _THINNEST).all():  # NaN, too.
        return Localization(None, None, None, None, score)
    xmin, ymin, xmax, ymax = box.tolist()
    return Localization(xmin, ymin, xmax, ymax, score, label or None)
