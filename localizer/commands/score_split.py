"""A process that scores a finished run on a split.

python -m localizer.commands.score_split DATA RUN RECIPE SPLIT [--plugin FILE.py ...]
"""

import sys

from localizer.commands.command_line import run_script, start_keras


def main():
    data, run, recipe, split = sys.argv[1:5]
    start_keras()
    from localizer.dataset.dataset import open_dataset
    from localizer.recipe.fields import build_config
    from localizer.recipe.reading import read_recipe
    from localizer.training.scoring import score_split

    score_split(run, open_dataset(data), build_config(read_recipe(recipe)), split)


if __name__ == "__main__":
    run_script(main)
