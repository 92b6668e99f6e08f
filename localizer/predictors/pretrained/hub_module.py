"""A SavedModel detector: a TF1 hub module, or an export of the TF Object Detection API.

google/openimages_v4/ssd/mobilenet_v2 documents: input float32 [1, height, width, 3] in [0, 1],
one photo at a time at its own size; outputs detection_boxes [n, 4] as `rel_yxyx`, detection_scores
[n], detection_class_labels [n] (ids), detection_class_entities and detection_class_names [n] (the
names, and Open Images' ids of them, such as /m/01yrx). Others have detection_classes instead,
num_detections, and a batch axis.
"""

import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from localizer.errors import InputError
from localizer.images.boxes import clip_rel_xyxy
from localizer.predictors.predictor import Cost, Predictor, bytes_of
from localizer.predictors.pretrained.detections import as_predictions, best_detection
from localizer.predictors.pretrained.detector_options import DetectorOptions
from localizer.predictors.pretrained.photo_input import scaled, stretch_to
from localizer.runtimes.same_process import refuse_fork

_NO_OPTIONS = DetectorOptions()
_SIGNATURES = ("default", "serving_default")
_NEEDED = ("detection_boxes", "detection_scores")


class HubModule(Predictor):
    """The best-scoring box among the classes asked for.

    Args:
        path: folder with saved_model.pb.
        name, classes, notes, seen_categories: see `LitertDetector`; a class is known by its name,
            by Open Images' id, or by its number, in any case. Threads may share it.
        options: the `DetectorOptions`, of which range, size and signature are heeded here: a float
            input gets 0 to 1, and a photo its own size where that is open, unless they say other.

    Raises:
        InputError: cannot be loaded, or its signature is not one of a detector.
    """

    runtime = "TensorFlow"

    def __init__(
        self, path, name, classes=None, notes=(), seen_categories=frozenset(), options=_NO_OPTIONS
    ):
        self.name, self.notes, self.seen_categories = name, tuple(notes), frozenset(seen_categories)
        self.path = path = Path(path)
        refuse_fork(path)
        self._options = options
        self._wanted = {wanted.casefold() for wanted in classes or ()}
        try:
            # Kept: a signature does not keep the variables of its module alive.
            self._module = tf.saved_model.load(str(path))
        except Exception as error:  # Damaged files surface as many kinds of exception.
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{path}: cannot be loaded as a SavedModel ({reason})") from None
        self._signature, self._input, self._image = self._find_signature()
        self._size = self._input_size()
        # A TF1 module lists its variables, a TF2 one leaves them to its functions.
        variables = getattr(self._module, "variables", ()) or self._signature.variables
        weights = [math.prod(variable.shape) for variable in variables]
        self.cost = Cost(sum(weights) or None, None, bytes_of(path))

    def _find_signature(self):
        """(signature, name of its input, TensorSpec of its input)."""
        asked = self._options.signature
        for name in (asked,) if asked else _SIGNATURES:
            signature = self._module.signatures.get(name)
            if signature is None or not set(_NEEDED) <= set(signature.structured_outputs):
                continue
            inputs = signature.structured_input_signature[1]
            image = next(iter(inputs.values()), None)
            rank = image.shape.rank if len(inputs) == 1 else None
            is_photo = rank is None or (rank == 4 and image.shape[3] in (3, None))
            if len(inputs) == 1 and is_photo and image.dtype in (tf.uint8, tf.float32):
                return signature, next(iter(inputs)), image
        raise InputError(
            f"{self.path}: not a detector. It needs a signature "
            f"{' or '.join((asked,) if asked else _SIGNATURES)} that "
            f"takes one uint8 or float32 image and gives {' and '.join(_NEEDED)}; it has: "
            f"{', '.join(self._module.signatures) or 'none'}"
        )

    def predict(self, photos):
        """See `Predictor.predict`."""
        refuse_fork(self.path)
        return as_predictions([self._best(photo) for photo in photos])

    def _best(self, photo):
        found = self._signature(**{self._input: tf.constant(self._fitted(photo)[None])})
        found = {name: value.numpy() for name, value in found.items()}
        boxes = found["detection_boxes"].reshape(-1, 4)
        scores = found["detection_scores"].ravel()
        names = _class_names(found, len(scores))
        wanted = np.array([not self._wanted or bool(self._wanted & n) for _, n in names], bool)
        if "num_detections" in found:
            wanted &= np.arange(len(scores)) < int(found["num_detections"].ravel()[0])
        labels = [label for label, _ in names]
        box, score, label = best_detection(boxes, scores, labels, wanted, self.path)
        return clip_rel_xyxy(box), score, label

    def _input_size(self):
        """(height, width) of the input; None for the photo's own."""
        shape, asked = self._image.shape, self._options.size
        sides = shape[1:3].as_list() if shape.rank == 4 else [None, None]
        size = [own or said for own, said in zip(sides, asked or (None, None))]
        if asked and tuple(size) != asked:
            raise InputError(
                f"{self.path}: the input is {shape.as_list()}, which cannot be {asked[0]} x "
                f"{asked[1]} (height x width): leave size= away"
            )
        if (self._options.range or "0..255") != "0..255" and self._image.dtype == tf.uint8:
            raise InputError(f"{self.path}: its input is uint8, bytes: leave range= away")
        return size

    def _fitted(self, photo):
        height, width = (side or own for side, own in zip(self._size, photo.shape))
        photo = stretch_to(photo, height, width)
        if self._image.dtype == tf.uint8:
            return photo
        return scaled(photo, self._options.range or "0..1")


def _class_names(found, count):
    """For each box its label, and all that its class may be called, in lower case."""
    columns = []
    for name in ("detection_class_entities", "detection_class_names"):
        if name in found:
            columns.append([text.decode() for text in found[name].ravel()])
    for name in ("detection_class_labels", "detection_classes"):
        if name in found:
            columns.append([str(int(number)) for number in found[name].ravel()])
    rows = list(zip(*columns)) if columns else [("",)] * count
    # The first that is a word: which of the two columns has the words differs between modules.
    return [
        (next((n for n in row if not n.startswith("/m/")), row[0]), {n.casefold() for n in row})
        for row in rows
    ]
