"""Splits that come with the labels: train, validation and test by the names that tools give them.

>>> split_named("valid"), split_named("Train2017"), split_of_path("images/val/rex.jpg")
('validation', 'train', 'validation')
"""

import re

_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


def split_named(name: str) -> str:
    """The split that a folder, a subset or a list is called; "" for another name."""
    return _NAMES.get(re.sub(r"[_\-\s]?\d{0,4}$", "", name.strip().lower()), "")


def split_of_path(path: str) -> str:
    """The split that a folder of a path is called, the outermost first; "" for none."""
    return next(filter(None, map(split_named, path.split("/")[:-1])), "")
