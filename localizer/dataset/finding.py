"""Which dataset folder is meant where none is named, and which one a model was trained on."""

import json
from pathlib import Path

import yaml

from localizer.dataset.dataset import _is_truth, open_dataset
from localizer.dataset.identity import identity
from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file


def default_dataset(models=()):
    """The dataset folder that scripts use when none is named.

    Args:
        models: what is to be scored; the first run folder among them names its dataset.

    Returns:
        That dataset, or else the newest one below data/; InputError when there is none.
    """
    for config in (Path(model) / "config.yaml" for model in models):
        if config.is_file() and (Path(named := _dataset_of(config)) / "dataset.json").is_file():
            return Path(named)
    found = sorted(Path("data").glob("*/dataset.json"), key=lambda path: path.stat().st_mtime)
    # Photos that only a teacher has labelled are an addition to a dataset, not one to begin with.
    found = [path for path in found if _has_true_labels(path)]
    if not found:
        raise InputError("no dataset folder below data/. Make one with: python generate_dataset.py")
    return found[-1].parent


def _dataset_of(config):
    """The dataset that a run's config.yaml names; "" when it names none."""
    try:
        settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{config}: damaged ({error}); name the dataset with --data") from None
    named = settings.get("data") if isinstance(settings, dict) else None
    return named if isinstance(named, str) else ""


def _has_true_labels(path):
    try:
        refuse_special_file(path)
        return _is_truth(json.loads(path.read_text(encoding="utf-8")))
    except (InputError, ValueError, AttributeError):  # Damaged: whoever opens it will hear of that.
        return True


def find_dataset(checksums, below="data"):
    """The Dataset of some checksums among the folders in `below`; None if it is not there.

    It is known by its pixels and rows: see `identity`.

    Args:
        checksums: `sha256` of a dataset's description; None = nothing has them.
        below: folder.
    """
    for file in sorted(Path(below).glob("*/dataset.json")) if checksums else ():
        try:
            dataset = open_dataset(file.parent)
        except InputError:
            continue
        if identity(dataset.description["sha256"]) == identity(checksums):
            return dataset
    return None
