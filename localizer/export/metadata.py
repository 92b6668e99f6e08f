"""What a user of an exported file must know, gathered from the model it was made of."""

import json
from dataclasses import dataclass
from importlib import metadata as packages
from pathlib import Path

import keras

from localizer.errors import InputError
from localizer.files.checksums import sha256_of
from localizer.models.cost import count_macs
from localizer.models.localizer_model import for_inference, inner_network
from localizer.models.model_file import find_model_file, load_model_file

_OXFORD_PET = (
    "trained on the Oxford-IIIT Pet photos (O. M. Parkhi et al., CVPR 2012), which are under "
    "CC BY-SA 4.0, for research use; the model holds none of them"
)


@dataclass(frozen=True)
class SourceModel:
    """A trained model that is to be exported.

    Attributes:
        name: the run's or the file's name, from which the exported files get theirs.
        model: keras.Model from float [n, S, S, 3], RGB 0 to 255, to `box`, and `score` and
            `class` where it has them.
        description: its localizer.json (see models/model_file.py).
        file: the .keras file.
        commit: the project's commit that trained it; None when nobody wrote it down.
    """

    name: str
    model: keras.Model
    description: dict
    file: Path
    commit: str | None

    @property
    def looks(self):
        """How often the model looks at a photo: 1 or 2."""
        return 1 if inner_network(self.model) is self.model else 2

    @property
    def size(self):
        """Side of the network's input in pixels."""
        return int(self.model.input.shape[1])


def open_source_model(path):
    """Load a run folder or a .keras file for export.

    Raises:
        InputError: missing, damaged, unsafe, or not one of this project's models.
    """
    file, name = find_model_file(path)
    if file.suffix.lower() != ".keras":
        raise InputError(f"{path}: give a run folder or a .keras file")
    model, description = load_model_file(file)
    if not isinstance(model.output, dict) or "box" not in model.output:
        raise InputError(f"{file}: the model has no output named box; train it with train_model.py")
    commit = description.get("commit") or _commit_of_run(file)
    return SourceModel(name, for_inference(model), description, file, commit)


def _commit_of_run(file):
    if file.name != "best.keras":
        return None
    try:
        return json.loads((file.parent / "environment.json").read_text(encoding="utf-8")).get(
            "commit"
        )
    except (OSError, ValueError, AttributeError):
        return None


def describe(source, file_format, arithmetic, input_type):
    """The metadata of one exported file, JSON-ready.

    Args:
        source: SourceModel.
        file_format: one of localizer.export.FORMATS, or "browser".
        arithmetic: what the graph computes with, for people.
        input_type: "float32" or "uint8".
    """
    size, description = source.size, source.description
    trained = description.get("dataset") or {}
    stored = description["stored_size"]
    return {
        "name": source.name,
        "format": file_format,
        "arithmetic": arithmetic,
        "target": description["target"],
        "image_size": size,
        "stored_size": stored,
        "resize": f"stretch the whole photo to {stored} x {stored} pixels (area averaging where it "
        f"shrinks, else bilinear), then resample bilinearly to {size} x {size}",
        "input": f"image: {input_type} RGB, values 0 to 255; scaling to -1..1 is in the graph",
        "box_format": "rel_xyxy: [xmin, ymin, xmax, ymax] in units of the photo; clip to 0..1",
        "labels": list(description.get("classes") or []),
        "parameters": source.model.count_params(),
        "macs": count_macs(source.model),
        "licence": "Apache-2.0",
        "training_data": _OXFORD_PET if trained.get("source") == "oxford-pet" else "your own",
        "commit": source.commit,
        "source": {
            "file": source.file.name,
            "sha256": sha256_of(source.file),
        },
        "dataset": description.get("dataset"),
        "made_with": {name: packages.version(name) for name in ("tensorflow", "keras")},
    }
