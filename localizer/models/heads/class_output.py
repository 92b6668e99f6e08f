"""The class output of the heads that have features of several strides."""

from keras import layers


def class_probabilities(features, class_count):
    """A softmax over the classes, from the mean of the backbone's coarsest features.

    Args:
        features: dict of the backbone's features by stride; that of stride 32 is used.
        class_count: number of classes.

    Returns:
        Tensor [n, class_count], rows in [0, 1] that sum to 1.
    """
    pooled = layers.GlobalAveragePooling2D(name="class_pool")(features[32])
    return layers.Dense(class_count, activation="softmax", name="class")(pooled)
