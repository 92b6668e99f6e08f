"""TF Lite detectors with the usual four post-processed outputs: boxes, classes, scores, count.

They are what the TF Object Detection API, Model Maker and the hub's TF Lite builds export. Boxes
are `rel_yxyx` [1, n, 4] and may lie a little outside of the image; classes and scores are [1, n],
the count is [1].
"""

import numpy as np

from localizer.boxes import clip_rel_xyxy
from localizer.errors import InputError
from localizer.predictors.detections import as_predictions, best_detection, class_ids

_WORDS = {
    "boxes": ("boxes", "box", "location"),
    "classes": ("classes", "class", "categor"),
    "scores": ("scores", "score"),
    "count": ("count", "num"),
}


class LitertDetector:
    """The best-scoring box among the classes asked for; no threshold, so that IoU sees every box.

    Google recommends to ignore scores below 0.2 of mobile_object_localizer_v1; the score stands in
    the predictions for whoever wants to.

    Args:
        graph: the opened file, a `PhotoGraph`.
        name: shown in tables.
        classes: names or ids, as text, of the classes that count; None for any.
        labels: {id: name}; where there is no name, the id is the label.
        notes, seen_breeds: see `Predictor`.

    Raises:
        InputError: other outputs, or a class that the model does not have.
    """

    trained_on = None

    def __init__(self, graph, name, classes=None, labels=None, notes=(), seen_breeds=frozenset()):
        self.name, self.notes, self.seen_breeds = name, tuple(notes), frozenset(seen_breeds)
        self.cost, self.path, self.runtime = graph.cost, graph.path, graph.runtime
        self._graph, self._labels = graph, labels or {}
        self._outputs = _four_outputs(graph)
        self._wanted = class_ids(classes, self._labels, graph.path)

    def predict(self, photos):
        """See `Predictor.predict`."""
        return as_predictions([self._best(photo) for photo in photos])

    def _best(self, photo):
        self._graph.run(photo)
        boxes, classes, scores = (
            self._graph.read(self._outputs[part]) for part in ("boxes", "classes", "scores")
        )
        count = self._graph.interpreter.get_tensor(self._outputs["count"]["index"])
        classes = np.rint(classes).astype(int)
        wanted = np.arange(len(scores)) < int(np.ravel(count)[0])
        if self._wanted is not None:
            wanted &= np.isin(classes, list(self._wanted))
        labels = [self._labels.get(i, str(i)) for i in classes]
        box, score, label = best_detection(boxes, scores, labels, wanted)
        return clip_rel_xyxy(box), score, label


def _four_outputs(graph):
    found = _found_outputs(graph)
    if found is None:
        seen = ", ".join(
            f"{output['name']} {output['shape'].tolist()}"
            for output in graph.interpreter.get_output_details()
        )
        raise InputError(
            f"{graph.path}: not a detector that is known here. It needs four outputs, boxes "
            f"[1, n, 4], classes [1, n], scores [1, n] and count [1]; it has: {seen}. Export it "
            "with TFLite_Detection_PostProcess, or with a signature that names its outputs"
        )
    return found


def _found_outputs(graph):
    """{"boxes": details, ...}, or None. The order of the outputs differs between exports."""
    outputs = {output["index"]: output for output in graph.interpreter.get_output_details()}
    if len(outputs) != 4:
        return None
    found = _by_operation(graph.interpreter, outputs) or _by_name(graph.interpreter, outputs)
    if found is None:
        return None
    boxes = tuple(found["boxes"]["shape"])
    fits = len(boxes) == 3 and boxes[0] == 1 and boxes[2] == 4
    fits = fits and all(tuple(found[part]["shape"]) == boxes[:2] for part in ("classes", "scores"))
    return found if fits and np.prod(found["count"]["shape"]) == 1 else None


def _by_operation(interpreter, outputs):
    """The post-processing operation documents the order: boxes, classes, scores, count."""
    for op in interpreter._get_ops_details():
        if op["op_name"] == "TFLite_Detection_PostProcess":
            indices = [int(index) for index in op["outputs"]]
            if all(index in outputs for index in indices):
                return dict(zip(_WORDS, (outputs[index] for index in indices)))
    return None


def _by_name(interpreter, outputs):
    """By the signature's names, or those of the tensors; None unless each is clear."""
    names = {index: output["name"] for index, output in outputs.items()}
    if interpreter.get_signature_list():
        signature = interpreter.get_signature_runner().get_output_details()
        names |= {output["index"]: name for name, output in signature.items()}
    found = {}
    for part, words in _WORDS.items():
        fitting = [i for i, name in names.items() if any(word in name.lower() for word in words)]
        if len(fitting) != 1:
            return None
        found[part] = outputs[fitting[0]]
    return found if len({output["index"] for output in found.values()}) == 4 else None
