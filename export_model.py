"""Write a trained model in the formats of phones, microcontrollers and services.

The options: python export_model.py --help
"""

from localizer.commands.command_line import run_script
from localizer.commands.export import main

if __name__ == "__main__":
    run_script(main)
