"""TF Lite (LiteRT) files: opening them, feeding them, and counting what they cost."""

import math
from pathlib import Path

import numpy as np

from localizer.errors import InputError
from localizer.photos import stretch
from localizer.predictors.optional_package import optional_package
from localizer.predictors.predictor import Cost
from localizer.quiet import quiet_stderr

_WEIGHTED_OPS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


class PhotoGraph:
    """An opened TF Lite graph with one image as its input, run on one thread.

    One thread is faster than several for networks of this size.

    Args:
        path: a .tflite file whose input is [1, size, size, 3], uint8 in 0 to 255 or float32 in
            -1 to 1 (x / 127.5 - 1), RGB; photos are stretched to it.

    Raises:
        InputError: missing, damaged, or another input.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.runtime = "LiteRT, one thread"
        if not self.path.is_file():
            raise InputError(f"{path}: no such file")
        litert = optional_package("ai_edge_litert.interpreter")
        try:
            with quiet_stderr():
                self.interpreter = litert.Interpreter(model_path=str(path), num_threads=1)
                self.interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{path}: cannot be opened as a TF Lite model ({reason})") from None
        inputs = self.interpreter.get_input_details()
        shape = [int(side) for side in inputs[0]["shape"]]
        square = len(shape) == 4 and shape[0] == 1 and shape[1] == shape[2] and shape[3] == 3
        if len(inputs) != 1 or not square or inputs[0]["dtype"] not in (np.uint8, np.float32):
            raise InputError(
                f"{path}: the input is {inputs[0]['dtype'].__name__} {shape}; a detector of one "
                "square photo is needed: uint8 or float32 [1, size, size, 3]"
            )
        self._input = inputs[0]
        self.cost = graph_cost(self.interpreter, self.path.stat().st_size)

    def run(self, photo):
        """Run the graph on one photo, uint8 RGB [height, width, 3]; then `read` its outputs."""
        image = stretch(photo, int(self._input["shape"][1]))
        if self._input["dtype"] == np.float32:
            image = image.astype(np.float32) / np.float32(127.5) - np.float32(1)
        self.interpreter.set_tensor(self._input["index"], image[None])
        self.interpreter.invoke()

    def read(self, output):
        """The values of an output (one of `get_output_details()`), without the batch axis."""
        return dequantize(self.interpreter.get_tensor(output["index"])[0], output["quantization"])


def dequantize(values, quantization):
    """Real values, float32: (q - zero point) * scale for integers, floats as they are.

    Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, equation 1.

    Args:
        values: array as the interpreter gives it.
        quantization: (scale, zero point); scale 0 for a tensor that is not quantized.
    """
    scale, zero_point = quantization
    values = np.asarray(values, np.float32)
    return (values - zero_point) * np.float32(scale) if scale else values


def graph_cost(interpreter, file_bytes):
    """Parameters and multiply-adds of the convolutions and dense layers, from their shapes.

    Weights that several layers share count once as parameters. Anchors and other constants that
    were not learned do not count; nor do element-wise layers, as in papers.

    Args:
        interpreter: an ai_edge_litert Interpreter.
        file_bytes: size of its file.

    Returns:
        Cost.
    """
    shapes = {t["index"]: tuple(map(int, t["shape"])) for t in interpreter.get_tensor_details()}
    weights, macs = {}, 0
    # The only listing of a graph's operations that the package has; LiteRT's own tools use it.
    for op in interpreter._get_ops_details():
        if op["op_name"] not in _WEIGHTED_OPS:
            continue
        kernel, *bias = (int(index) for index in op["inputs"][1:] if index >= 0)
        # [out, ..., in] or, depthwise, [1, ..., channels]: every weight is used at each position.
        positions = math.prod(shapes[int(op["outputs"][0])][:-1])
        macs += positions * math.prod(shapes[kernel])
        weights |= {index: math.prod(shapes[index]) for index in (kernel, *bias)}
    return Cost(sum(weights.values()), macs, file_bytes)
