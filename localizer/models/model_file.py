"""One file that holds all a user of a model needs: a .keras archive with localizer.json inside.

localizer.json says what is not in the graph: the classes' names, the target, and the resize that
the model was trained with. Keras ignores it, so `keras.saving.load_model` opens the file as well.
"""

import json
import tempfile
import zipfile
from pathlib import Path

import keras

from localizer.errors import InputError
from localizer.files.atomic_files import replacing
from localizer.files.special_files import refuse_special_file
from localizer.models.description import DESCRIPTION, check_description
from localizer.models.keras_versions import CONFIG, newer_keras, portable, rewrite
from localizer.models.weight_limit import build_within, refuse_huge_tensors

# Keras stores its members as they are; the text of a large network takes a few megabytes.
_MAX_GROWTH = 4
_MAX_TEXT = 20_000_000
_WEIGHTS = "model.weights.h5"


def find_model_file(path):
    """The .keras file of a run folder or of a path to one, and the model's name: (Path, str).

    A run is known by its folder, however its model is named.
    """
    path = Path(path)
    file = path / "best.keras" if path.is_dir() else path
    in_run = file.name == "best.keras"
    return file, file.resolve().parent.name if in_run else path.stem


def save_model_file(model, path, description):
    """Write a model and its description; the file appears whole or not at all.

    Args:
        model: keras.Model.
        path: ends in .keras.
        description: JSON-ready dict: `stored_size` and `image_size` (pixels; photos are stretched
            to the first, then resampled to the second), `target`, `classes`, `class_column`, ...
    """
    with replacing(path) as partial:
        model.save(partial)
        rewrite(partial, partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr(DESCRIPTION, json.dumps(description, indent=2))


def _refuse_bomb(path, archive):
    """Weights hardly compress; a small archive that says it is huge inside is an attack."""
    packed = sum(entry.compress_size for entry in archive.infolist())
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > _MAX_GROWTH * packed + _MAX_TEXT:
        raise InputError(
            f"{path}: a file of {packed:,} bytes that grows to {unpacked:,}: not a model"
        )


def load_model_file(path):
    """A model and its description from a .keras file.

    Code in the file (lambda layers, pickles) is refused by Keras' safe mode, and layers that are
    larger than the file before they are made.

    Raises:
        InputError: missing, damaged, unsafe, or not one of this project's models.
    """
    path = Path(path)
    try:
        refuse_special_file(path)
        with zipfile.ZipFile(path) as archive:
            _refuse_bomb(path, archive)
            description = json.loads(archive.read(DESCRIPTION))
            # A weight takes a byte or more, so there are no more of them than bytes.
            most_weights = archive.getinfo(_WEIGHTS).file_size
            config = portable(json.loads(archive.read(CONFIG)))
        _refuse_unknown_code(path, config)
        check_description(path, description)
        model = build_within(path, config, most_weights)
        _load_weights(path, model)
        refuse_huge_tensors(path, model)
        _check_graph(path, model, description)
        return model, description
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such model file") from None
    except KeyError:
        raise InputError(
            f"{path}: not a model, or not one that train_model.py wrote ({DESCRIPTION} or "
            f"{_WEIGHTS} is missing), so its input and output are unknown"
        ) from None
    except Exception as error:  # Damage surfaces as many kinds of exception in Keras and h5py.
        raise InputError(
            f"{path}: cannot be loaded as a .keras model{_versions(path)} ({error})"
        ) from None


def _load_weights(path, model):
    if path.suffix == ".keras":
        model.load_weights(path)
        return
    # Keras knows no ending in capitals.
    with tempfile.TemporaryDirectory(prefix="localizer-") as folder, zipfile.ZipFile(path) as file:
        model.load_weights(file.extract(_WEIGHTS, folder))


def _refuse_unknown_code(path, config):
    """See that what is not Keras' own in a network's configuration was registered by somebody."""
    parts = [config]
    while parts:
        part = parts.pop()
        parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        name = part.get("registered_name") if isinstance(part, dict) else None
        # Keras puts the package of what was registered before its name.
        is_own = isinstance(name, str) and ">" in name
        if is_own and keras.saving.get_registered_object(name) is None:
            raise InputError(
                f"{path}: has {name:.80} in it, whose code is in no model file. If you trust the "
                "Python file that registers it, name it with --plugin FILE.py, or import it"
            )


def _versions(path):
    """What to say of a file of a newer Keras, which may be why it cannot be loaded."""
    newer = newer_keras(path) if zipfile.is_zipfile(path) else None
    return f", saved by Keras {newer}, this is {keras.__version__}" if newer else ""


def _check_graph(path, model, description):
    """Compare the network with its description, as far as photos and answers depend on it."""
    size, classes = description["image_size"], description.get("classes")
    shape, outputs = model.input.shape, model.output
    if tuple(shape[1:]) != (size, size, 3):
        raise InputError(
            f"{path}: the network takes {list(shape)}, which does not belong to the image_size "
            f"{size} of its {DESCRIPTION}"
        )
    if not isinstance(outputs, dict) or "box" not in outputs:
        raise InputError(f"{path}: the model has no output named box; train it with train_model.py")
    if "class" in outputs and outputs["class"].shape[-1] != len(classes or ()):
        raise InputError(f"{path}: the network's classes are not those of its {DESCRIPTION}")
