"""Parts of photos, and photos at other sizes."""

import cv2
import numpy as np

from localizer.images.boxes import clip_rel_xyxy

# A pixel counts from this share of it on: float32 boxes end a little behind the pixel they mean.
_TOUCH = 1e-3


def stretch(photo, size):
    """Resize a photo to `size` x `size` pixels without keeping its aspect ratio.

    Areas are averaged along a side that shrinks; one that grows is interpolated linearly.

    Args:
        photo: uint8 RGB, shape [height, width, 3].
        size: side of the result in pixels.

    Returns:
        uint8 RGB, shape [size, size, 3].
    """
    height, width = photo.shape[:2]
    shrunk = cv2.resize(photo, (min(width, size), min(height, size)), interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR)


def crop(photo, box_rel_xyxy, margin=0.0):
    """The part of a photo in a box: every pixel that the box touches, and at least one.

    Args:
        photo: uint8 [height, width, 3].
        box_rel_xyxy: [4].
        margin: widens the box on every side by this share of its width or height.
    """
    height, width = photo.shape[:2]
    low, high = np.split(np.asarray(box_rel_xyxy, np.float64), 2)
    edge = margin * (high - low)
    left, top, right, bottom = clip_rel_xyxy([*(low - edge), *(high + edge)]) * np.array(
        [width, height, width, height]
    )
    x0, y0 = min(int(left + _TOUCH), width - 1), min(int(top + _TOUCH), height - 1)
    x1 = max(int(np.ceil(right - _TOUCH)), x0 + 1)
    y1 = max(int(np.ceil(bottom - _TOUCH)), y0 + 1)
    return photo[y0:y1, x0:x1]


IDENTITY = np.eye(2, 3)


# Grey, so that what lies outside the photo is neither light nor dark to the network.
FILL = (124, 124, 124)


def warp(image, matrix, size):
    """Resample an image once, bilinearly, under a map; outside the photo is grey.

    Returns:
        uint8 RGB [size, size, 3].
    """
    height, width = image.shape[:2]
    linear = size * matrix[:, :2] / [width, height]
    # OpenCV's coordinates are those of pixel centres, ours those of edges: half a pixel apart.
    offset = size * matrix[:, 2] + linear @ [0.5, 0.5] - 0.5
    pixels = np.column_stack([linear, offset])
    return cv2.warpAffine(
        image,
        pixels,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=FILL,
    )


def resample(image, size):
    """The view of an image that is not augmented, as validation and inference see it."""
    return warp(image, IDENTITY, size)
