"""The parts of a recipe that somebody added, and where they come from."""

from typing import Any

from localizer.plugins import BACKBONES, BOX_LOSSES, HEADS
from localizer.recipe.config import TrainingConfig

_REGISTRIES = {"backbone": BACKBONES, "head": HEADS, "box_loss": BOX_LOSSES}


def own_parts(config: TrainingConfig) -> dict:
    """By field, where its part comes from, JSON-ready; empty where all parts are built in.

    Returns:
        Dict from the field to `name`, `file` and `sha256` (None where the file is not known).
    """
    return {
        field: registry.origin(getattr(config, field))
        for field, registry in _REGISTRIES.items()
        if registry.is_own(getattr(config, field))
    }


def changed_parts(before: Any, now: dict) -> list[str]:
    """Which of some `own_parts` have other code than those of before, in words.

    Args:
        before: as read from a file, which may be damaged.
        now: as `own_parts` gives it.
    """
    before = before if isinstance(before, dict) else {}
    kept = {field: part.get("sha256") for field, part in before.items() if isinstance(part, dict)}
    return [
        f"{field} {part['name']}: {part['file']} has other content than the run began with"
        for field, part in now.items()
        if kept.get(field) != part["sha256"]
    ]
