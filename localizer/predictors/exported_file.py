"""What export_model.py writes into its files beside the graph, and how it is read again.

A .tflite file has `localizer.json` zipped at its end, which is where TF Lite Metadata keeps its
associated files; an .onnx file has it in `metadata_props`; a SavedModel in `assets.extra/`.
"""

import hashlib
import json
import zipfile
from abc import abstractmethod
from pathlib import Path

from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file
from localizer.models.description import DESCRIPTION, check_dataset, has_sizes
from localizer.predictors.network import as_predictions, network_input
from localizer.predictors.onnx_session import open_onnx_session
from localizer.predictors.predictor import Cost, Predictor, bytes_of

LABELS = "labels.txt"
# Above any metadata that was ever written, below what a zip bomb would unpack to.
_MAX_BYTES = 4_000_000
_EXPORT_AGAIN = "export the model again with export_model.py"
_TYPES = {"name": str, "image_size": int, "stored_size": int, "labels": list}


def is_exported(path):
    """Whether export_model.py wrote it: .onnx by name, .tflite and SavedModels by content."""
    path = Path(path)
    if path.is_dir():
        return (path / "assets.extra" / DESCRIPTION).is_file()
    if path.suffix.lower() == ".onnx":
        return True
    if path.suffix.lower() != ".tflite" or not path.is_file() or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return DESCRIPTION in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def read_metadata(path):
    """The metadata of an exported file (docs/deployment.md lists the fields).

    Args:
        path: a .tflite or .onnx file, or a SavedModel folder.

    Returns:
        dict.

    Raises:
        InputError: missing, damaged, or not written by export_model.py.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.is_dir():
        return _from_saved_model(path)
    refuse_special_file(path)
    if path.suffix.lower() == ".onnx":
        properties = open_onnx_session(path).get_modelmeta().custom_metadata_map
        metadata = _parse(path, properties.get(DESCRIPTION))
        _check_weights(path, path.read_bytes(), metadata)
        return metadata
    return _from_litert(path)


def _from_saved_model(path):
    file = path / "assets.extra" / DESCRIPTION
    if not file.is_file():
        return _parse(path, None)
    if file.stat().st_size > _MAX_BYTES:
        raise InputError(f"{file}: too large for metadata; {_EXPORT_AGAIN}")
    return _parse(path, file.read_bytes())


def _from_litert(path):
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(DESCRIPTION)
            if entry.file_size > _MAX_BYTES:
                raise InputError(f"{path}: {DESCRIPTION} in it is too large; {_EXPORT_AGAIN}")
            metadata = _parse(path, archive.read(entry))
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError):
        return _parse(path, None)
    _check_weights(path, content, metadata)
    return metadata


def _check_weights(path, content, metadata):
    """Runtimes read a graph without checking its weights: a flipped bit would go unseen."""
    if "graph_sha256" not in metadata:
        raise InputError(f"{path}: has no checksum of its graph; {_EXPORT_AGAIN}")
    size = metadata.get("graph_bytes")
    graph = content[:size] if isinstance(size, int) and size > 0 else b""
    if hashlib.sha256(graph).hexdigest() != metadata.get("graph_sha256"):
        raise InputError(f"{path}: damaged (the graph's checksum is wrong); {_EXPORT_AGAIN}")


def _parse(path, text):
    if text is None:
        raise InputError(
            f"{path}: damaged, or not written by export_model.py ({DESCRIPTION} is missing), so "
            f"its input and output are unknown; {_EXPORT_AGAIN}"
        )
    try:
        metadata = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: {DESCRIPTION} in it is damaged ({error})") from None
    wrong = not isinstance(metadata, dict) or [
        name for name, kind in _TYPES.items() if not isinstance(metadata.get(name), kind)
    ]
    if wrong or not has_sizes(metadata):
        raise InputError(
            f"{path}: {DESCRIPTION} in it lacks {', '.join(_TYPES)}, or one of them is unusable; "
            f"{_EXPORT_AGAIN}"
        )
    check_dataset(path, metadata)
    return metadata


class ExportedModel(Predictor):
    """What the predictors of exported files share; `run` is their own.

    Attributes:
        path, name, cost, trained_on: see `Predictor`.
        metadata: see `read_metadata`.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.metadata = read_metadata(self.path)
        # The suffixes of the file keep the float and the 8-bit file apart in a table.
        self.name = self.path.name
        self.cost = Cost(
            self.metadata.get("parameters"), self.metadata.get("macs"), bytes_of(self.path)
        )
        self.trained_on = self.metadata.get("dataset")

    @abstractmethod
    def run(self, images):
        """The network's outputs.

        Args:
            images: uint8 RGB [n, S, S, 3], S the network's input size.

        Returns:
            dict of float32 arrays: `box` [n, 4] `rel_xyxy`, not clipped; where the model has them
            `score` [n] and `class` [n, classes].
        """

    def predict(self, photos):
        """See `Predictor.predict`."""
        outputs = self.run(network_input(photos, self.metadata))
        return as_predictions(outputs, self.metadata["labels"])

    def check_graph(self, shape, outputs):
        """Compare the graph with its metadata.

        Args:
            shape: the input's, with anything for the batch.
            outputs: dict from the outputs' names to their shapes.

        Raises:
            InputError: they do not belong together.
        """
        size, classes = self.metadata["image_size"], len(self.metadata["labels"])
        fits = list(shape[1:]) == [size, size, 3] and list(outputs.get("box", ()))[1:] == [4]
        if not fits or ("class" in outputs and list(outputs["class"])[1:] != [classes]):
            raise InputError(
                f"{self.path}: the graph takes {list(shape)} and gives {outputs}, which does not "
                f"belong to its {DESCRIPTION}; {_EXPORT_AGAIN}"
            )
