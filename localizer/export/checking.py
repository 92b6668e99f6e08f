"""Whether an exported file is the same model: its boxes against those of the Keras model."""

from dataclasses import dataclass

import numpy as np

from localizer.evaluation.iou_statistics import paired_difference
from localizer.images.boxes import clip_rel_xyxy, iou_xyxy

# Float arithmetic in another order moves a coordinate by about 1e-6.
FLOAT_DIFFERENCE = 1e-4
# Where a second look sees depends on the first box, which multiplies what rounding made of it.
SECOND_LOOK = 10
INTEGER_DROP = 0.01
INTEGER_BYTES = 500_000


@dataclass(frozen=True)
class Check:
    """How far an exported model is from its Keras model on the same images.

    Attributes:
        n: number of images.
        mean_iou, min_iou: IoU of the two boxes of an image.
        difference: largest absolute difference of all outputs: box, score, class.
        drop: mean IoU with the truth that was lost; negative when the export is better.
        drop_ci95: [low, high] of it.
        file_bytes: size of the file.
    """

    n: int
    mean_iou: float
    min_iou: float
    difference: float
    drop: float
    drop_ci95: list[float]
    file_bytes: int

    def failure(self, integer, foreign=False, looks=1):
        """What bar was missed, in words; "" when none was.

        Args:
            integer: whether the bars are those of 8-bit files.
            foreign: whether the images are not of the kind that the model was trained on. What it
                loses on them says less of the file, so then the loss has to be beyond chance: the
                lower end of its interval.
            looks: how often the model looks.
        """
        if not np.isfinite([self.mean_iou, self.difference, self.drop]).all():
            return "it puts out numbers that are not finite"
        if not integer:
            bound = FLOAT_DIFFERENCE * (SECOND_LOOK if looks == 2 else 1)
            differs = f"an output differs by {self.difference:.2g}, more than {bound:g}"
            return differs if self.difference > bound else ""
        if (self.drop_ci95[0] if foreign else self.drop) > INTEGER_DROP:
            return f"it loses {self.drop:.4f} of mean IoU, more than {INTEGER_DROP:g}"
        return ""


def compare(outputs, reference, truth_rel_xyxy, file_bytes):
    """Measure an export.

    Args:
        outputs, reference: dicts of arrays of the export and of the Keras model, `box` [n, 4]
            `rel_xyxy` and perhaps `score` and `class`.
        truth_rel_xyxy: [n, 4].
        file_bytes: size of the export.

    Returns:
        Check.
    """
    boxes, expected = clip_rel_xyxy(outputs["box"]), clip_rel_xyxy(reference["box"])
    iou = iou_xyxy(boxes, expected)
    lost = paired_difference(iou_xyxy(expected, truth_rel_xyxy), iou_xyxy(boxes, truth_rel_xyxy))
    differences = [np.abs(outputs[name] - reference[name]).max() for name in reference]
    return Check(
        n=len(boxes),
        mean_iou=float(iou.mean()),
        min_iou=float(iou.min()),
        difference=float(max(differences)),
        drop=lost["mean_difference"],
        drop_ci95=lost["ci95"],
        file_bytes=file_bytes,
    )
