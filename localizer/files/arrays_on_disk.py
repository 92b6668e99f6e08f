"""Arrays in .npy files that are written and read in parts, memory flat."""

import os

import numpy as np


class GrowingArray:
    """A uint8 .npy file of shape [n, *item_shape] to which items are appended, memory flat."""

    def __init__(self, path, item_shape):
        self._file = open(path, "wb")  # noqa: SIM115 - closed by __exit__.
        self._item_shape = tuple(item_shape)
        self._count = 0
        self._write_header()

    def _write_header(self):
        # NumPy pads the header so that the first axis can grow without moving the data.
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._count, *self._item_shape)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, item):
        """Add one item: uint8 [*item_shape]."""
        self._file.write(np.ascontiguousarray(item, np.uint8).reshape(self._item_shape).tobytes())
        self._count += 1

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        with self._file:
            self._file.seek(0)
            self._write_header()


class ArrayOnDisk:
    """A .npy file that is read in parts, so that what was read does not stay in memory."""

    def __init__(self, path):
        self._path = path
        self._count = len(np.lib.format.open_memmap(path, mode="r"))

    def __len__(self):
        return self._count

    def __getitem__(self, rows):
        return np.array(np.lib.format.open_memmap(self._path, mode="r")[rows])


def keep_items(path, rows):
    """Make a .npy file consist of some of its items only, memory flat.

    Args:
        path: uint8 .npy file of shape [n, *item_shape].
        rows: list of indices of the items that stay, in the new order.
    """
    whole = np.lib.format.open_memmap(path, mode="r")
    part = path.with_name(f"{path.name}.part")
    items = ArrayOnDisk(path)
    with GrowingArray(part, whole.shape[1:]) as kept:
        for start in range(0, len(rows), 256):
            for item in items[rows[start : start + 256]]:
                kept.append(item)
    os.replace(part, path)
