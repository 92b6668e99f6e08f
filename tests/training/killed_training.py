"""Trains the run of tests/training/test_killed.py, and kills itself at the moment it is told.

    python -m tests.training.killed_training DATASET RUN EVENT DELAY

EVENT counts what the process does to files of the run folder (opens for writing, renames,
removals); DELAY seconds after the one of this number SIGKILL comes. 0 for EVENT: never.
"""

import os
import signal
import sys
import threading

from localizer.recipe.config import TrainingConfig

# A learning rate that makes the validation IoU go up and down, so that early stopping has
# something to count and the best model is not the last.
CONFIG = TrainingConfig(
    image_size=96,
    weights="none",
    epochs=12,
    batch_size=16,
    head="recipe",
    learning_rate=0.05,
    ema_momentum=0.5,
    bn_momentum=0.5,
    early_stopping=2,
    class_output="supercategory",
    schedule="constant",
    warmup_epochs=0.5,
    workers=1,
)


def kill_at(run, number, delay):
    """Kill this process `delay` seconds after its event of this number in the folder `run`."""
    seen = 0

    def watch(event, args):
        nonlocal seen
        writes = event == "open" and str(args[1] or "").strip("rbt")
        changes = writes or event in ("os.rename", "os.remove")
        if changes and str(args[0]).startswith(run):
            seen += 1
            if seen == number:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
                if not delay:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    return lambda: seen


def main():
    dataset, run, number, delay = sys.argv[1:]
    count = kill_at(run, int(number), float(delay))
    from localizer.dataset.dataset import open_dataset
    from localizer.training.training import train

    train(open_dataset(dataset), CONFIG, run, resume=True, progress=False)
    print(count())


if __name__ == "__main__":
    main()
