"""Find the object in photos: print its box, and on request draw it.

The options: python localize_images.py --help
"""

from localizer.commands.command_line import run_script
from localizer.commands.localize import main

if __name__ == "__main__":
    run_script(main)
