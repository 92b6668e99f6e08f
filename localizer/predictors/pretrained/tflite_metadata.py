"""TF Lite Metadata: what a .tflite file says of its input and outputs, read without a schema.

The metadata are a flatbuffer of their own (identifier M001) in a buffer of the model that is named
TFLITE_METADATA. The numbers below are the places of the fields in tensorflow_lite_support's
metadata_schema.fbs and in TF Lite's schema.fbs; places never change, new fields go to the end.
"""

import struct
from dataclasses import dataclass

from flatbuffers import number_types
from flatbuffers.table import Table

from localizer.errors import InputError

_NAME = b"TFLITE_METADATA"
# Fields of TF Lite's Model, Metadata and Buffer.
_MODEL_BUFFERS, _MODEL_METADATA = 4, 6
_METADATA_NAME, _METADATA_BUFFER = 0, 1
_BUFFER_DATA = 0
# Fields of ModelMetadata, SubGraphMetadata, TensorMetadata and what is below them.
_SUBGRAPHS = 3
_INPUTS, _OUTPUTS = 2, 3
_TENSOR_NAME, _CONTENT, _PROCESS_UNITS, _FILES = 0, 3, 4, 6
# A union has two places: its type, and its value.
_TYPE, _VALUE = 0, 1
_NORMALIZATION, _IMAGE, _BOUNDING_BOX = 1, 2, 3
_MEAN, _STD = 0, 1
_DEFAULT_SIZE = 1
_WIDTH, _HEIGHT = 0, 1
_BOX_INDEX, _BOX_TYPE, _BOX_COORDINATES = 0, 1, 2
_BOUNDARIES, _RATIO = 1, 0
_FILE_NAME, _FILE_TYPE = 0, 2
# What reading a damaged flatbuffer raises: places that lead out of the file, or to nothing.
_DAMAGE = (struct.error, ValueError, IndexError, TypeError, AttributeError, OverflowError)
_LABEL_FILES = (2, 3)  # TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS


@dataclass(frozen=True)
class TensorMetadata:
    """What is said of one input or output; None where nothing is.

    Attributes:
        name: such as "image" or "location".
        mean, std: an input takes (value - mean) / std of values from 0 to 255; one number, or one
            for each channel.
        size: (height, width) of an image where the tensor's own is not fixed.
        box_order: where left, top, right and bottom lie among a box's four numbers, which are
            shares of the image.
        label_file: name of the list of class names, zipped into the file.
    """

    name: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    size: tuple[int, int] | None = None
    box_order: tuple[int, ...] | None = None
    label_file: str | None = None


def read_tflite_metadata(path, content, subgraph=0):
    """What a model says of its inputs and outputs.

    Args:
        path: named in errors.
        content: bytes of the .tflite file.
        subgraph: number of the subgraph.

    Returns:
        (inputs, outputs), two lists of `TensorMetadata` in the order of the subgraph's tensors;
        empty where the file has no such metadata.

    Raises:
        InputError: they are damaged, or say of boxes what cannot be done.
    """
    try:
        described = _metadata_buffer(content)
        subgraphs = _Fields.root(described).children(_SUBGRAPHS) if described else []
        if subgraph >= len(subgraphs):
            return [], []
        return tuple(
            [_tensor(path, tensor) for tensor in subgraphs[subgraph].children(side)]
            for side in (_INPUTS, _OUTPUTS)
        )
    except _DAMAGE as error:
        raise InputError(f"{path}: its TF Lite Metadata are damaged ({error})") from None


def _metadata_buffer(content):
    model = _Fields.root(content)
    for entry in model.children(_MODEL_METADATA):
        if entry.bytes(_METADATA_NAME) == _NAME:
            buffers = model.children(_MODEL_BUFFERS)
            number = entry.number(_METADATA_BUFFER, number_types.Uint32Flags)
            return buffers[number].bytes(_BUFFER_DATA)
    return b""


def _tensor(path, fields):
    found = {"name": (fields.bytes(_TENSOR_NAME) or b"").decode("utf-8", "replace") or None}
    for unit in fields.children(_PROCESS_UNITS):
        if unit.number(_TYPE) == _NORMALIZATION:
            options = unit.child(_VALUE)
            found |= {
                "mean": options.numbers(_MEAN, number_types.Float32Flags),
                "std": options.numbers(_STD, number_types.Float32Flags),
            }
    content = fields.child(_CONTENT)
    kind = content.number(_TYPE) if content else None
    if kind == _IMAGE and (size := content.child(_VALUE).child(_DEFAULT_SIZE)):
        sides = [size.number(side, number_types.Uint32Flags) for side in (_HEIGHT, _WIDTH)]
        found["size"] = tuple(sides) if all(sides) else None
    if kind == _BOUNDING_BOX:
        found["box_order"] = _box_order(path, content.child(_VALUE))
    for file in fields.children(_FILES):
        # "The first one is used by default", says the schema; others are translations.
        if file.number(_FILE_TYPE) in _LABEL_FILES and "label_file" not in found:
            found["label_file"] = (file.bytes(_FILE_NAME) or b"").decode("utf-8", "replace")
    return TensorMetadata(**found)


def _box_order(path, fields):
    """Where left, top, right and bottom lie; None where the kind of box is not said."""
    kind, unit = fields.number(_BOX_TYPE), fields.number(_BOX_COORDINATES)
    if not kind:
        return None
    order = fields.numbers(_BOX_INDEX, number_types.Uint32Flags) or (0, 1, 2, 3)
    if kind != _BOUNDARIES or unit != _RATIO or sorted(order) != [0, 1, 2, 3]:
        raise InputError(
            f"{path}: its TF Lite Metadata say that boxes are not the four edges in shares of the "
            "image (BOUNDARIES, RATIO). Export it with such boxes"
        )
    return tuple(order.index(edge) for edge in range(4))


class _Fields:
    """The fields of a flatbuffer's table, by their places; 0, None or empty where they are not."""

    def __init__(self, content, position):
        self._table = Table(content, position)

    @classmethod
    def root(cls, content):
        return cls(content, number_types.UOffsetTFlags.packer_type.unpack_from(content, 0)[0])

    def _place(self, field):
        return self._table.Offset(4 + 2 * field)

    def number(self, field, kind=number_types.Uint8Flags):
        place = self._place(field)
        return self._table.Get(kind, self._table.Pos + place) if place else 0

    def child(self, field):
        place = self._place(field)
        if not place:
            return None
        return _Fields(self._table.Bytes, self._table.Indirect(self._table.Pos + place))

    def _vector(self, field, item_bytes):
        """(position of the first item, number of items)."""
        place = self._place(field)
        if not place:
            return 0, 0
        start, length = self._table.Vector(place), self._table.VectorLen(place)
        if start + length * item_bytes > len(self._table.Bytes):
            raise ValueError("a list is longer than the file")
        return start, length

    def bytes(self, field):
        start, length = self._vector(field, 1)
        return bytes(self._table.Bytes[start : start + length])

    def numbers(self, field, kind):
        start, length = self._vector(field, kind.bytewidth)
        return tuple(self._table.Get(kind, start + i * kind.bytewidth) for i in range(length))

    def children(self, field):
        start, length = self._vector(field, 4)
        return [
            _Fields(self._table.Bytes, self._table.Indirect(start + 4 * i)) for i in range(length)
        ]
