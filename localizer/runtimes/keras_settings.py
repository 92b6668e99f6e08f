"""Keras' settings, which a user's keras.json may have changed: what the project needs of them.

Model files name their own, so they answer alike whatever the settings are. Building and training a
network takes them from Keras.
"""

import json
import os
from pathlib import Path

from localizer.errors import InputError

IMAGE_DATA_FORMAT, FLOATX, EPSILON = "channels_last", "float32", 1e-7


def settings_file() -> Path:
    """The keras.json that Keras reads; it need not be there."""
    if "KERAS_HOME" in os.environ:
        return Path(os.environ["KERAS_HOME"]).expanduser() / "keras.json"
    home = Path.home()
    return (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras" / "keras.json"


def backend_name() -> str:
    """The backend that Keras will choose, or has chosen, without importing it."""
    return os.environ.get("KERAS_BACKEND") or _backend_in_file() or "tensorflow"


def _backend_in_file():
    try:
        settings = json.loads(settings_file().read_text())
    except (OSError, ValueError, RuntimeError):  # As Keras does.
        return None
    backend = settings.get("backend") if isinstance(settings, dict) else None
    return backend if isinstance(backend, str) else None


def import_keras():
    """Import Keras and its backend, and set what this project needs, for the whole process.

    Raises:
        InputError: Keras cannot be imported; the message says whether by KERAS_BACKEND, by the
            user's keras.json, or because a package is missing.
    """
    try:
        import keras

        keras.backend.backend()
    except Exception as error:  # What is wrong in keras.json surfaces as many kinds of exception.
        raise InputError(_why_not(error)) from None
    keras.config.set_image_data_format(IMAGE_DATA_FORMAT)
    keras.config.set_floatx(FLOATX)
    keras.config.set_epsilon(EPSILON)
    # Limits for debugging, from variables of the environment: answers would be missing.
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def _why_not(error):
    file, named = settings_file(), os.environ.get("KERAS_BACKEND")
    in_file = None if named else _backend_in_file()
    unsupported = isinstance(error, ValueError) and "backend" in str(error)
    if not isinstance(error, ImportError) and not unsupported and not _is_sound(file):
        return f"{file}: Keras cannot use this file ({error}). Mend it, or remove it"
    if named:
        return (
            f"KERAS_BACKEND={named} cannot be used ({error}). Install {named}, or unset "
            "KERAS_BACKEND for TensorFlow"
        )
    if in_file and in_file != "tensorflow":
        return (
            f"{file}: the backend {in_file} that this file names cannot be used ({error}). Install "
            f'{in_file}, write "tensorflow" there, or set KERAS_BACKEND=tensorflow'
        )
    return f"Keras and TensorFlow cannot be used ({error}): pip install -r requirements.txt"


def _is_sound(file):
    """Whether Keras takes what is in a keras.json, or it is not there: then it is not to blame."""
    try:
        settings = json.loads(file.read_text())
    except FileNotFoundError:
        return True
    except (OSError, ValueError, RuntimeError):
        return False
    return (
        isinstance(settings, dict)
        and settings.get("floatx", FLOATX) in ("float16", "float32", "float64")
        and isinstance(settings.get("epsilon", EPSILON), float)
        and settings.get("image_data_format") in (None, "channels_last", "channels_first")
    )


def refuse_other_settings():
    """See that a network is built with the settings that this project's recipes mean.

    The commands have set them; another program that uses this package may have its own.

    Raises:
        InputError: they are others.
    """
    import keras

    needed = [
        ("image_data_format", IMAGE_DATA_FORMAT, keras.config.image_data_format()),
        ("floatx", FLOATX, keras.config.floatx()),
        ("dtype_policy", FLOATX, keras.config.dtype_policy().name),
        ("epsilon", EPSILON, keras.config.epsilon()),
    ]
    for name, value, found in needed:
        if found != value:
            raise InputError(
                f"Keras' {name} is {found}, and the networks of this project are built with "
                f"{value}. Before training: keras.config.set_{name}({value!r})"
            )
