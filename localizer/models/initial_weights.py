"""The file of weights that a recipe begins with."""

from pathlib import Path

from localizer.shipped import is_shipped_model, shipped_model


def weights_file(weights: str) -> Path | None:
    """The file that a recipe's `weights` means.

    Args:
        weights: "imagenet", "none", the name of a shipped model such as "pet_head", or a path.

    Returns:
        The path, which may not be there; None for "imagenet" and "none".

    Raises:
        InputError: a model of the project that was not installed with the package.
    """
    if weights in ("imagenet", "none"):
        return None
    if is_shipped_model(weights):
        return shipped_model(weights, (".keras",))
    return Path(weights)
