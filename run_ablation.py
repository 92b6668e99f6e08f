"""Run an ablation experiment: every row of a plan with every seed, and a page that compares them.

The options: python run_ablation.py --help
"""

from localizer.commands.ablate import main
from localizer.commands.command_line import run_script

if __name__ == "__main__":
    run_script(main)
