"""A process that scores a finished run on a split.

python -m localizer.ablation.split_scoring DATA RUN RECIPE SPLIT
"""

import sys

from localizer.command_line import run_script, start_keras


def main():
    data, run, recipe, split = sys.argv[1:]
    start_keras()
    from localizer.ablation.plan_rows import read_recipe
    from localizer.ablation.settings import build_config
    from localizer.store import open_dataset
    from localizer.training import score_split

    score_split(run, open_dataset(data), build_config(read_recipe(recipe)), split)


if __name__ == "__main__":
    run_script(main)
