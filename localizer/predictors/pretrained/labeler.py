"""google/object_detection/mobile_object_labeler_v1: says what a crop shows. It has no boxes.

It takes crops from a detector. Its 631 labels hold "Cat", but no "Dog" (only "Dog bed" and "Hot
dog"). Google recommends to ignore scores below 0.35.
"""

import numpy as np

from localizer.errors import InputError
from localizer.predictors.pretrained.label_lists import embedded_labels
from localizer.predictors.pretrained.litert_graph import PhotoGraph

RECOMMENDED_SCORE = 0.35
_LABEL_LIST = "probability-labels-en.txt"


class Labeler:
    """A TF Lite classifier with its list of labels inside the file; threads may share it.

    Args:
        path: the .tflite file.

    Raises:
        InputError: cannot be opened, or holds no list of labels that fits its output.
    """

    def __init__(self, path):
        self._graph = PhotoGraph(path)
        self.cost = self._graph.cost
        outputs = self._graph.outputs
        labels = embedded_labels(path, _LABEL_LIST)
        if len(outputs) != 1 or outputs[0].shape != (1, len(labels)):
            raise InputError(
                f"{path}: not a labeler: it needs one output [1, labels], and as many lines in "
                f"{_LABEL_LIST} inside the file. Give mobile_object_labeler_v1.tflite"
            )
        self.labels = tuple(labels[i] for i in range(len(labels)))

    def classify(self, crops):
        """Scores of every label, float32 [n, labels], each in [0, 1] by itself (a sigmoid).

        Args:
            crops: uint8 RGB, each [height, width, 3] at its own size.
        """
        scores = np.empty((len(crops), len(self.labels)), np.float32)
        for row, crop in zip(scores, crops):
            (found,) = self._graph.run(crop)
            row[:] = found[0]
        return scores
