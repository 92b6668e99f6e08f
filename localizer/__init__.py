"""A trainable single-object localization lab.

>>> from skimage import data
>>> Localizer.load("pet_head").localize(data.chelsea()).label
'Abyssinian'

`Localizer` finds the object in photos; `open_dataset`, `train` and `evaluate` are what the commands
of the same names do.
"""

import importlib

__version__ = "0.2.0"

# Where each public name lives. On first use: `import localizer` alone shall not load NumPy.
_PUBLIC = {
    "Dataset": "localizer.dataset.dataset",
    "InputError": "localizer.errors",
    "Localization": "localizer.inference.localizer",
    "Localizer": "localizer.inference.localizer",
    "TrainingConfig": "localizer.recipe.config",
    "evaluate": "localizer.evaluation.evaluate",
    "open_dataset": "localizer.dataset.dataset",
    "train": "localizer.training.training",
}

__all__ = [
    "Dataset",
    "InputError",
    "Localization",
    "Localizer",
    "TrainingConfig",
    "evaluate",
    "open_dataset",
    "train",
]


def __getattr__(name):
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return [*__all__, "__version__"]
