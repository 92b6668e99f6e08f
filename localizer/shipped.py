"""The models, recipes, plans and labels that come with the project: in a clone, and installed."""

from pathlib import Path

from localizer.errors import InputError

_PACKAGE = Path(__file__).resolve().parent
# What is called so here lies there in a clone. In a wheel it lies in `localizer/shipped_files/`.
_FOLDERS = {
    "models": "models",
    "recipes": "experiments/recipes",
    "ablations": "experiments/ablations",
    "labels": "labels",
}
# Too large for a wheel.
_IN_A_CLONE_ONLY = ("pet_body_large", "pet_head_large")


def shipped_folder(kind: str) -> Path:
    """The folder of what is shipped: "models", "recipes", "ablations" or "labels"."""
    installed = _PACKAGE / "shipped_files" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / _FOLDERS[kind]


def is_shipped_model(name: str) -> bool:
    """Whether it is the bare name of a model of the project, and of nothing that lies here."""
    if Path(name).exists() or not name.replace("_", "").isalnum():
        return False
    here = (path.stem for path in shipped_folder("models").glob("*.*"))
    return name in (*_IN_A_CLONE_ONLY, *here)


def shipped_model(name: str, suffixes: tuple[str, ...] = (".tflite", ".keras")) -> Path:
    """The file of a shipped model.

    Args:
        name: without its ending, such as "pet_head"; or with it.
        suffixes: endings in the order in which they are tried.

    Raises:
        InputError: there is none of this name; the message names those that there are.
    """
    folder = shipped_folder("models")
    for suffix in ("", *suffixes):
        path = folder / f"{name}{suffix}"
        if path.is_file():
            return path
    here = sorted(path.name for path in folder.glob("*") if path.suffix in suffixes)
    raise InputError(
        f"{name}: no shipped {' or '.join(suffixes)} file of this name; here are "
        f"{', '.join(here) or 'none'}. The larger ones are not installed with the package: they "
        "are in models/ of a clone of the project; give the path of the file there"
    )
