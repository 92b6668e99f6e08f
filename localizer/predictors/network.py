"""What a network of this project takes and gives, whatever file it is in and whatever runs it."""

import numpy as np

from localizer.images.boxes import clip_rel_xyxy
from localizer.images.resizing import resample, stretch
from localizer.predictors.predictor import Predictions, only_possible


def network_input(photos, description):
    """Photos resized exactly as those that the network was trained with.

    Args:
        photos: n photos, uint8 RGB [height, width, 3], each at its own size.
        description: the model's localizer.json: `stored_size` and `image_size` in pixels.

    Returns:
        uint8 RGB [n, image_size, image_size, 3].
    """
    stored, size = description["stored_size"], description["image_size"]
    return np.stack([resample(stretch(photo, stored), size) for photo in photos])


def as_predictions(outputs, classes):
    """The network's answers.

    Args:
        outputs: dict of arrays: `box` [n, 4] `rel_xyxy`; where the model has them `score` [n] and
            `class` [n, number of classes].
        classes: names of the classes, in the order of `class`.

    Returns:
        Predictions, the boxes clipped to the image. Edges that a network has crossed change places;
        a box that is empty or no number is no answer.
    """
    n = len(outputs["box"])
    labels, probabilities = [""] * n, None
    if "class" in outputs:
        probabilities = np.asarray(outputs["class"], np.float32)
        labels = [classes[i] for i in probabilities.argmax(axis=-1)]
    scores = np.asarray(outputs.get("score", np.full(n, np.nan)), np.float32)
    one, other = np.split(clip_rel_xyxy(outputs["box"]), 2, axis=-1)
    boxes_rel_xyxy = np.concatenate([np.minimum(one, other), np.maximum(one, other)], axis=-1)
    return only_possible(
        Predictions(boxes_rel_xyxy, scores, labels, probabilities, tuple(classes or ()))
    )
