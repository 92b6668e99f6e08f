"""LiteRT (.tflite), in float32 and in 8-bit integers."""

import contextlib
import hashlib
import io
import json
import tempfile
import warnings
import zipfile
from pathlib import Path

import tensorflow as tf

from localizer.export.compacting import compact
from localizer.export.saved_model import write_saved_model
from localizer.models.description import DESCRIPTION
from localizer.predictors.exported_file import LABELS
from localizer.runtimes.optional_package import optional_package

# TensorFlow's own interpreter, which the quantizer uses, says that it is deprecated. Set once,
# because the context manager of `warnings` is not safe in threads.
warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated", UserWarning)

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def convert_float(model):
    """The graph in float32, bytes of a .tflite file: input float32 [1, S, S, 3]."""
    with _converter(model, tf.float32) as converter:
        return converter.convert()


def convert_integer(model, images):
    """The graph in integers alone: 8-bit weights and activations, uint8 in and out.

    Args:
        model: keras.Model.
        images: uint8 RGB [n, S, S, 3] from which the ranges of the activations are taken.
    """
    with _converter(model, tf.float32) as converter:
        _quantize(converter, images, "float32")
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        return compact(converter.convert())


def convert_integer_network(model, images):
    """The network in 8-bit integers, and what comes after its last convolutions in float32.

    A softmax over many cells has weights below 1/256, which 8 bits turn to nothing, and products
    of such weights with boxes are rounded once more, cell by cell. Neither costs time in float32.
    Nor does what lies between two looks, where a box of 8 bits would say where the second one is.
    """
    with _converter(model, tf.uint8) as converter:
        nodes, operations = _around_the_network(converter.convert())
    with _converter(model, tf.uint8) as converter:
        _quantize(converter, images, "uint8")
        options = tf.lite.experimental.QuantizationDebugOptions(
            denylisted_nodes=nodes, denylisted_ops=operations
        )
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=converter.representative_dataset,
            debug_options=options,
        )
        return compact(debugger.get_nondebug_quantized_model())


def write_litert(graph, path, metadata):
    """Write a graph with its metadata, and labels.txt when there are classes, zipped at its end."""
    checked = {
        "graph_bytes": len(graph),
        "graph_sha256": hashlib.sha256(graph).hexdigest(),
    }
    content = io.BytesIO(graph)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(DESCRIPTION, json.dumps(metadata | checked, indent=2))
        if metadata["labels"]:
            archive.writestr(LABELS, "\n".join(metadata["labels"]) + "\n")
    path.write_bytes(content.getvalue())


def operations_of(graph):
    """The types of a graph's operations in their order, such as "CONV_2D"."""
    return [kind for kind, _, _ in _listing(graph)]


def _around_the_network(graph):
    """Outputs and types of the operations that are not the network's own.

    Those are the ones that no convolution depends on, and those between two looks.
    """
    listing = _listing(graph)
    between = _between_looks(listing)
    needed, nodes, inside, around = set(), [], set(), set()
    for number, (kind, inputs, outputs) in reversed(list(enumerate(listing))):
        is_needed = kind in _CONVOLUTIONS or needed & set(outputs)
        if is_needed:
            needed |= set(inputs)
        if is_needed and number not in between:
            inside.add(kind)
        else:
            # The quantizer knows an operation of several outputs by their joined names.
            nodes += [*outputs, ";".join(outputs)]
            around.add(kind)
    return nodes, sorted(around - inside)


def _between_looks(listing):
    """Numbers of the operations from the first look's last convolutions to the second's first one.

    That is the one convolution whose input is gathered: nothing else in a network is.
    """
    made_by = {name: number for number, (*_, outputs) in enumerate(listing) for name in outputs}
    for kind, inputs, _ in listing:
        if kind not in _CONVOLUTIONS:
            continue
        found, left = set(), [made_by[name] for name in inputs if name in made_by]
        while left:
            number = left.pop()
            if number not in found and listing[number][0] not in _CONVOLUTIONS:
                found.add(number)
                left += [made_by[name] for name in listing[number][1] if name in made_by]
        if any(listing[number][0] == "GATHER" for number in found):
            return found
    return set()


def _listing(graph):
    """The operations of a graph: (type, names of input tensors, names of output tensors)."""
    litert = optional_package("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(
        model_content=graph,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    names = {int(t["index"]): t["name"] for t in interpreter.get_tensor_details()}
    # The only listing of a graph's operations that the package has; TensorFlow uses it as well.
    return [
        (op["op_name"], [names.get(i, "") for i in op["inputs"]], [names[i] for i in op["outputs"]])
        for op in interpreter._get_ops_details()
    ]


@contextlib.contextmanager
def _converter(model, input_type):
    # Through a SavedModel: from a Keras 3 model the converter leaves the weights out.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        write_saved_model(model, path, batch=1, input_type=input_type)
        yield tf.lite.TFLiteConverter.from_saved_model(str(path))


def _quantize(converter, images, input_type):
    def representative():
        for image in images:
            yield {"image": image[None].astype(input_type)}

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
