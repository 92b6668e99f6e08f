"""Batch normalization by TensorFlow's one operation for it, in training steps.

Keras 3 computes it from a dozen element-wise operations, which took 40 % of a training step on a
CPU. The numbers are the same up to rounding, the layers and their files remain Keras' own.
"""

import types

import keras
from keras import ops


def fuse_normalization(model):
    """Make the model's layers of batch normalization train by one operation, where there is one.

    Nothing changes on other backends than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        return
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.call = types.MethodType(_call, layer)


def _call(layer, inputs, training=None, mask=None):
    """`BatchNormalization.call` for inputs [n, ..., channels] of three or four axes."""
    if not (training and layer.trainable):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    import tensorflow as tf

    is_line = len(inputs.shape) == 3
    x = ops.expand_dims(inputs, 2) if is_line else inputs
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=layer.gamma, offset=layer.beta, mean=[], variance=[], epsilon=layer.epsilon,
        is_training=True,
    )  # fmt: skip
    # TensorFlow's variance is that of a sample (n - 1), Keras' moving one that of all values (n).
    values = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
    _follow(layer.moving_mean, mean, layer.momentum)
    _follow(layer.moving_variance, variance * (values - 1.0) / values, layer.momentum)
    return ops.squeeze(y, 2) if is_line else y


def _follow(average, value, momentum):
    average.assign(average * momentum + value * (1.0 - momentum))
