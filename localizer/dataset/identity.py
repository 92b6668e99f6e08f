"""What a dataset is known by: its pixels and its rows, whatever the columns are called.

Two columns of samples.csv had other names once (`FORMER_NAMES`). Models, runs and ablations that
were made then know their dataset by the checksum of that table. So dataset.json holds, as `rows` of
its `sha256`, the checksum of the table with the former names in its header.
"""

import hashlib
from pathlib import Path

from localizer.sources.annotated_image import FORMER_NAMES


def rows_sha256(path: Path) -> str:
    """Checksum of a samples.csv, hexadecimal, as it would be with the former names."""
    with open(path, "rb") as file:
        header = file.readline()
        for former, name in FORMER_NAMES.items():  # "category" ends "supercategory", so it is last.
            header = header.replace(name.encode(), former.encode())
        digest = hashlib.sha256(header)
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def identity(checksums):
    """What tells a dataset from others, and is the same in all versions.

    Args:
        checksums: `sha256` of a dataset's description, perhaps one of an earlier version.

    Returns:
        The checksums of images.npy and, as that of samples.csv, of its rows.
    """
    if not isinstance(checksums, dict) or "rows" not in checksums:
        return checksums
    others = {name: value for name, value in checksums.items() if name != "rows"}
    return others | {"samples.csv": checksums["rows"]}
