"""What the commands share: options, and errors as one line instead of a traceback.

Exit codes: 0 done; 1 an internal error (with a traceback: a bug); 2 the input or the options cannot
be used; 130 interrupted; 141 nobody reads the output any more (localize_images.py: 0).
"""

import argparse
import os
import re
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn

try:
    import docstring_parser

    from localizer.recipe.former_settings import why_gone
    from localizer.recipe.values import describe, from_text
except ModuleNotFoundError:
    sys.exit(
        "error: the project's packages are not installed in this Python. `make demo` installs them "
        "into .venv (then: . .venv/bin/activate), or: pip install -r requirements.txt"
    )

from localizer.environment import program
from localizer.errors import InputError, nearest
from localizer.plugins.plugin_file import load_plugin
from localizer.runtimes.keras_settings import import_keras
from localizer.runtimes.quiet import quiet_stderr
from localizer.runtimes.standard_streams import discard_output, prepare_streams

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_IMPORT_OF_KERAS = re.compile(rb"^\s*(?:import|from)\s+(?:keras|tensorflow)\b", re.M)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are InputErrors."""

    def error(self, message: str) -> NoReturn:
        """End with code 2 and one line."""
        raise InputError(message.removeprefix("argument "))


class OptionParser(_Parser):
    """A parser whose options are checked by their types (`recipe.values`).

    Words may be joined by `-` or `_`; the help shows `-`. An option of a value that is not possible
    ends the process with code 2 and one line.

    Args:
        docstring: of the command; the help begins with it.
        arguments: how the positional arguments are shown, if there are any.
    """

    def __init__(self, docstring: str, arguments: str = ""):
        super().__init__(
            prog=program(),
            usage=f"{program()} {arguments}[options]",
            description=docstring,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        _add_plugin(self)

    def add(self, *names: str, type: Any = None, help: str = "", **options: Any) -> None:
        """Add an option, or a positional argument.

        Args:
            names: as for `argparse.ArgumentParser.add_argument`.
            type: one of `recipe.values`, Path, str or a Literal; None for a switch.
            help: what it does, without its default and type, which are added.
        """
        notes = []
        if type is not None:
            options["type"] = _typed(type)
            options.setdefault("metavar", _metavar(names, type))
            notes.append(describe(type)) if type is not str else None
        default = options.get("default", False if type is None else None)
        if names[0].startswith("-") and "default:" not in help:
            notes.append(f"default: {_shown(default)}")
        more = f" ({'; '.join(notes)})" if notes else ""
        self.add_argument(*names, help=(help + more).replace("%", "%%"), **options)

    def add_fields(self, config: type, prefix: str = "") -> None:
        """Add an option for each field of a settings class, such as --augmentation.zoom-in.

        Those that are not given are missing in what `parse_args` returns.
        """
        words = docstring_parser.parse(config.__doc__ or "").params
        words = {one.arg_name: " ".join((one.description or "").split()) for one in words}
        # "zoom_in, zoom_out: ..." describes both.
        words = {name: text for names, text in words.items() for name in names.split(", ")}
        defaults = config()
        for field in fields(config):
            if is_dataclass(field.type):
                self.add_fields(field.type, f"{prefix}{field.name}.")
                continue
            kind, default = describe(field.type), _shown(getattr(defaults, field.name))
            notes = f"default: {default}" if kind == "text" else f"{kind}; default: {default}"
            self.add_argument(
                "--" + (prefix + field.name).replace("_", "-"),
                dest=prefix + field.name,
                type=_typed(field.type, prefix + field.name),
                default=argparse.SUPPRESS,
                metavar=field.name.upper(),
                help=f"{words.get(field.name, '')} ({notes})".replace("%", "%%"),
            )

    def parse_args(self, args=None, namespace=None):
        """As `argparse` does, with `_` in names of options as `-`."""
        args = sys.argv[1:] if args is None else args
        namespace, unknown = self.parse_known_args([_spelled(arg) for arg in args], namespace)
        if unknown:
            options = [name for name in self._option_string_actions if name.startswith("--")]
            wrong = next((one for one in unknown if one.startswith("-")), unknown[0])
            hint = f"; {nearest(wrong.partition('=')[0], options)}"
            hint = hint if "did you mean" in hint else f"; {self.prog} --help lists them"
            self.error(f"no option {wrong!r}{hint}")
        return namespace


def _add_plugin(parser):
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE.py",
        help="run this file, which registers parts of your own (docs/own_parts.md); repeatable "
        "(default: none)",
    )


def load_plugins(arguments: list[str]) -> None:
    """Run the files that `--plugin` names, so that all that is read later knows their parts.

    Args:
        arguments: the words of a command line.

    Raises:
        InputError: a file is none, or raised.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    _add_plugin(parser)
    for path in map(Path, parser.parse_known_args(arguments)[0].plugin):
        if path.is_file() and _IMPORT_OF_KERAS.search(path.read_bytes()):
            # Before the file does it: quietly, and with the settings that the project needs.
            start_keras()
        load_plugin(path)


def _spelled(argument):
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def _typed(annotation, name=""):
    """The type of an option, for argparse; `name` if it is a field of a recipe."""

    def read(text):
        try:
            return from_text(text, annotation)
        except InputError as error:
            raise argparse.ArgumentTypeError(why_gone(name, text) or str(error)) from None

    return read


def _metavar(names, annotation):
    return names[0].lstrip("-").replace("-", "_").upper()


def _shown(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def start_keras() -> None:
    """Import Keras and its backend without the start-up messages of TensorFlow.

    They say nothing a user can act on, and TF_CPP_MIN_LOG_LEVEL does not stop all of them.

    Raises:
        InputError: see `import_keras`.
    """
    with quiet_stderr():
        import_keras()


def run_script(main) -> None:
    """Run a script's main function, and exit with a code that other scripts can use."""
    prepare_streams()
    try:
        load_plugins(sys.argv[1:])
        main()
        # Here, where a full disk is still an error with an exit code.
        sys.stdout.flush()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        discard_output()
        sys.exit(141)
    except OSError as error:
        # Full disk, no permission: the message names the file; a traceback would add nothing.
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
