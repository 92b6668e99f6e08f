"""Augmentation as a function of (seed, epoch, sample): the same whatever the batch or thread.

The random numbers of a sample come from a Philox generator keyed by the three (J. Salmon et al.,
"Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011). Each part reads its own numbers, so
switching one off leaves the others as they were. All geometry is one affine map, so pixels are
resampled once, from the stored image straight to the network's input.

Maps are 2 x 3 matrices that take (x, y) in `rel` units of the stored image to `rel` units of the
result. Images are uint8 RGB [height, width, 3].
"""

from dataclasses import replace

import cv2
import numpy as np

from localizer.images.boxes import area_xyxy, clip_rel_xyxy
from localizer.images.resizing import IDENTITY, warp
from localizer.training.views.close_ups import close_up

_ATTEMPTS = 8
# Luma weights of ITU-R BT.601, which keep brightness when the saturation changes.
_LUMA = np.array([0.299, 0.587, 0.114])


def philox(seed, stream):
    """The generator of one stream of a seed; both integers from 0 to 2**64 - 1."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, stream], np.uint64)))


def random_numbers(seed, epoch, index):
    """The random numbers of one sample in one epoch.

    Returns:
        Those of the geometry [8, 7], of the colour and the rest [16], and of close-ups [8, 6].
    """
    generator = philox(seed, (epoch << 40) | index)
    return (
        generator.random((_ATTEMPTS, 7)),
        generator.random(16),
        generator.random((_ATTEMPTS, 6)),
    )


def augment(image, box_rel_xyxy, size, config, seed, epoch, index, close_ups=0.0):
    """One training view of a sample.

    Args:
        image: uint8 RGB [S, S, 3].
        box_rel_xyxy: float [4].
        size: side of the result in pixels.
        config: AugmentationConfig.
        seed, epoch, index: what the view depends on.
        close_ups: probability that the view is one like those of a second look.

    Returns:
        uint8 RGB [size, size, 3], and the box in it, float32 [4] `rel_xyxy`.
    """
    geometry, rest, near = random_numbers(seed, epoch, index)
    close = near if rest[15] < close_ups else None
    matrix, box_rel_xyxy = draw_map(geometry, box_rel_xyxy, config, close)
    image = warp(image, matrix, size)
    image = change_colour(image, colour_matrix(rest[:5], config))
    image = blur(image, rest[5:7], config)
    return erase(image, rest[7:15], config), box_rel_xyxy


def draw_map(numbers, box_rel_xyxy, config, close=None):
    """The first of several random maps that keeps enough of the box in view; else the identity.

    Args:
        numbers: uniform in [0, 1), [attempts, 7].
        box_rel_xyxy: float [4].
        close: for close-ups, uniform in [0, 1), [attempts, 6]. Their errors move and resize the
            box already, so of the rest only the flip and the rotation are drawn.

    Returns:
        The map, and the box under it, clipped to the image.
    """
    if close is not None:
        config = replace(config, zoom_in=1.0, zoom_out=1.0, translation=0.0, aspect=1.0)
    for i, attempt in enumerate(numbers):
        matrix = affine_map(attempt, config)
        if close is not None:
            matrix = _after(matrix, close_up(close[i], box_rel_xyxy))
        moved = map_box(box_rel_xyxy, matrix)
        clipped = clip_rel_xyxy(moved)
        visible = area_xyxy(clipped)
        if visible > 0 and visible >= config.min_visible * area_xyxy(moved):
            return matrix, clipped
    return IDENTITY, np.asarray(box_rel_xyxy, np.float32)


def _after(second, first):
    """The map that does what one map does and then what another does."""
    return np.column_stack(
        [second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]]
    )


def affine_map(numbers, config):
    """Flip, zoom, aspect, rotation and translation about the image's centre, as one map.

    Args:
        numbers: seven uniform numbers in [0, 1).
    """
    signed = 2 * numbers - 1
    log_zoom = np.log(config.zoom_out) + np.log(config.zoom_in)
    zoom = np.exp(numbers[1] * log_zoom - np.log(config.zoom_out))
    stretch = np.exp(signed[2] * np.log(config.aspect) / 2)
    angle = np.radians(signed[3] * config.rotation)
    mirror = -1.0 if numbers[0] < config.flip else 1.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation @ np.diag([mirror * zoom * stretch, zoom / stretch])
    # A view larger than the photo wanders by the photo's rest, a smaller one by its own.
    shift = signed[4:6] * (config.translation + abs(zoom - 1) / 2 * (config.translation > 0))
    offset = 0.5 + shift - linear @ [0.5, 0.5]
    return np.column_stack([linear, offset])


def map_box(box_rel_xyxy, matrix):
    """The bounds of the ellipse inscribed in a box, under a map.

    A head fills its box like an ellipse: the bounds of the turned rectangle would be too large by
    up to 41 %. Without rotation both are the same.

    Returns:
        float32 [4] `rel_xyxy`, which may reach outside the image.
    """
    box = np.asarray(box_rel_xyxy, np.float64)
    centre = matrix[:, :2] @ ((box[:2] + box[2:]) / 2) + matrix[:, 2]
    spans = matrix[:, :2] * ((box[2:] - box[:2]) / 2)
    half = np.hypot(*spans.T)
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def colour_matrix(numbers, config):
    """Brightness, contrast, saturation, hue and grey as one 3 x 4 matrix on RGB in 0..255.

    Args:
        numbers: five uniform numbers in [0, 1).
    """
    signed = 2 * numbers - 1
    saturation = np.exp(signed[2] * np.log(config.saturation))
    if numbers[4] < config.grey:
        saturation = 0.0
    grey = np.tile(_LUMA, (3, 1))
    linear = grey + saturation * (np.eye(3) - grey)
    linear = linear @ _hue_rotation(np.radians(signed[3] * config.hue))
    contrast = np.exp(signed[1] * np.log(config.contrast))
    offset = 127.5 * (1 - contrast) + 255 * signed[0] * config.brightness
    return np.column_stack([contrast * linear, np.full(3, offset)])


def _hue_rotation(angle):
    """Rotation of RGB about the grey axis (Rodrigues' formula)."""
    axis = np.full(3, 1 / np.sqrt(3))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def change_colour(image, matrix):
    """Apply a 3 x 4 colour matrix, saturating at 0 and 255."""
    return cv2.transform(image, matrix)


def blur(image, numbers, config):
    """Gaussian blur with the configured probability; two uniform numbers in [0, 1)."""
    if numbers[0] >= config.blur:
        return image
    return cv2.GaussianBlur(image, (0, 0), 0.3 + 1.2 * numbers[1])


def erase(image, numbers, config):
    """Random erasing (Z. Zhong et al., AAAI 2020) of a rectangle, with one random colour.

    Args:
        numbers: eight or more uniform numbers in [0, 1).
    """
    if numbers[0] >= config.erasing:
        return image
    height, width = image.shape[:2]
    area = 0.02 + 0.18 * numbers[1]
    aspect = np.exp((2 * numbers[2] - 1) * np.log(3.0))
    sides = np.minimum(np.sqrt([area * aspect, area / aspect]) * [width, height], [width, height])
    x, y = (numbers[3:5] * ([width, height] - sides)).astype(int)
    w, h = np.maximum(sides, 1).astype(int)
    image = image.copy()
    image[y : y + h, x : x + w] = (255 * numbers[5:8]).astype(np.uint8)
    return image
