"""Every cell of a feature map votes for each edge of the box, and says how much its vote counts."""

import numpy as np
from keras import layers, ops


def _conv_bn(x, filters, name):
    x = layers.Conv2D(filters, 1, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return x


def _block(x, filters, name, kernel=5):
    y = layers.DepthwiseConv2D(kernel, padding="same", use_bias=False, name=f"{name}_dw")(x)
    y = layers.BatchNormalization(name=f"{name}_dw_bn")(y)
    y = layers.ReLU(6.0, name=f"{name}_dw_relu")(y)
    y = _conv_bn(y, filters, f"{name}_pw")
    if y.shape[-1] == x.shape[-1]:
        y = layers.Add(name=f"{name}_add")([x, y])
    return layers.ReLU(6.0, name=f"{name}_relu")(y)


def _initial_votes(shape, dtype=None):
    return ops.convert_to_tensor([-0.8, -0.8, 0.8, 0.8], dtype=dtype)


def voting_head(features, config, class_count):
    width = config.neck
    x = _conv_bn(features[32], width, "lateral_32")
    x = layers.ReLU(6.0)(x)
    x = _block(x, width, "mix_32", 3)
    pooled = layers.GlobalAveragePooling2D()(features[32])
    for stride in (16, 8):
        if stride < config.head_stride:
            break
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"up_{stride}")(x)
        x = layers.Add()([x, _conv_bn(features[stride], width, f"lateral_{stride}")])
        x = layers.ReLU(6.0)(x)
        for i in range(config.head_blocks):
            x = _block(x, width, f"mix_{stride}_{i}")
    if config.dropout:
        x = layers.SpatialDropout2D(config.dropout)(x)
    n = x.shape[1]
    maps = 4 if config.edge_maps else 1
    votes = layers.Reshape((n * n, 4))(
        layers.Conv2D(
            4, 1, name="votes", kernel_initializer="zeros", bias_initializer=_initial_votes
        )(x)
    )
    logits = layers.Reshape((n * n, maps))(layers.Conv2D(maps, 1, name="weights")(x))
    centre = (np.arange(n) + 0.5) / n
    ys, xs = np.meshgrid(centre, centre, indexing="ij")
    grid = np.stack([xs, ys, xs, ys], -1).reshape(1, n * n, 4).astype("float32")
    weights = layers.Softmax(axis=1, name="attention")(logits)
    box = ops.sum(weights * (votes * 0.25 + grid), axis=1)
    outputs = {"box": box}
    if class_count:
        p = layers.Dense(class_count, activation="softmax", name="class")(pooled)
        outputs["class"] = p
    return outputs
