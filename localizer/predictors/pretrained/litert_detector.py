"""TF Lite detectors with the usual four post-processed outputs: boxes, classes, scores, count.

They are what the TF Object Detection API, Model Maker and the hub's TF Lite builds export. Boxes
are `rel_yxyx` [1, n, 4] (or in the order that TF Lite Metadata say) and may lie a little outside of
the image; classes and scores are [1, n], the count is one number. The order of the outputs differs
between exports.
"""

import numpy as np

from localizer.errors import InputError
from localizer.images.boxes import clip_rel_xyxy
from localizer.predictors.predictor import Predictor
from localizer.predictors.pretrained.detections import as_predictions, best_detection, class_ids

POST_PROCESSING = "TFLite_Detection_PostProcess"
# In the order in which that operation documents its outputs. The first word of each, alone, goes
# before a name that only holds one of them.
_WORDS = {
    "boxes": (("detection_boxes", "boxes", "location"), ("box", "location")),
    "classes": (("detection_classes", "classes", "category"), ("class", "categor")),
    "scores": (("detection_scores", "scores", "score"), ("score",)),
    "count": (("num_detections", "count", "number of detections"), ("count", "num")),
}
# Further from a whole number, or from 0 to 1, than rounding leads: no class, or no score.
_ROUNDING = 1e-3


class LitertDetector(Predictor):
    """The best-scoring box among the classes asked for; no threshold, so that IoU sees every box.

    Google recommends to ignore scores below 0.2 of mobile_object_localizer_v1; the score stands in
    the predictions for whoever wants to. Threads may share it.

    Args:
        graph: the opened file, a `PhotoGraph`.
        name: shown in tables.
        classes: names or ids, as text, of the classes that count; None for any.
        labels: {id: name}; where there is no name, the id is the label.
        notes, seen_categories: see `Predictor`.

    Raises:
        InputError: other outputs, outputs that cannot be told apart, or a class that the model does
            not have.
    """

    def __init__(
        self, graph, name, classes=None, labels=None, notes=(), seen_categories=frozenset()
    ):
        self.name, self.notes, self.seen_categories = name, tuple(notes), frozenset(seen_categories)
        self.cost, self.path, self.runtime = graph.cost, graph.path, graph.runtime
        self._graph, self._labels = graph, labels or {}
        self._places = _four_places(graph)
        self._order = graph.outputs[self._places["boxes"]].metadata.box_order
        self._wanted = class_ids(classes, self._labels, graph.path)

    def predict(self, photos):
        """See `Predictor.predict`."""
        return as_predictions([self._best(photo) for photo in photos])

    def _best(self, photo):
        outputs = self._graph.run(photo)
        boxes, classes, scores, count = (outputs[self._places[part]] for part in _WORDS)
        boxes, classes, scores = boxes.reshape(-1, 4), classes.ravel(), scores.ravel()
        if not len(boxes) == len(classes) == len(scores):
            raise InputError(
                f"{self.path}: {len(boxes)} boxes, {len(classes)} classes and {len(scores)} scores "
                "for a photo"
            )
        if self._order:
            left, top, right, bottom = self._order
            boxes = boxes[:, [top, left, bottom, right]]
        wanted = np.arange(len(scores)) < np.nan_to_num(count.ravel()[:1])
        wanted &= np.isfinite(classes)
        classes = np.rint(np.where(wanted, classes, -1)).astype(int)
        if self._wanted is not None:
            wanted &= np.isin(classes, list(self._wanted))
        labels = [self._labels.get(i, str(i)) for i in classes]
        box, score, label = best_detection(boxes, scores, labels, wanted, self.path)
        return clip_rel_xyxy(box), score, label


def is_four_outputs(outputs):
    """Whether a list of `GraphOutput` is boxes, classes, scores and count, in whatever order."""
    return _by_name(outputs) is not None or _by_shape(outputs) is not None


