"""Finds the predictor that a name on the command line means."""

from pathlib import Path

from localizer.errors import InputError
from localizer.predictors.constant import NAMES as BASELINES
from localizer.predictors.constant import constant_predictor


def load_predictor(model, dataset):
    """The predictor for a run folder, a .keras file, or a constant box.

    Args:
        model: "runs/NAME", "FILE.keras" or one of the baselines.
        dataset: the Dataset it will be scored on; the mean box comes from its training split.

    Raises:
        InputError: it is none of these, or cannot be loaded.
    """
    if model.startswith("baseline:"):
        return constant_predictor(model, dataset)
    path = Path(model)
    if path.is_dir() and not (path / "best.keras").is_file():
        raise InputError(f"{model}: no best.keras in it; is it a run folder, and has it trained?")
    if path.is_dir() or path.suffix == ".keras":
        from localizer.predictors.keras_model import KerasModel

        return KerasModel(path)
    raise InputError(
        f"{model}: not a model. Give a run folder, a .keras file, or one of {', '.join(BASELINES)}"
    )


def default_models():
    """The models that are scored when none is named: the newest run, and the constant boxes."""
    runs = [path.parent for path in Path("runs").glob("*/best.keras")]
    if not runs:
        raise InputError("no run below runs/. Train one with: python train_model.py")
    newest = max(runs, key=lambda run: (run / "best.keras").stat().st_mtime)
    return [str(newest), *BASELINES]
