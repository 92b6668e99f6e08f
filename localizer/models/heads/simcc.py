"""A head that reads the edges of the box off distributions along the image's two axes.

The features are pooled to one row and one column; over each, small bins are classified for where
the box begins and where it ends (Y. Li et al., "SimCC: a Simple Coordinate Classification
Perspective for Human Pose Estimation", ECCV 2022, for keypoints). The mean of a distribution is
trained by the loss of the box, too (X. Li et al., "Generalized Focal Loss", NeurIPS 2020, section
3.2, for boxes), and the spread says how sure it is. The edge that is answered is the mean of the
sharpened distribution (D. Berthelot et al., "MixMatch", NeurIPS 2019, equation 7, with T = 1/2),
which lies nearer to the mode: the IoU of a box rewards an edge that is right more than one that is
never far off.
"""

import numpy as np
from keras import layers, ops

from localizer.models.coordinates import encode
from localizer.models.heads.class_output import class_probabilities
from localizer.models.heads.feature_pyramid import merge_features

# Side of a bin in pixels of the input.
BIN = 2


def simcc_head(features, config, class_count):
    """Boxes with confidence, and class probabilities when there are classes.

    Args:
        features: dict of the backbone's features by stride: 8, 16 and 32.
        config: TrainingConfig.
        class_count: number of classes of the class output; 0 = none.

    Returns:
        Dict of tensors: `box` [n, 4] `rel_xyxy`, the answer; `mean_box` [n, 4], the means of the
        distributions, which are trained, and which a second look goes by, as they keep in view all
        that the box might be; `coordinates` [n, 4], the mean box in the configured coding and unit;
        `edges` [n, bins, 4], the distributions of xmin, ymin, xmax and ymax over
        bins whose places are spread evenly from 0 to 1; `score` [n] in [0, 1], see `confidence`;
        and with classes `class` [n, class_count], a softmax.
    """
    x = merge_features(features, config.feature_stride, config.head_width)
    bins = x.shape[1] * config.feature_stride // BIN
    begins, ends = zip(*(_edges(x, axis, bins) for axis in ("x", "y")))
    edges = ops.stack([*begins, *ends], axis=-1)
    mean_box = ops.sum(edges * _places(bins), axis=1)
    outputs = {
        "box": ops.sum(sharpened(edges) * _places(bins), axis=1),
        "mean_box": mean_box,
        "coordinates": encode(mean_box, config.coordinates, config.unit),
        "edges": edges,
        "score": confidence(edges, mean_box),
    }
    if class_count:
        outputs["class"] = class_probabilities(features, class_count)
    return outputs


def sharpened(edges):
    """Distributions [n, bins, 4] with the square of each probability, normalized."""
    squares = edges * edges
    return squares / ops.sum(squares, axis=1, keepdims=True)


def confidence(edges, box_rel_xyxy):
    """How well a box drawn from the distributions would fit their mean, in [0, 1].

    exp(-sum of the edges' mean absolute deviations, each as a share of the box's side): to first
    order, the expected IoU.

    Args:
        edges: [n, bins, 4], distributions of xmin, ymin, xmax, ymax.
        box_rel_xyxy: [n, 4], their means.

    Returns:
        Tensor [n].
    """
    away = ops.abs(ops.expand_dims(box_rel_xyxy, 1) - _places(edges.shape[1]))
    deviations = ops.sum(edges * away, axis=1)
    low, high = ops.split(box_rel_xyxy, 2, axis=-1)
    sides = ops.tile(ops.maximum(high - low, 1e-3), (1, 2))
    return ops.exp(-ops.sum(deviations / sides, axis=-1))


def _places(bins):
    return np.linspace(0.0, 1.0, bins, dtype=np.float32).reshape(1, bins, 1)


def _edges(x, axis, bins):
    """Distributions of the box's begin and end along "x" or "y", two tensors [n, bins]."""
    across = {"x": 1, "y": 2}[axis]
    weights = ops.softmax(layers.Conv2D(1, 1, name=f"{axis}_attention")(x), axis=across)
    pooled = [ops.sum(weights * x, axis=across), ops.max(x, axis=across)]
    line = ops.concatenate(pooled, axis=-1)
    line = layers.Conv1D(x.shape[-1], 3, padding="same", use_bias=False, name=f"{axis}_mix")(line)
    line = layers.ReLU(6.0)(layers.BatchNormalization(name=f"{axis}_mix_bn")(line))
    cells = line.shape[1]
    logits = layers.Conv1D(2 * bins // cells, 3, padding="same", name=f"{axis}_bins")(line)
    distributions = ops.softmax(ops.reshape(logits, (-1, bins, 2)), axis=1)
    return distributions[..., 0], distributions[..., 1]