def _four_places(graph):
    """{"boxes": place in `graph.outputs`, ...}."""
    documented = graph.outputs_of(POST_PROCESSING)
    found = dict(zip(_WORDS, documented)) if documented and len(documented) == 4 else None
    if found and _fits(graph.outputs, found):
        return found
    found = _by_name(graph.outputs)
    if found:
        return found
    found = _by_shape(graph.outputs)
    if found:
        return _told_apart(graph, found)
    seen = ", ".join(f"{''.join(o.names[:1])} {list(o.shape)}" for o in graph.outputs)
    raise InputError(
        f"{graph.path}: not a detector that is known here. It needs four outputs, boxes "
        f"[1, n, 4], classes [1, n], scores [1, n] and count [1]; it has: {seen}. Export it "
        f"with {POST_PROCESSING}, or with a signature that names its outputs"
    )


def _by_name(outputs):
    """By what the signature, the metadata or the tensors call them; None unless each is clear."""
    for rank in range(max((len(output.names) for output in outputs), default=0)):
        names = [
            output.names[rank].lower() if rank < len(output.names) else "" for output in outputs
        ]
        found = {}
        for part, (exact, words) in _WORDS.items():
            fitting = [i for i, name in enumerate(names) if name in exact] or [
                i for i, name in enumerate(names) if any(word in name for word in words)
            ]
            if len(fitting) == 1:
                found[part] = fitting[0]
        if len(set(found.values())) == 4 and _fits(outputs, found):
            return found
    return None


def _fits(outputs, found):
    """Whether their shapes are [1, n, 4], [1, n], [1, n] and one number; () and -1 are unknown."""
    boxes, classes, scores, count = (outputs[found[part]].shape for part in _WORDS)
    rows = boxes[:2] or (1, -1)
    fits = _alike(boxes, (1, -1, 4)) and _alike(classes, rows) and _alike(scores, rows)
    return fits and (-1 in count or np.prod(count) == 1)


def _alike(shape, wanted):
    if not shape:
        return True
    return len(shape) == len(wanted) and all(
        side == other or -1 in (side, other) for side, other in zip(shape, wanted)
    )


def _by_shape(outputs):
    """By their shapes: {"boxes", "count": place, "pair": the places of classes and scores}."""
    shapes = [output.shape for output in outputs]
    boxes = [i for i, shape in enumerate(shapes) if len(shape) == 3 and shape[::2] == (1, 4)]
    if len(outputs) != 4 or len(boxes) != 1:
        return None
    pair = [i for i, shape in enumerate(shapes) if shape == shapes[boxes[0]][:2]]
    count = [i for i in range(4) if i not in (*boxes, *pair)]
    if len(pair) != 2 or np.prod(shapes[count[0]]) != 1:
        return None
    return {"boxes": boxes[0], "count": count[0], "pair": pair}


def _told_apart(graph, found):
    """Classes and scores have one shape: classes are whole numbers, scores lie in 0 to 1."""
    one, other = found.pop("pair")
    possible = {(one, other), (other, one)}
    for place in (one, other):
        if graph.outputs[place].dtype in (np.int32, np.int64):
            possible = {(classes, scores) for classes, scores in possible if classes == place}
    for photo in _drawn_photos():
        outputs = graph.run(photo)
        count = int(np.nan_to_num(outputs[found["count"]].ravel()[0]))
        for classes, scores in tuple(possible):
            # Where nothing is found, the rows are filled with what tells nothing.
            rows = slice(0, count) if count > 0 else slice(None)
            if not _are_classes(outputs[classes].ravel()[rows]) or not _are_scores(
                outputs[scores].ravel()[rows]
            ):
                possible.discard((classes, scores))
    if len(possible) != 1:
        raise InputError(
            f"{graph.path}: its outputs have no names, and of two it cannot be told which are the "
            "classes and which the scores. Export it with a signature that names them "
            "(detection_boxes, detection_classes, detection_scores, num_detections)"
        )
    (classes, scores) = possible.pop()
    return found | {"classes": classes, "scores": scores}


def _are_classes(values):
    return np.isfinite(values).all() and (np.abs(values - np.rint(values)) < _ROUNDING).all()


def _are_scores(values):
    return (
        np.isfinite(values).all()
        and (values >= -_ROUNDING).all()
        and (values <= 1 + _ROUNDING).all()
    )


def _drawn_photos():
    """Photos that make a detector answer something, whatever it looks for."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    square = np.full((64, 64, 3), 30, np.uint8)
    square[16:48, 16:48] = 220
    return noise, square, 255 - square, np.sort(noise, axis=0)
