"""Batch normalization in one operation: Keras' own numbers, in every step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from localizer.models.fused_normalization import with_fused_normalization


@pytest.mark.parametrize("shape", [(6, 5, 8), (12, 8)])
def test_outputs_gradients_and_statistics_are_keras_own(shape):
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(3, 2, (4, *shape)), tf.float32)
    weights = tf.constant(generator.normal(size=(4, *shape)), tf.float32)
    results = []
    for fused in (False, True):
        inputs = keras.Input(shape)
        layer = keras.layers.BatchNormalization(momentum=0.7)
        model = keras.Model(inputs, layer(inputs))
        layer.set_weights([np.linspace(0.5, 2, 8), np.linspace(-1, 1, 8), np.ones(8), np.ones(8)])
        if fused:
            model = with_fused_normalization(model)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=True)
            loss = tf.reduce_sum(weights * tf.square(y))
        gradients = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
        results.append([y, *gradients, *layer.get_weights(), model(x, training=False)])
    for one, other in zip(*results):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4)


def test_it_is_one_operation_in_a_training_step():
    inputs = keras.Input((6, 5, 8))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))

    def operations():
        step = tf.function(lambda x: model(x, training=True))
        graph = step.get_concrete_function(tf.TensorSpec((4, 6, 5, 8))).graph
        return {operation.type for operation in graph.get_operations()}

    assert "FusedBatchNormV3" not in operations()
    model = with_fused_normalization(model)
    assert "FusedBatchNormV3" in operations()
