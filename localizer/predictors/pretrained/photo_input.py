"""How a photo becomes a foreign network's input: its size, layout, type and range."""

import cv2
import numpy as np

from localizer.errors import InputError

# (mean, standard deviation): the input is (value - mean) / deviation of values from 0 to 255.
RANGES = {"0..1": (0.0, 255.0), "-1..1": (127.5, 127.5), "0..255": (0.0, 1.0)}
_ASSUMED = RANGES["-1..1"]
_TYPES = (np.uint8, np.int8, np.float32)


class PhotoInput:
    """The input of a TF Lite graph, filled with a photo that is stretched to its size.

    A float input gets the range that the user says, else the one in the file's TF Lite Metadata,
    else -1 to 1. An 8-bit one gets the photo's bytes (less 128 where it is signed), which is what
    quantizing any of these ranges gives, unless its own quantization says otherwise.

    Args:
        path: the file, named in errors.
        inputs: the graph's inputs, as `get_input_details()` gives them.
        metadata: `TensorMetadata` of the first.
        size: (height, width) in pixels, for sides that the graph leaves open; None: not said.
        value_range: one of `RANGES`; None: not said.

    Attributes:
        shape: of the input, [1, height, width, 3] or [1, 3, height, width].
        is_open: the graph leaves sides open, so it must be resized to `shape`.
        index: of the tensor.
        range_is_assumed: neither the user nor the file has said the range.

    Raises:
        InputError: not one colour photo of a type that is known, or no such size or range.
    """

    def __init__(self, path, inputs, metadata, size=None, value_range=None):
        details = inputs[0] if inputs else {}
        signature = [int(side) for side in details.get("shape_signature", details.get("shape", ()))]
        # Without a signature of the shape (files of old converters) it is the shape.
        shape = signature or [int(side) for side in details.get("shape", ())]
        kind = details.get("dtype")
        self._channels_first = shape[1:2] == [3] and shape[3:] != [3]
        channels = shape[1:2] if self._channels_first else shape[3:]
        is_photo = len(shape) == 4 and shape[0] in (1, -1) and channels == [3]
        if len(inputs) != 1 or not is_photo or kind not in _TYPES:
            seen = ", ".join(f"{i['dtype'].__name__} {_sides(i)}" for i in inputs) or "none"
            raise InputError(
                f"{path}: the input is {seen}; a detector of one colour photo is needed: uint8, "
                "int8 or float32 [1, height, width, 3]"
            )
        self.index, self._dtype = details["index"], kind
        at = slice(2, 4) if self._channels_first else slice(1, 3)
        self.is_open = -1 in shape
        self._height, self._width = _fixed(path, shape, shape[at], size, metadata.size)
        self.shape = [1, 3, 3, 3]
        self.shape[at] = self._height, self._width
        norm = RANGES[value_range] if value_range else _norm(path, metadata)
        self.range_is_assumed = norm is None and kind == np.float32
        if kind == np.float32:
            self._table = _float_table(norm or _ASSUMED)
        else:
            quantization = details["quantization"]
            self._table = _integer_table(path, kind, quantization, norm, value_range)

    def fit(self, photo):
        """The input's value for a photo, uint8 RGB [height, width, 3]."""
        image = stretch_to(photo, self._height, self._width)
        if self._table is not None:
            image = cv2.LUT(image, self._table)
        if self._channels_first:
            image = np.ascontiguousarray(image.transpose(2, 0, 1))
        return image[None]


def stretch_to(photo, height, width):
    """As `photos.stretch`, to any height and width: uint8 RGB [height, width, 3]."""
    low = min(photo.shape[1], width), min(photo.shape[0], height)
    shrunk = cv2.resize(photo, low, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)


def scaled(values, value_range):
    """Values from 0 to 255 in one of `RANGES`, float32."""
    return _scaled(np.asarray(values, np.float32), RANGES[value_range])


def _scaled(values, norm):
    mean, deviation = (np.float32(part) for part in norm)
    if norm == _ASSUMED:  # As Google's models document it, to the last bit.
        return values / np.float32(127.5) - np.float32(1)
    return (values - mean) / deviation


def _sides(details):
    signature = details.get("shape_signature", ())
    return [int(side) for side in (signature if len(signature) else details["shape"])]


def _fixed(path, shape, sides, asked, of_file):
    """(height, width): the graph's own where they are fixed, else what is said."""
    size = asked or of_file
    if size is None and -1 in sides:
        raise InputError(
            f"{path}: the input is {shape}, so the file does not say the size of photo that it was "
            "trained with: give ?size=320, or ?size=HEIGHTxWIDTH, in pixels"
        )
    height, width = (own if own != -1 else side for own, side in zip(sides, size or sides))
    if asked and (height, width) != tuple(asked):
        raise InputError(
            f"{path}: the input is {shape}, which cannot be {asked[0]} x {asked[1]} (height x "
            "width): leave size= away"
        )
    return height, width


def _norm(path, metadata):
    """(mean, deviation) in the file's metadata, each a number or one for each channel, or None."""
    if metadata.mean is None or metadata.std is None:
        return None
    parts = metadata.mean, metadata.std
    usable = all(len(part) in (1, 3) and np.isfinite(part).all() for part in parts)
    if not usable or 0 in metadata.std:
        raise InputError(
            f"{path}: its TF Lite Metadata have the unusable normalization {parts}: give "
            f"?range={'|'.join(RANGES)}"
        )
    return tuple(part[0] if len(set(part)) == 1 else part for part in parts)


def _bytes_of(norm):
    """0 to 255, with a column for each channel where the channels differ: float32 [256, c]."""
    columns = 3 if any(np.ndim(part) for part in norm) else 1
    return np.repeat(np.arange(256, dtype=np.float32)[:, None], columns, axis=1)


def _float_table(norm):
    return _scaled(_bytes_of(norm), norm)[None]


def _integer_table(path, kind, quantization, norm, value_range):
    """What each byte becomes, [1, 256, c], or None for the byte itself."""
    limits = np.iinfo(kind)
    plain = np.arange(256)[:, None] + limits.min
    scale, zero_point = quantization
    as_it_is = None if kind == np.uint8 else plain.astype(kind)[None]
    if norm is None:
        return as_it_is
    if not scale:
        if value_range and (kind, value_range) != (np.uint8, "0..255"):
            raise InputError(
                f"{path}: its input is {kind.__name__} and takes bytes as they are"
                f"{'' if kind == np.uint8 else ', less 128'}: leave range= away"
            )
        return as_it_is
    exact = np.rint(_scaled(_bytes_of(norm), norm) / scale + zero_point)
    inside = np.clip(exact, limits.min, limits.max)
    if np.abs(inside - plain).max() <= 1:
        return as_it_is
    if (inside != exact).mean() > 0.5:
        if value_range:
            held = [(limit - zero_point) * scale for limit in (limits.min, limits.max)]
            raise InputError(
                f"{path}: its {kind.__name__} input holds {held[0]:.3g} to {held[1]:.3g}, which is "
                f"not {value_range}: leave range= away"
            )
        return as_it_is
    return inside.astype(kind)[None]
