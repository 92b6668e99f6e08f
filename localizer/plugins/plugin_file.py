"""Files of one's own parts, as `--plugin FILE.py` names them.

Only a person names one, on the command line: no recipe, plan, dataset or model file can.
"""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

from localizer.errors import InputError
from localizer.plugins.registry import in_words, place_in

_loaded: list[Path] = []


def load_plugin(path: str | Path) -> None:
    """Run a file that registers parts; a file that was run already is not run again.

    Raises:
        InputError: it is no Python file, or it raised; the message has the line and the error.
    """
    path = Path(path)
    if not path.is_file() or path.suffix != ".py":
        raise InputError(f"--plugin {path}: no such Python file (FILE.py)")
    file = path.resolve()
    if file in _loaded:
        return
    spec = ModuleSpec(f"plugin_{file.stem}", None, origin=str(file))
    spec.has_location = True
    module = module_from_spec(spec)
    # Dataclasses and pickles look their module up.
    sys.modules[spec.name] = module
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        words = str(error) if isinstance(error, InputError) else in_words(error)
        raise InputError(f"--plugin {place_in(file, error)}: {words}") from error
    _loaded.append(file)


def loaded_plugins() -> list[Path]:
    """The files that were run, in their order."""
    return list(_loaded)


def plugin_options(files: list[Path] | None = None) -> list[str]:
    """Words of a command line that load files again in another process.

    Args:
        files: by default those that were loaded here.
    """
    files = loaded_plugins() if files is None else files
    return [word for file in files for word in ("--plugin", str(file))]
