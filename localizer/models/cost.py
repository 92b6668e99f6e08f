"""What a network costs: multiply-adds, counted from the shapes of its layers."""

import math

import keras
from keras import layers


def count_macs(model):
    """Multiply-adds of the convolutions and dense layers for one image.

    Element-wise layers are left out, as papers do. Batch normalisation is folded into the
    convolution before it when a model is exported, so it counts nothing.

    Args:
        model: keras.Model of fixed input size.
    """
    # By its nodes, not its layers: a network that looks twice is one layer and works twice.
    nodes = [node for level in model._nodes_by_depth.values() for node in level]
    return sum(_layer_macs(node.operation) for node in nodes)


def _layer_macs(layer):
    if isinstance(layer, keras.Model):
        return count_macs(layer)
    if isinstance(layer, layers.DepthwiseConv2D):
        _, height, width, channels = layer.output.shape
        return height * width * channels * math.prod(layer.kernel_size)
    if isinstance(layer, (layers.Conv1D, layers.Conv2D)):
        inputs = layer.input.shape[-1] // layer.groups
        return math.prod(layer.output.shape[1:]) * inputs * math.prod(layer.kernel_size)
    if isinstance(layer, layers.Dense):
        return math.prod(layer.output.shape[1:]) * layer.input.shape[-1]
    return 0
