"""Turn annotated photos into a dataset folder: decoded once, split, checked by eye in one picture.

The options: python generate_dataset.py --help
"""

from localizer.commands.command_line import run_script
from localizer.commands.generate import main

if __name__ == "__main__":
    run_script(main)
