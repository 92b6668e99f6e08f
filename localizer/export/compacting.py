"""A .tflite file in fewer bytes, with the same tensors and operations and the same answers.

A convolution quantized channel by channel carries a zero point of 8 bytes for each channel, all 0,
and every tensor a name as long as its history: together a seventh of a small network's file.
"""

import flatbuffers

from localizer.runtimes.optional_package import optional_package

_IDENTIFIER = b"TFL3"
# Runtimes use weights where they lie in the file: the schema's force_align of Buffer.data.
_ALIGNMENT = 16


class _SharingBuilder(flatbuffers.Builder):
    """Writes equal vectors once, and all tables that have them refer to that one."""

    def __init__(self, size):
        super().__init__(size)
        self._written = {}

    def CreateNumpyVector(self, x):  # noqa: N802, N803
        key = x.dtype.str, x.tobytes()
        if key not in self._written:
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]

    def StartVector(self, elemSize, numElems, alignment):  # noqa: N802, N803
        aligned = _ALIGNMENT if elemSize == 1 else alignment
        return super().StartVector(elemSize, numElems, aligned)


def compact(graph):
    """The same graph in fewer bytes; only the inputs and outputs keep their names.

    Args:
        graph: bytes of a .tflite file, without anything appended.

    Returns:
        Bytes of a .tflite file.
    """
    schema = optional_package("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(graph, 0)
    for subgraph in model.subgraphs:
        kept = {*subgraph.inputs, *subgraph.outputs}
        for index, tensor in enumerate(subgraph.tensors):
            if index not in kept:
                tensor.name = None
    builder = _SharingBuilder(len(graph))
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())
