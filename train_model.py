"""Train a localizer and keep it in a run folder.

The options: python train_model.py --help
"""

from localizer.commands.command_line import run_script
from localizer.commands.train import main

if __name__ == "__main__":
    run_script(main)
