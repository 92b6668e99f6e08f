"""What the scripts share: options, and errors as one line instead of a traceback.

Exit codes: 0 done; 1 an internal error (with a traceback: a bug); 2 the input or the options cannot
be used; 130 interrupted; 141 nobody reads the output any more (localize_images.py: 0).
"""

import os
import sys
from argparse import RawDescriptionHelpFormatter

try:
    from jsonargparse import ArgumentParser, DefaultHelpFormatter
    from jsonargparse.typing import restricted_number_type
except ModuleNotFoundError:
    sys.exit(
        "error: the project's packages are not installed in this Python. `make demo` installs them "
        "into .venv (then: . .venv/bin/activate), or: pip install -r requirements.txt"
    )

from localizer.errors import InputError
from localizer.runtimes.keras_settings import import_keras
from localizer.runtimes.quiet import quiet_stderr
from localizer.runtimes.standard_streams import discard_output, prepare_streams

# Of a crop on each side, as a share of the box's width and height.
Margin = restricted_number_type("Margin", float, [(">=", 0), ("<=", 10)])

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def build_parser(script_docstring, check_recipe=None):
    """A parser whose help begins with what the script's docstring says.

    Options may be written with `-` or `_` between their words.

    Args:
        script_docstring: of the script.
        check_recipe: called with the file that --recipe names, if it is there; raises InputError.
    """
    script = os.path.basename(sys.argv[0])
    parser = _Parser(
        prog=script,
        usage=f"python {script} [options]",
        description=script_docstring,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.check_recipe = check_recipe
    return parser


class _Parser(ArgumentParser):
    check_recipe = None

    def parse_args(self, args=None, *rest, **options):
        args = sys.argv[1:] if args is None else args
        for name, value in zip(["", *args], [*args, ""]):
            recipe = value.removeprefix("--recipe=")
            named = name == "--recipe" or recipe != value
            if self.check_recipe and named and os.path.exists(recipe):
                self.check_recipe(recipe)
        try:
            return super().parse_args([self._spelled(arg) for arg in args], *rest, **options)
        except OverflowError as error:
            self.error(f"a number is too large ({error})")

    def _spelled(self, argument):
        name, equals, value = argument.partition("=")
        if not name.startswith("--"):
            return argument
        for known in self._option_string_actions:
            if known.replace("_", "-") == name.replace("_", "-"):
                return known + equals + value
        return argument


class _Formatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Defaults and types on every option, and the description as it was written."""


def start_keras():
    """Import Keras and its backend without the start-up messages of TensorFlow.

    They say nothing a user can act on, and TF_CPP_MIN_LOG_LEVEL does not stop all of them.

    Raises:
        InputError: see `import_keras`.
    """
    with quiet_stderr():
        import_keras()


def run_script(main):
    """Run a script's main function, and exit with a code that other scripts can use."""
    prepare_streams()
    try:
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
