"""A process that times a few training steps of a recipe, and what surrounds them in an epoch.

    python -m localizer.commands.time_epoch DATA RECIPE ANSWER [--plugin FILE.py ...]

writes to the file ANSWER, in seconds: {"epoch": a whole epoch, "measured": the part that was run}.
"""

import json
import sys
import tempfile
from pathlib import Path

from localizer.commands.command_line import run_script, start_keras
from localizer.training.timing import time_epoch


def main():
    data, recipe, answer = sys.argv[1:4]
    start_keras()
    from localizer.dataset.dataset import open_dataset
    from localizer.recipe.fields import build_config
    from localizer.recipe.reading import read_recipe

    with tempfile.TemporaryDirectory(prefix="timing-") as folder:
        seconds = time_epoch(open_dataset(data), build_config(read_recipe(recipe)), Path(folder))
    Path(answer).write_text(json.dumps(seconds), encoding="utf-8")


if __name__ == "__main__":
    run_script(main)
