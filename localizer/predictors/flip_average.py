"""Test-time averaging: the mean of a photo's box and its mirror image's, at twice the cost."""

from dataclasses import replace

import numpy as np

from localizer.images.boxes import iou_xyxy
from localizer.predictors.predictor import Cost, Predictor, only_possible

PREFIX = "flip:"


class FlipAverage(Predictor):
    """Any predictor, asked twice.

    The score is the mean score times the IoU of the two boxes: a network that contradicts its
    mirror image is not to be trusted. The class is that of the photo as it is.

    Args:
        predictor: the `Predictor` that is asked.
    """

    def __init__(self, predictor):
        self.take_facts_of(predictor)
        self.name = PREFIX + predictor.name
        cost = predictor.cost
        macs = None if cost.macs is None else 2 * cost.macs
        self.cost = Cost(cost.parameters, macs, cost.file_bytes)
        self._predictor = predictor

    def predict(self, photos):
        """See `Predictor.predict`."""
        straight = self._predictor.predict(photos)
        mirrored = self._predictor.predict([np.ascontiguousarray(p[:, ::-1]) for p in photos])
        back = mirror_rel_xyxy(mirrored.boxes_rel_xyxy)
        agreement = np.nan_to_num(iou_xyxy(straight.boxes_rel_xyxy, back)).astype(np.float32)
        return only_possible(
            replace(
                straight,
                boxes_rel_xyxy=(straight.boxes_rel_xyxy + back) / 2,
                scores=(straight.scores + mirrored.scores) / 2 * agreement,
            )
        )


def mirror_rel_xyxy(boxes_rel_xyxy):
    """Boxes [n, 4] in the mirror image."""
    xmin, ymin, xmax, ymax = np.asarray(boxes_rel_xyxy).T
    return np.stack([1 - xmax, ymin, 1 - xmin, ymax], axis=-1)
