"""A trainable single-object localization lab.

>>> from skimage import data
>>> Localizer.load("pet_head").localize(data.chelsea()).label
'Abyssinian'

`Localizer` finds the object in photos; `open_dataset`, `train` and `evaluate` are what the commands
of the same names do.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localizer.dataset.dataset import Dataset, open_dataset
    from localizer.errors import InputError
    from localizer.evaluation.evaluate import evaluate
    from localizer.evaluation.evaluation import Evaluation
    from localizer.inference.localization import Localization
    from localizer.inference.localizer import Localizer
    from localizer.recipe.config import TrainingConfig
    from localizer.training.run import Run
    from localizer.training.training import train

__version__ = "0.2.0"

# Where each public name lives. On first use: `import localizer` alone shall not load NumPy.
_PUBLIC = {
    "Dataset": "localizer.dataset.dataset",
    "Evaluation": "localizer.evaluation.evaluation",
    "InputError": "localizer.errors",
    "Localization": "localizer.inference.localization",
    "Localizer": "localizer.inference.localizer",
    "Run": "localizer.training.run",
    "TrainingConfig": "localizer.recipe.config",
    "evaluate": "localizer.evaluation.evaluate",
    "open_dataset": "localizer.dataset.dataset",
    "train": "localizer.training.training",
}

__all__ = [
    "Dataset",
    "Evaluation",
    "InputError",
    "Localization",
    "Localizer",
    "Run",
    "TrainingConfig",
    "evaluate",
    "open_dataset",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
