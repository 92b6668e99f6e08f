"""Whether a run folder may be gone on with: the settings and the dataset it was begun with."""

import json
from pathlib import Path

import keras
import yaml

from localizer.dataset.identity import identity
from localizer.errors import InputError
from localizer.recipe.former_settings import as_now
from localizer.recipe.own_parts import changed_parts
from localizer.recipe.yaml_mapping import alias_line

# What a run's config.yaml has beside the recipe where photos are held out in turn.
FOLDS = ("folds", "fold")


def refuse_changes(run: Path, settings: dict, data: dict, own: dict) -> None:
    """See that a run folder is of the same settings, dataset and backend.

    Args:
        run: the run folder.
        settings: what its config.yaml would hold now.
        data: what its environment.json would say of the dataset now.
        own: the `own_parts` of now.

    Raises:
        InputError: it is not, or these files are damaged.
    """
    try:
        before = as_now(_read_settings(run / "config.yaml"))
        environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
        checksums = _checksums(environment["dataset"])
        missing = [name for name in settings if name not in (*before, *FOLDS)]
        if missing:
            raise InputError(
                f"{run}: begun by an earlier version, which had no {', '.join(missing)}. Go on "
                f"with commit {_shorten(environment.get('commit'))}, or start anew with --overwrite"
            )
        changed = [
            f"{_shorten(name)}: {_shorten(repr(before.get(name)))} is now {settings.get(name)!r}"
            for name in sorted(before.keys() | settings.keys())
            if before.get(name) != settings.get(name) and name not in ("data", "workers")
        ]
    except InputError:
        raise
    except Exception as error:  # Damage surfaces as many kinds of exception in PyYAML.
        raise InputError(
            f"{run}: config.yaml or environment.json is damaged ({_shorten(error, 300)}); start "
            "anew with --overwrite"
        ) from None
    backend = environment.get("backend", keras.backend.backend())
    if backend != keras.backend.backend():
        changed.append(f"KERAS_BACKEND: {_shorten(backend)} is now {keras.backend.backend()}")
    if checksums != _checksums(data):
        changed.append(
            f"dataset: {settings['data']} has other images or boxes than the run began with"
        )
    changed += changed_parts(environment.get("own_parts"), own)
    if changed:
        raise InputError(
            f"{run}: cannot be resumed with other settings:\n  "
            + "\n  ".join(changed)
            + _remedy(run, before.get("epochs"), settings["epochs"])
        )


def _remedy(run, before, now):
    """What to do about other settings; `before` and `now` are numbers of epochs."""
    if isinstance(before, int) and before < now and (run / "best.keras").is_file():
        return (
            "\nThe learning rate of an epoch depends on how many there are. What trains longer is "
            "a new run that begins with this one's weights: "
            f"--run NEW --weights {run / 'best.keras'} --epochs {now} (and the other options as "
            "they were)"
        )
    return "\nGo on with the settings as they were, or start another run with --run NEW"


def _read_settings(path):
    text = path.read_text(encoding="utf-8")
    if alias_line(text):
        raise ValueError("aliases (*name) are not allowed")
    settings = yaml.safe_load(text)
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        raise ValueError("not settings with their names")
    return settings


def _checksums(data):
    added = (data.get("unlabelled") or {}).get("sha256")
    return identity(data["sha256"]), identity(added)


def _shorten(value, length=80):
    text = str(value)
    return text if len(text) <= length else f"{text[: length - 3]}..."
