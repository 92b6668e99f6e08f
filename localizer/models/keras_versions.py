"""Model files between versions of Keras: each that requirements.txt allows reads each other's.

A newer Keras writes options of its layers that an older one does not know and therefore refuses.
At their defaults they mean what their absence means, so a file is written without them. And it says
where the channels are, which some layers otherwise take from the settings of whoever reads it.
"""

import json
import re
import zipfile

import keras

CONFIG = "config.json"
_METADATA = "metadata.json"

# Options that came after Keras 3.12, the oldest in requirements.txt, with their defaults.
_LATER = {
    "input_axes": None,
    "output_axes": None,
    "quantization_config": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}


def portable(config):
    """A network's configuration as every promised Keras reads it, whatever its settings are.

    Args:
        config: what a .keras file's config.json holds.

    Returns:
        A copy that gives the same network.
    """
    if isinstance(config, list):
        return [portable(part) for part in config]
    if not isinstance(config, dict):
        return config
    config = {
        name: portable(value)
        for name, value in config.items()
        if name not in _LATER or value != _LATER[name]
    }
    if config.get("data_format", "") is None:
        config["data_format"] = "channels_last"
    return config


def rewrite(source, target):
    """Copy a .keras archive; the copy's config.json is portable."""
    with zipfile.ZipFile(source) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(target, "w") as archive:
        for entry, content in entries:
            if entry.filename == CONFIG:
                content = json.dumps(portable(json.loads(content)))
            archive.writestr(entry, content)


def newer_keras(path):
    """Version of the Keras that wrote a .keras file, if it is newer than this one; else None."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read(_METADATA))["keras_version"]
        return version if _numbers(version) > _numbers(keras.__version__) else None
    except Exception:  # Damage surfaces as many kinds of exception in zipfile; Keras will say so.
        return None


def _numbers(version):
    """Major and minor version, (int, int); ValueError or TypeError if it is no version."""
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})[\w.+]{0,40}", version)
    if not found:
        raise ValueError("no version")
    return int(found[1]), int(found[2])
