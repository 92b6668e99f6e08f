"""The head of the Oxford-IIIT Pet recipe: one more block, max pooling, and convolutions."""

from keras import layers

from localizer.models.coordinates import decode


def depthwise_separable_block(features, filters):
    """3 x 3 depthwise and 1 x 1 pointwise convolution, each with batch norm and ReLU6.

    The block of MobileNet v1 (arXiv:1704.04861, figure 3).
    """
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="conv_dw_14")(features)
    x = layers.BatchNormalization(name="conv_dw_14_bn")(x)
    x = layers.ReLU(6.0, name="conv_dw_14_relu")(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name="conv_pw_14")(x)
    x = layers.BatchNormalization(name="conv_pw_14_bn")(x)
    return layers.ReLU(6.0, name="conv_pw_14_relu")(x)


def recipe_head(features, config, class_count):
    """Boxes, and class probabilities when there are classes, from the backbone's features.

    Args:
        features: dict of the backbone's features by stride; that of stride 32 is used.
        config: TrainingConfig.
        class_count: number of classes of the class output; 0 = none.

    Returns:
        Dict of tensors: `coordinates` [n, 4] in the configured coding and unit, `box` [n, 4]
        `rel_xyxy`, and with classes `class` [n, class_count], a softmax.
    """
    x = depthwise_separable_block(features[32], features[32].shape[-1])
    x = layers.GlobalMaxPooling2D(keepdims=True, name="max_pool")(x)
    coordinates = layers.Conv2D(4, 1, name="coordinates_conv")(x)
    coordinates = layers.Reshape((4,), name="coordinates")(coordinates)
    outputs = {
        "coordinates": coordinates,
        "box": decode(coordinates, config.coordinates, config.unit),
    }
    if class_count:
        probabilities = layers.Conv2D(class_count, 1, activation="softmax", name="class_conv")(x)
        outputs["class"] = layers.Reshape((class_count,), name="class")(probabilities)
    return outputs
