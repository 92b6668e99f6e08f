"""A head in which every cell of a feature map votes for the box, weighted by attention.

Each cell (16 x 16 of them at 128 pixels and a vote stride of 8) proposes a whole box relative to
its own place, as anchor-free detectors do (Z. Tian et al., "FCOS", ICCV 2019), and a softmax over
the cells says whose proposals count: the box is their weighted mean, a soft-argmax (X. Sun et al.,
"Integral Human Pose Regression", ECCV 2018) over votes instead of over places. The whole is
differentiable, and nothing is suppressed, sorted or thresholded.
"""

import numpy as np
from keras import layers, ops

from localizer.metrics import iou_xyxy
from localizer.models.coordinates import encode

WIDTH = 96
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
    x = layers.ReLU(6.0)(_project(features[32], "lateral_32"))
    x = _residual_block(x, "mix_32", kernel_size=3)
    for stride in (16, 8):
        if stride >= config.vote_stride:
            x = _merge(x, features[stride], stride)
    votes, attention = _votes(x)
    box = ops.sum(attention * votes, axis=1)
    unit = config.image_size if config.coordinate_unit == "pixel" else 1.0
    outputs = {
        "box": box,
        "coordinates": encode(box, config.coordinates, unit),
        "score": ops.sum(ops.squeeze(attention, axis=-1) * agreement(votes, box), axis=1),
    }
    if class_count:
        pooled = layers.GlobalAveragePooling2D(name="class_pool")(features[32])
        outputs["class"] = layers.Dense(class_count, activation="softmax", name="class")(pooled)
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


def _merge(x, finer, stride):
    """The features of twice the stride, enlarged and added to finer ones.

    T.-Y. Lin et al., "Feature Pyramid Networks", CVPR 2017, figure 3.
    """
    lateral = _project(finer, f"lateral_{stride}")
    # The function, not the Resizing layer, which puts all layers after it into training mode.
    x = ops.image.resize(x, lateral.shape[1:3], interpolation="bilinear")
    x = layers.Add(name=f"merge_{stride}")([x, lateral])
    return _residual_block(layers.ReLU(6.0)(x), f"mix_{stride}", kernel_size=5)


def _project(x, name):
    x = layers.Conv2D(WIDTH, 1, use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def _residual_block(x, name, kernel_size):
    """MobileNet's depthwise separable convolution with a shortcut around it."""
    y = layers.DepthwiseConv2D(kernel_size, padding="same", use_bias=False, name=f"{name}_dw")(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization(name=f"{name}_dw_bn")(y))
    y = _project(y, f"{name}_pw")
    return layers.ReLU(6.0)(layers.Add(name=f"{name}_add")([x, y]))
