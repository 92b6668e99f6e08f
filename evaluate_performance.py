"""Score localizers by IoU on one split of a dataset and write a report page.

The options: python evaluate_performance.py --help
"""

from localizer.commands.command_line import run_script
from localizer.commands.evaluate import main

if __name__ == "__main__":
    run_script(main)
