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


def shipped_folder(kind: str) -> Path:
    """The folder of what is shipped: "models", "recipes", "ablations" or "labels"."""
    installed = _PACKAGE / "shipped_files" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / _FOLDERS[kind]


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
    here = sorted({path.stem for path in folder.glob("*") if path.suffix in suffixes})
    raise InputError(
        f"{name}: no shipped model of this name; here are {', '.join(here) or 'none'}. The larger "
        "ones are in models/ of a clone of the project"
    )
