"""Finds the predictor that a name on the command line means."""

import os
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from localizer.errors import InputError
from localizer.files.special_files import refuse_impossible_path
from localizer.predictors.constant import NAMES as BASELINES
from localizer.predictors.constant import constant_predictor
from localizer.predictors.exported_file import is_exported
from localizer.predictors.flip_average import PREFIX as FLIP
from localizer.predictors.flip_average import FlipAverage
from localizer.predictors.own_predictor import OwnPredictor, is_own_predictor
from localizer.shipped import is_shipped_model, shipped_model

ALL_HUB = "all-hub"


def load_predictor(model, dataset):
    """The predictor for a run folder, a model file, a pretrained detector, or a constant box.

    Args:
        model: the name of a shipped model, such as "pet_head"; "runs/NAME", "FILE.keras",
            "FILE.tflite", "FILE.onnx" or an exported SavedModel folder; "hub:NAME",
            "detector:FILE.tflite" or a SavedModel folder, each with its options (see
            `open_pretrained`); one of the baselines; "NAME:ANYTHING" of one's own predictor; or any
            of these after "flip:".
        dataset: the Dataset it will be scored on; the mean box comes from its training split.

    Raises:
        InputError: it is none of these, or cannot be loaded.
    """
    if not model.removeprefix(FLIP):
        raise InputError(f"{model!r}: no model is named; give a run folder or a model file")
    if is_own_predictor(model):
        return OwnPredictor(model)
    refuse_impossible_path(model)
    if model.startswith(FLIP):
        return FlipAverage(load_predictor(model.removeprefix(FLIP), dataset))
    if model.startswith("baseline:"):
        return constant_predictor(model, dataset)
    if is_shipped_model(model):
        return load_predictor(str(shipped_model(model)), dataset)
    # A folder may have a "?" in its name; only a pretrained model has options after one.
    path = Path(model if Path(model).exists() else model.partition("?")[0])
    ending = path.suffix.lower()
    is_saved_model = (path / "saved_model.pb").is_file()
    if model.startswith(("hub:", "detector:")) or (is_saved_model and not is_exported(path)):
        return _pretrained(model)
    if ending == ".tflite" and path.is_file() and not is_exported(path):
        return _pretrained(f"detector:{model}")
    if str(path) != model and path.exists() and "?" in model:
        raise InputError(
            f"{model}: this project's own models have no options; leave out what follows the ?"
        )
    if is_saved_model or ending in (".tflite", ".onnx"):
        return _exported(path, ending)
    if path.is_dir() and not (path / "best.keras").is_file():
        raise InputError(
            f"{model}: no best.keras in it; is it a run folder, and has it trained? (Nor a "
            "saved_model.pb.)"
        )
    if path.is_dir() or ending == ".keras":
        from localizer.predictors.keras_model import KerasModel

        return KerasModel(path)
    raise InputError(
        f"{model}: not a model. Give the name of a shipped one, a run folder, a .keras, .tflite or "
        ".onnx file, hub:NAME, detector:FILE.tflite, a SavedModel folder, NAME:... of a --plugin, "
        f"or one of {', '.join(BASELINES)}"
    )


def at_any_folder(model):
    """The same model by a name that means it whatever the current folder is.

    Args:
        model: as for `load_predictor`, and what it could load.
    """
    if is_shipped_model(model):
        return model
    for prefix in (FLIP, "detector:"):
        if model.startswith(prefix):
            return prefix + at_any_folder(model.removeprefix(prefix))
    if model.startswith("baseline:") or is_own_predictor(model):
        return model
    path, mark, query = (model, "", "") if os.path.exists(model) else model.partition("?")
    if not model.startswith("hub:"):
        path = os.path.abspath(path)
    if not mark:
        return path
    options = [(k, os.path.abspath(v) if k == "labels" else v) for k, v in parse_qsl(query)]
    return f"{path}?{urlencode(options)}"


def _exported(path, ending):
    """One of this project's models in another format."""
    if path.is_dir():
        from localizer.predictors.saved_model import SavedModel

        return SavedModel(path)
    if ending == ".onnx":
        from localizer.predictors.onnx_model import OnnxModel

        return OnnxModel(path)
    from localizer.predictors.litert_model import LitertModel

    return LitertModel(path)


def _pretrained(model):
    from localizer.predictors.pretrained.opening import open_pretrained

    return open_pretrained(model)


def expand(models):
    """The models with "all-hub" replaced by every pretrained detector that is at hand.

    Those that are not are named on stderr, with how to get them.

    Args:
        models: names as the command line gives them.

    Raises:
        InputError: "all-hub", and none is there.
    """
    expanded = []
    for model in models:
        if model != ALL_HUB:
            expanded.append(model)
            continue
        from localizer.predictors.pretrained.hub_models import models_at_hand

        found = models_at_hand()
        if not found:
            raise InputError(f"{ALL_HUB}: none of the pretrained detectors is there; see above")
        expanded += [name for name in found if name not in models]
    return expanded


def default_models():
    """The models that are scored when none is named: the newest run, and the constant boxes."""
    runs = [path.parent for path in Path("runs").glob("*/best.keras")]
    if not runs:
        raise InputError("no run below runs/. Train one with: python train_model.py")
    newest = max(runs, key=lambda run: (run / "best.keras").stat().st_mtime)
    return [str(newest), *BASELINES]
