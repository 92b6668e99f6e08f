"""A TF Lite SSD whose outputs are as the network gives them: box encodings and class logits."""

import numpy as np

from localizer.errors import InputError
from localizer.images.boxes import clip_rel_xyxy, is_possible_rel_xyxy, rel_yxyx_to_rel_xyxy
from localizer.predictors.predictor import Predictor
from localizer.predictors.pretrained.detections import NO_ANSWER, as_predictions, class_ids
from localizer.predictors.pretrained.ssd_anchors import decode_rel_yxyx, ssd_anchors


class RawSsdDetector(Predictor):
    """The best-scoring box among the classes asked for; class 0 is the background.

    Needs no non-maximum suppression, because only the best box is wanted.

    Args:
        graph: an opened file with outputs [1, 1917, 4] and [1, 1917, classes]: SSD on MobileNet at
            300 pixels, see `ssd_anchors`.
        name, classes, labels, notes, seen_categories: see `LitertDetector`. Threads may share it.

    Raises:
        InputError: a class that the model does not have.
    """

    def __init__(
        self, graph, name, classes=None, labels=None, notes=(), seen_categories=frozenset()
    ):
        self.name, self.notes, self.seen_categories = name, tuple(notes), frozenset(seen_categories)
        self.cost, self.path, self.runtime = graph.cost, graph.path, graph.runtime
        self._graph, self._labels = graph, labels or {}
        self._encodings, self._logits = _raw_places(graph.outputs)
        self._anchors = ssd_anchors()
        count = graph.outputs[self._logits].shape[2]
        wanted = class_ids(classes, self._labels, graph.path)
        self._ids = np.array(sorted(wanted or range(1, count)))
        if self._ids[-1] >= count or self._ids[0] < 1:
            raise InputError(f"{graph.path}: its classes are 1 to {count - 1}; 0 is the background")

    def predict(self, photos):
        """See `Predictor.predict`."""
        return as_predictions([self._best(photo) for photo in photos])

    def _best(self, photo):
        outputs = self._graph.run(photo)
        encodings, logits = outputs[self._encodings][0], outputs[self._logits][0][:, self._ids]
        logits = np.where(np.isfinite(logits), logits, -np.inf)
        # The best box decides nearly always; the next ones are for boxes that cannot be.
        while np.isfinite(logits).any():
            anchor, column = np.unravel_index(np.argmax(logits), logits.shape)
            box = rel_yxyx_to_rel_xyxy(decode_rel_yxyx(encodings[anchor], self._anchors[anchor]))
            if is_possible_rel_xyxy(box):
                score = 1 / (1 + np.exp(-np.float64(logits[anchor, column])))
                class_id = int(self._ids[column])
                return clip_rel_xyxy(box), score, self._labels.get(class_id, str(class_id))
            logits[anchor] = -np.inf
        return NO_ANSWER


def is_raw_outputs(outputs):
    """Whether a list of `GraphOutput` is encodings and logits over SSD's 1,917 anchors."""
    return _raw_places(outputs) is not None


def _raw_places(outputs):
    """The places of the encodings and of the logits, or None."""
    shapes = [output.shape for output in outputs]
    if len(outputs) != 2 or any(len(s) != 3 or s[:2] != (1, 1917) for s in shapes):
        return None
    # Encodings have 4 columns; a network with 4 classes is told apart by its outputs' names.
    named = any("box" in name for name in outputs[0].names)
    boxes_first = shapes[0][2] == 4 and (shapes[1][2] != 4 or named)
    if not boxes_first and shapes[1][2] != 4:
        return None
    return (0, 1) if boxes_first else (1, 0)
