"""The pretrained models that are known by name, and where their files are.

`hub:NAME` is looked for in the folder that the environment variable LOCALIZER_HUB names, then in
kagglehub's cache, and then downloaded by kagglehub.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from localizer.errors import InputError
from localizer.files.checksums import sha256_of

_MEDIAPIPE = "https://storage.googleapis.com/mediapipe-assets"
_TFHUB = "https://tfhub.dev/"


@dataclass(frozen=True)
class HubModel:
    """One pretrained model.

    Attributes:
        name: after `hub:`, and in tables.
        file: its name below LOCALIZER_HUB; a folder for a SavedModel.
        notes: what a reader of its figures has to know.
        is_classifier: it has no boxes.
        handle: at Kaggle Models, for kagglehub.
        tfhub: its documented name at tfhub.dev, which redirects to Kaggle.
        url: where else the publisher keeps it.
        sha256: of the files that this project was tested with.
        classes: the classes that count when none are asked for; empty for any.
        labels: {id: name} for files that hold no names.
        seen_categories: categories in its training photos, as Oxford-IIIT Pet names them.
        stand_in: name of the model that is taken where this one is not at hand.
    """

    name: str
    file: str
    notes: tuple[str, ...]
    is_classifier: bool = False
    handle: str | None = None
    tfhub: str | None = None
    url: str | None = None
    sha256: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    labels: dict[int, str] = field(default_factory=dict)
    seen_categories: frozenset[str] = frozenset()
    stand_in: str | None = None


HUB_MODELS = (
    HubModel(
        "mobile_object_localizer_v1",
        "mobile_object_localizer_v1.tflite",
        ("one class, any prominent object; boxes whole objects",),
        handle="google/mobile-object-localizer-v1/tfLite/default/1",
        tfhub="google/object_detection/mobile_object_localizer_v1/1",
        sha256=(
            "e0a587f55e046db42c8a751fde2f2e12a15bbf23fc893c2ebd8cdfb3cadc5e2e",
            # Kaggle's variation "metadata".
            "40593533fe47933022ec0dca71b8fa59f7df564d40d496faae44e4c1941e452e",
        ),
    ),
    HubModel(
        "openimages_v4_ssd_mobilenet_v2",
        "openimages_v4_ssd_mobilenet_v2",
        ("trained on Open Images V4, 600 classes; boxes whole objects",),
        handle="google/mobilenet-v2/tensorFlow1/openimages-v4-ssd-mobilenet-v2/1",
        tfhub="google/openimages_v4/ssd/mobilenet_v2/1",
        classes=("Cat", "Dog"),
        stand_in="openimages_v4_ssd_mobilenet_v2_24class",
    ),
    HubModel(
        "openimages_v4_ssd_mobilenet_v2_24class",
        "openimages_v4_ssd_mobilenet_v2_24class.tflite",
        ("trained on Open Images V4, 24 of its classes; boxes whole objects",),
        url=f"{_MEDIAPIPE}/object_detection_ssd_mobilenetv2_oidv4_fp16.tflite",
        sha256=("d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6",),
        classes=("Cat", "Dog"),
        labels={8: "Cat", 20: "Dog"},
    ),
    HubModel(
        "mobile_object_labeler_v1",
        "mobile_object_labeler_v1.tflite",
        ("a classifier of 631 labels; knows Cat, but has no label Dog",),
        is_classifier=True,
        tfhub="google/lite-model/object_detection/mobile_object_labeler_v1/1",
        url=f"{_MEDIAPIPE}/mobile_object_labeler_v1.tflite",
        sha256=("9400671e04685f5277edd3052a311cc51533de9da94255c52ebde1e18484c77c",),
    ),
    HubModel(
        "coco_ssd_mobilenet_v1",
        "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite",
        ("trained on COCO; boxes whole objects",),
        url="https://storage.googleapis.com/download.tensorflow.org/models/tflite/"
        "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.zip",
        sha256=("61d598093ed03ed41aa47c3a39a28ac01e960d6a810a5419b9a5016a1e9c469b",),
        classes=("16", "17"),
        labels={16: "cat", 17: "dog"},
    ),
    HubModel(
        "ssdlite_mobiledet_pet_heads",
        "ssdlite_mobiledet_pet_heads.tflite",
        (
            "boxes heads",
            "has seen photos of Abyssinian and american_bulldog of Oxford-IIIT Pet in training, "
            "and knows no other category",
        ),
        sha256=("3e23200744de87d96fb48069040d06ebc25cf3bfab307289cc0e123734977c11",),
        labels={0: "Abyssinian", 1: "american_bulldog"},
        seen_categories=frozenset({"Abyssinian", "american_bulldog"}),
    ),
)


def hub_model(name):
    """The model of a name, with or without `hub:`; tfhub.dev's own names are known as well.

    Raises:
        InputError: no such model.
    """
    name = name.removeprefix("hub:").removeprefix(_TFHUB)
    for model in HUB_MODELS:
        tfhub = model.tfhub or model.name
        if name in (model.name, tfhub, tfhub.rsplit("/", 1)[0]):
            return model
    known = ", ".join(f"hub:{model.name}" for model in HUB_MODELS)
    raise InputError(f"hub:{name}: no such model; there are {known}. A file: detector:FILE.tflite")


def model_of_file(path):
    """The known model whose file has this name, or None."""
    name = Path(path).resolve().name
    return next((model for model in HUB_MODELS if model.file == name), None)


def find_hub_model(model):
    """A model that can be had, and its file or folder: (HubModel, Path).

    Its stand-in is taken before anything is downloaded.

    Args:
        model: HubModel.

    Raises:
        InputError: it is not at hand and cannot be downloaded; the message says how to get it.
    """
    for candidate in (model, hub_model(model.stand_in) if model.stand_in else model):
        path = _path_at_hand(candidate)
        if path:
            return candidate, path
    return model, _download(model)


def models_at_hand():
    """The names (`hub:NAME`) of all models that propose boxes and are there without a download.

    Those that are not there are named on stderr, with how to get them.
    """
    found = []
    for model in HUB_MODELS:
        if model.is_classifier:
            continue
        if _path_at_hand(model):
            found.append(f"hub:{model.name}")
        else:
            print(f"left out: {how_to_get(model)}", file=sys.stderr)
    return found


def checksum_note(model, path):
    """A warning, also printed to stderr, when the file is not one that was tested; else ()."""
    path = Path(path)
    if not model.sha256 or not path.is_file() or sha256_of(path) in model.sha256:
        return ()
    note = f"{path.name} is another file than {model.name} as it was tested (sha256 differs)"
    print(f"warning: {note}: {path}", file=sys.stderr)
    return (note,)


def how_to_get(model, why="not found"):
    """A sentence with the ways to a model that is not there."""
    folder = os.environ.get("LOCALIZER_HUB")
    state = f"now {folder}" if folder else "not set"
    source = f" (from {model.url})" if model.url else ""
    ways = [
        f"put {model.file}{source} into the folder that LOCALIZER_HUB names ({state})",
        "give the path of your copy instead of the name (a SavedModel folder, or "
        "detector:FILE.tflite)",
    ]
    if model.handle:
        ways.append(
            f"let kagglehub (pip install kagglehub) download it from Kaggle Models: {model.handle}"
        )
    elif model.tfhub:
        ways.append(f"search Kaggle Models for it, where {_TFHUB}{model.tfhub} leads")
    return f"hub:{model.name}: {why}. To get it: " + "; or ".join(ways)


def _path_at_hand(model):
    folder = os.environ.get("LOCALIZER_HUB")
    if folder and _usable(Path(folder) / model.file):
        return Path(folder) / model.file
    if model.handle:
        cache = os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub"
        return _model_below(Path(cache) / "models" / model.handle)
    return None


def _usable(path):
    return path.is_file() or (path / "saved_model.pb").is_file()


def _model_below(folder):
    """The model in a downloaded folder: a SavedModel, or a .tflite file of whatever name."""
    files = [*sorted(folder.rglob("saved_model.pb")), *sorted(folder.rglob("*.tflite"))]
    if not files:
        return None
    return files[0].parent if files[0].name == "saved_model.pb" else files[0]


def _download(model):
    if not model.handle:
        raise InputError(how_to_get(model))
    try:
        import kagglehub
    except ModuleNotFoundError:
        raise InputError(how_to_get(model)) from None
    try:
        folder = Path(kagglehub.model_download(model.handle))
    except Exception as error:  # Network, consent and account surface as many kinds of exception.
        reason = str(error).strip().splitlines()[0]
        raise InputError(how_to_get(model, f"kagglehub cannot download it ({reason})")) from None
    path = _model_below(folder)
    if path is None:
        raise InputError(how_to_get(model, f"{folder} holds no SavedModel and no .tflite file"))
    return path
