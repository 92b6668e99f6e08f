"""The head of models of before, whose files are still exported: every cell votes for the box.

Each cell (16 x 16 of them at 128 pixels and a feature stride of 8) proposes a whole box relative to
its own place, as anchor-free detectors do (Z. Tian et al., "FCOS", ICCV 2019), and a softmax over
the cells says whose proposals count: the box is their weighted mean, a soft-argmax (X. Sun et al.,
"Integral Human Pose Regression", ECCV 2018) over votes instead of over places. The whole is
differentiable, and nothing is suppressed, sorted or thresholded.
"""

import numpy as np
from keras import layers, ops

from localizer.models.coordinates import encode
from localizer.models.heads.class_output import class_probabilities
from localizer.models.heads.feature_pyramid import merge_features
from localizer.models.iou import iou_xyxy

# A vote of 1 reaches this share of the image, which keeps the outputs of the convolution near 1.
REACH = 0.25
# Half the side of the box that every cell proposes before the first step, around itself: an empty
# box would have no gradient.
FIRST_HALF = 0.2


def voting_head(features, config, class_count):
    """Boxes with confidence, and class probabilities when there are classes.

    Args:
        features: dict of the backbone's features by stride: 8, 16 and 32.
        config: TrainingConfig.
        class_count: number of classes of the class output; 0 = none.

    Returns:
        Dict of tensors: `box` [n, 4] `rel_xyxy`; `coordinates` [n, 4], the box in the configured
        coding and unit; `score` [n], the mean IoU of the votes with the box they make, in [0, 1];
        and with classes `class` [n, class_count], a softmax.
    """
    merged = merge_features(features, config.feature_stride, config.head_width)
    votes, attention = _votes(merged)
    box = ops.sum(attention * votes, axis=1)
    outputs = {
        "box": box,
        "coordinates": encode(box, config.coordinates, config.unit),
        "score": ops.sum(ops.squeeze(attention, axis=-1) * agreement(votes, box), axis=1),
    }
    if class_count:
        outputs["class"] = class_probabilities(features, class_count)
    return outputs


def agreement(votes, box):
    """IoU of each vote [n, cells, 4] with the box [n, 4] they make: [n, cells]."""
    # Repeated, not broadcast: Keras' add takes [n, 1] for a bias when n is the number of cells.
    return iou_xyxy(votes, ops.repeat(ops.expand_dims(box, 1), votes.shape[1], axis=1))


def _votes(x):
    """Boxes that the cells propose, [n, cells, 4] `rel_xyxy`, and their weights [n, cells, 1]."""
    _, rows, columns, _ = x.shape
    offsets = layers.Conv2D(4, 1, kernel_initializer="zeros", name="votes")(x)
    logits = layers.Conv2D(1, 1, name="attention_logits")(x)
    ys, xs = np.meshgrid(
        (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij"
    )
    first = np.stack([xs, ys, xs, ys], axis=-1) + FIRST_HALF * np.array([-1, -1, 1, 1])
    first = first.reshape(1, rows * columns, 4).astype(np.float32)
    votes = layers.Reshape((rows * columns, 4))(offsets) * REACH + first
    attention = layers.Softmax(axis=1)(layers.Reshape((rows * columns, 1))(logits))
    return votes, attention
