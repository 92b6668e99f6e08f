"""TF Lite (LiteRT) files: opening them, feeding them, and counting what they cost."""

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from localizer.errors import InputError
from localizer.predictors.litert_interpreter import allocate, open_interpreter
from localizer.predictors.predictor import Cost
from localizer.predictors.pretrained.photo_input import PhotoInput
from localizer.predictors.pretrained.tflite_metadata import TensorMetadata, read_tflite_metadata
from localizer.runtimes.process_wide import fork_safe_lock

_USUAL_SIGNATURE = "serving_default"
_WEIGHTED_OPS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True)
class GraphOutput:
    """One output of a graph.

    Attributes:
        names: what it is called, the best name first: by the signature, by TF Lite Metadata, by
            the tensor.
        shape: with the batch axis.
        dtype, quantization, index: of the tensor.
        metadata: `TensorMetadata`.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: type
    quantization: tuple[float, int]
    index: int
    metadata: TensorMetadata


class PhotoGraph:
    """An opened TF Lite graph with one photo as its input, run on one thread.

    One thread is faster than several for networks of this size. Several threads may share it: one
    photo at a time goes through, and each gets its own answer.

    Args:
        path: a .tflite file whose input is one RGB photo, see `PhotoInput`.
        size, value_range: what the user says of the input, see `PhotoInput`.
        signature: which of the file's signatures is run; None for the only one, or of several the
            one whose outputs are wanted ("serving_default" where it is among them).
        is_wanted: says of a list of `GraphOutput` whether it is; None where all are.

    Attributes:
        outputs: list of `GraphOutput`, in the order in which `run` answers.
        path, runtime, cost: see `Predictor`.
        range_is_assumed: see `PhotoInput`.

    Raises:
        InputError: missing, damaged, another input, or no such signature.
    """

    def __init__(self, path, size=None, value_range=None, signature=None, is_wanted=None):
        self.path = Path(path)
        self.runtime = "LiteRT, one thread"
        self._lock = fork_safe_lock()
        if not self.path.is_file():
            raise InputError(f"{path}: no such file")
        with self._refusing("cannot be opened as a TF Lite model"):
            self._interpreter = open_interpreter(path)
            self._runner = self._chosen(signature, is_wanted)
        inputs, metadata = self._inputs()
        first = metadata[0] if metadata else TensorMetadata()
        self._input = PhotoInput(path, inputs, first, size, value_range)
        self.range_is_assumed = self._input.range_is_assumed
        # A runner sizes and allocates its own subgraph at each call.
        if not self._runner:
            with self._refusing("cannot be opened as a TF Lite model"):
                if self._input.is_open:
                    self._interpreter.resize_tensor_input(self._input.index, self._input.shape)
                allocate(self._interpreter)
        self.outputs = self._described(self._runner)
        if any(-1 in output.shape or not output.shape for output in self.outputs):
            # Only a run shows the shapes that depend on what is in the photo, or on its size.
            self.run(np.full((8, 8, 3), 127, np.uint8))
            self.outputs = self._described(self._runner, now=True)
        self.cost = graph_cost(self._interpreter, self.path.stat().st_size)

    def run(self, photo):
        """The values of all outputs for one photo, each with its batch axis.

        Args:
            photo: uint8 RGB [height, width, 3].

        Returns:
            List of float32 arrays, in the order of `outputs`; None for one that holds no numbers.

        Raises:
            InputError: the graph stops.
        """
        image = self._input.fit(photo)
        with self._lock, self._refusing("LiteRT stopped"):
            if self._runner:
                (name,) = self._runner.get_input_details()
                found = list(self._runner(**{name: image}).values())
            else:
                self._interpreter.set_tensor(self._input.index, image)
                self._interpreter.invoke()
                found = [self._interpreter.get_tensor(output.index) for output in self.outputs]
        return [
            dequantize(values, output.quantization) if values.dtype.kind in "buif" else None
            for values, output in zip(found, self.outputs)
        ]

    def outputs_of(self, operation):
        """The places in `outputs` of what an operation gives, in its own order; None for none."""
        places = {output.index: place for place, output in enumerate(self.outputs)}
        # Of a signature that is run by name the tensors are counted in its own subgraph.
        for op in () if self._runner else _operations(self._interpreter):
            if op["op_name"] == operation and set(map(int, op["outputs"])) <= set(places):
                return [places[int(index)] for index in op["outputs"]]
        return None

    @contextlib.contextmanager
    def _refusing(self, what):
        try:
            yield
        except (ValueError, RuntimeError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(f"{self.path}: {what} ({reason})") from None

    def _chosen(self, asked, is_wanted):
        """The runner of a signature where there are several, else None."""
        names = sorted(self._interpreter.get_signature_list(), key=lambda n: n != _USUAL_SIGNATURE)
        if asked is not None and asked not in names:
            has = ", ".join(names) if names else "none"
            raise InputError(f"{self.path}: no signature {asked!r}; it has: {has}")
        if len(names) < 2:
            return None
        runners = {name: self._interpreter.get_signature_runner(name) for name in names}
        if asked is not None:
            return runners[asked]
        fitting = [n for n in names if not is_wanted or is_wanted(self._described(runners[n]))]
        if len(fitting) > 1 and fitting[0] != _USUAL_SIGNATURE:
            raise InputError(
                f"{self.path}: several signatures could be meant: {', '.join(fitting)}. Choose "
                f"one: ?signature={fitting[0]}"
            )
        return runners[(fitting or names)[0]]

    def _inputs(self):
        """(details of the inputs, their `TensorMetadata`)."""
        # The interpreter does not tell a signature's subgraph but there.
        subgraph = getattr(self._runner, "_subgraph_index", 0)
        metadata = read_tflite_metadata(self.path, self.path.read_bytes(), subgraph)[0]
        if self._runner:
            return list(self._runner.get_input_details().values()), metadata
        return self._interpreter.get_input_details(), metadata

    def _described(self, runner, now=False):
        """The outputs, with the shapes that the file says, or, `now`, those of the last run."""
        if runner:
            # In the order of their names, which the metadata do not follow.
            named, metadata = runner.get_output_details(), []
            names, details = list(named), list(named.values())
        else:
            details = self._interpreter.get_output_details()
            names = _signature_names(self._interpreter, details)
            metadata = read_tflite_metadata(self.path, self.path.read_bytes())[1]
        if len(metadata) != len(details):
            metadata = [TensorMetadata()] * len(details)
        return [
            GraphOutput(
                tuple(name for name in (called, said.name, one["name"]) if name),
                _shape(one, now),
                one["dtype"],
                one["quantization"],
                one["index"],
                said,
            )
            for called, said, one in zip(names, metadata, details)
        ]


def _shape(details, now):
    signature = details["shape"] if now else details.get("shape_signature", details["shape"])
    shape = signature if len(signature) else details["shape"]
    return tuple(int(side) for side in shape)


def _signature_names(interpreter, details):
    """What the only signature calls each output; None for one that it does not name."""
    names = {}
    if interpreter.get_signature_list():
        named = interpreter.get_signature_runner().get_output_details()
        names = {output["index"]: name for name, output in named.items()}
    return [names.get(one["index"]) for one in details]


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
    for op in _operations(interpreter):
        if op["op_name"] not in _WEIGHTED_OPS:
            continue
        kernel, *bias = (int(index) for index in op["inputs"][1:] if index >= 0)
        # [out, ..., in] or, depthwise, [1, ..., channels]: every weight is used at each position.
        positions = math.prod(shapes[int(op["outputs"][0])][:-1])
        macs += positions * math.prod(shapes[kernel])
        weights |= {index: math.prod(shapes[index]) for index in (kernel, *bias)}
    return Cost(sum(weights.values()), macs, file_bytes)


def _operations(interpreter):
    """Of the main subgraph, dicts of op_name, inputs and outputs."""
    # The only listing of a graph's operations that the package has; LiteRT's own tools use it.
    return interpreter._get_ops_details()
