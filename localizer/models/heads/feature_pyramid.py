"""Features of several strides merged into the finest one that a head asks for."""

from keras import layers, ops


def merge_features(features, finest, width):
    """Merge the backbone's features from the coarsest to the finest stride.

    T.-Y. Lin et al., "Feature Pyramid Networks", CVPR 2017, figure 3, with MobileNet's depthwise
    separable convolutions.

    Args:
        features: dict of the backbone's features by stride: 8, 16 and 32.
        finest: the stride to end at, 8 or 16.
        width: number of channels.

    Returns:
        Tensor [n, view_size / finest, view_size / finest, width].
    """
    x = layers.ReLU(6.0)(_project(features[32], width, "lateral_32"))
    x = _residual_block(x, "mix_32", kernel_size=3)
    for stride in (16, 8):
        if stride >= finest:
            x = _merge(x, features[stride], stride)
    return x


def _merge(x, finer, stride):
    """The features of twice the stride, enlarged and added to finer ones."""
    lateral = _project(finer, x.shape[-1], f"lateral_{stride}")
    # The function, not the Resizing layer, which puts all layers after it into training mode.
    x = ops.image.resize(
        x, lateral.shape[1:3], interpolation="bilinear", data_format="channels_last"
    )
    x = layers.Add(name=f"merge_{stride}")([x, lateral])
    return _residual_block(layers.ReLU(6.0)(x), f"mix_{stride}", kernel_size=5)


def _project(x, width, name):
    x = layers.Conv2D(width, 1, use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def _residual_block(x, name, kernel_size):
    """MobileNet's depthwise separable convolution with a shortcut around it."""
    y = layers.DepthwiseConv2D(kernel_size, padding="same", use_bias=False, name=f"{name}_dw")(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization(name=f"{name}_dw_bn")(y))
    y = _project(y, x.shape[-1], f"{name}_pw")
    return layers.ReLU(6.0)(layers.Add(name=f"{name}_add")([x, y]))
