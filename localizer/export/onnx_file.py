"""ONNX, by tf2onnx."""

import hashlib
import json

import numpy as np
import tensorflow as tf

from localizer.models.description import DESCRIPTION
from localizer.runtimes.optional_package import optional_package

# Old enough for ONNX Runtime 1.12 (2022) and for ONNX Runtime Web, new enough for every operation.
OPSET = 17


def write_onnx(model, path, metadata):
    """Write a Keras model as an .onnx file for any batch size, metadata in `metadata_props`.

    Raises:
        InputError: tf2onnx or onnx is not installed.
    """
    optional_package("onnx")
    tf2onnx = optional_package("tf2onnx")
    spec = tf.TensorSpec((None, *model.input.shape[1:]), tf.float32, name="image")
    # Not `from_keras`, which reads attributes that models of Keras 3 lack (tf2onnx issue 2319).
    localize = tf.function(lambda image: model(image, training=False), input_signature=[spec])
    graph, _ = tf2onnx.convert.from_function(localize, input_signature=[spec], opset=OPSET)
    _name_batch(graph)
    _round_scales_up(graph)
    path.write_bytes(with_metadata(graph.SerializeToString(), metadata))


def with_metadata(graph, metadata):
    """The bytes of a graph and of its metadata, which has the graph's checksum.

    Protocol buffers that follow each other are read as one, so the graph's own bytes stay as they
    are.
    """
    from onnx import ModelProto

    model = ModelProto()
    entry = model.metadata_props.add()
    checked = {"graph_bytes": len(graph), "graph_sha256": hashlib.sha256(graph).hexdigest()}
    entry.key, entry.value = DESCRIPTION, json.dumps(metadata | checked)
    return graph + model.SerializeToString()


def _name_batch(graph):
    """One name for the first axis everywhere: tf2onnx gives each output its own."""
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def _round_scales_up(graph):
    """Resize to whole sizes: 3 times a rounded 7/3 is 6.9999998, of which ONNX makes 6."""
    from onnx import numpy_helper

    resizes = [node for node in graph.graph.node if node.op_type == "Resize"]
    names = {node.input[2] for node in resizes if len(node.input) > 2}
    for constant in graph.graph.initializer:
        if constant.name in names:
            scales = numpy_helper.to_array(constant)
            up = np.nextafter(scales, np.float32(np.inf))
            scales = np.where(scales == np.round(scales), scales, up)
            constant.CopyFrom(numpy_helper.from_array(scales, constant.name))
