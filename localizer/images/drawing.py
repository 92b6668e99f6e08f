"""Boxes drawn on photos."""

import cv2
import numpy as np

from localizer.images import boxes
from localizer.images.colours import TRUTH, model_colour, rgb

# RGB. Apart in brightness too, for eyes that confuse red and green.
PREDICTION_COLOUR = rgb(model_colour(0))
TRUTH_COLOUR = rgb(TRUTH)
_DARK = (20, 20, 20)
_WHITE = (255, 255, 255)


def draw_boxes(photo, prediction_rel_xyxy, truth_rel_xyxy=None, text=""):
    """A copy of the photo with the prediction in red and the truth in green.

    Args:
        photo: uint8 RGB, [height, width, 3].
        prediction_rel_xyxy, truth_rel_xyxy: [4]; None or a box with NaN is not drawn.
        text: one short line of ASCII in the upper left corner.

    Returns:
        uint8 RGB of the same shape.
    """
    height, width = photo.shape[:2]
    canvas = np.ascontiguousarray(photo).copy()
    thickness = max(2, round(max(height, width) / 130))
    for box, colour in ((truth_rel_xyxy, TRUTH_COLOUR), (prediction_rel_xyxy, PREDICTION_COLOUR)):
        if box is None or not np.isfinite(box).all():
            continue
        corners = np.rint(boxes.rel_xyxy_to_abs_xyxy(box, width - 1, height - 1)).astype(int)
        low, high = corners[:2].tolist(), corners[2:].tolist()
        # The dark rim keeps the line visible on a background of its own colour.
        cv2.rectangle(canvas, low, high, _DARK, thickness + 2)
        cv2.rectangle(canvas, low, high, colour, thickness)
    if text:
        _write(canvas, text)
    return canvas


def _write(canvas, text):
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.4, max(canvas.shape[:2]) / 550)
    thickness = max(1, round(scale * 1.5))
    (width, height), below = cv2.getTextSize(text, font, scale, thickness)
    margin = height // 2
    cv2.rectangle(canvas, (0, 0), (width + 2 * margin, height + below + margin), _DARK, cv2.FILLED)
    cv2.putText(
        canvas, text, (margin, height + margin), font, scale, _WHITE, thickness, cv2.LINE_AA
    )


def png(photo: np.ndarray) -> bytes:
    """A PNG file of a photo, uint8 RGB [height, width, 3]."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def shrink(photo, longest_side):
    """The photo at a size whose longer side has at most `longest_side` pixels, same aspect."""
    factor = longest_side / max(photo.shape[:2])
    if factor >= 1:
        return photo
    size = [max(1, round(side * factor)) for side in (photo.shape[1], photo.shape[0])]
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
