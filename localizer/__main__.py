"""The command `localizer`: the project's scripts for those who installed the package.

    localizer generate|train|evaluate|localize|export|ablate [options]

`localizer train --help` has the options of a command. `python -m localizer` is the same.
"""

import difflib
import importlib
import sys

from localizer import __version__

COMMANDS = {
    "generate": "turn annotated photos into a dataset folder",
    "train": "train a localizer and keep it in a run folder",
    "evaluate": "score localizers by IoU and write a report page",
    "localize": "find the object in photos",
    "export": "write a trained model in other formats",
    "ablate": "run an ablation experiment",
}


def main() -> None:
    """Run the command that the first argument names; exit codes are those of the command."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h"):
        print(_usage())
        return
    if name == "--version":
        print(f"localizer {__version__}")
        return
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
        print(f"error: no command {name!r}; {hint}", file=sys.stderr)
        sys.exit(2)
    from localizer.commands.command_line import run_script

    # What the command is called in its help and in what it records of itself.
    sys.argv = [f"localizer {name}", *sys.argv[2:]]
    run_script(importlib.import_module(f"localizer.commands.{name}").main)


def _usage():
    lines = ["usage: localizer COMMAND [options]", ""]
    lines += [f"  {name:9} {words}" for name, words in COMMANDS.items()]
    return "\n".join([*lines, "", "localizer COMMAND --help has the options of a command."])


if __name__ == "__main__":
    main()
