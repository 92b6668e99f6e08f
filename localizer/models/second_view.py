"""What the second of two looks sees."""

import numpy as np

# The second look's side as a multiple of that of the box that was found.
MARGIN = 1.5


# Its least side, as a share of the image's: an empty box has none.
SMALLEST = 0.05


def second_view(box_rel_xyxy, margin=MARGIN):
    """The part of the image around a box that a second look sees, inside the image.

    Args:
        box_rel_xyxy: float [4].
        margin: its side as a multiple of the box's.

    Returns:
        float [4] `rel_xyxy`.
    """
    low, high = np.asarray(box_rel_xyxy, np.float64).reshape(2, 2)
    side = np.clip((high - low) * margin, SMALLEST, 1.0)
    start = np.clip((low + high - side) / 2, 0.0, 1.0 - side)
    return np.concatenate([start, start + side])
