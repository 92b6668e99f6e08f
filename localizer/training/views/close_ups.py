"""What the second of two looks sees, and views like it to train on.

At inference the box that the first look found says where the second one looks
(`localizer.models.two_looks`). In training the true box does, with errors like those of a first
look: so one network learns both looks, each view for itself.
"""

import numpy as np

from localizer.models.second_view import second_view

# Share of the training views that are close-ups.
SHARE = 0.5
# Close-ups are trained on from nearer and farther than the second look is: the whole photos, and
# with them the first look, gain from what lies between.
_NEAREST, _FARTHEST = 1.25, 2.5
# Mean error of an edge, as a share of the box's side, and of the few boxes that are far off. In
# first looks at validation photos its median is 0.04, and one in ten is off by 0.2 or more.
_ERROR, _GROSS_ERROR, _GROSS_SHARE = 0.06, 0.25, 0.15
_MOST_ERROR = 0.45


def wrong_box(numbers, box_rel_xyxy):
    """A box as a first look might find it, each edge with an error of a Laplace distribution.

    Args:
        numbers: five uniform numbers in [0, 1).
        box_rel_xyxy: float [4].

    Returns:
        float [4] `rel_xyxy`, of positive width and height where the box is.
    """
    box = np.asarray(box_rel_xyxy, np.float64)
    scale = _GROSS_ERROR if numbers[4] < _GROSS_SHARE else _ERROR
    signed = 2 * numbers[:4] - 1
    # The inverse of the distribution function; the bound keeps the logarithm finite.
    errors = -scale * np.sign(signed) * np.log(np.maximum(1 - np.abs(signed), 1e-9))
    return box + np.tile(box[2:] - box[:2], 2) * np.clip(errors, -_MOST_ERROR, _MOST_ERROR)


def close_up(numbers, box_rel_xyxy):
    """A map from the image to a close-up of a wrong box, as those of `training.augmentation`.

    Args:
        numbers: six uniform numbers in [0, 1).
        box_rel_xyxy: float [4].
    """
    margin = _NEAREST * (_FARTHEST / _NEAREST) ** numbers[5]
    view = second_view(wrong_box(numbers, box_rel_xyxy), margin)
    scale = 1 / (view[2:] - view[:2])
    return np.column_stack([np.diag(scale), -view[:2] * scale])
