"""Progress over all epochs of all runs of an experiment."""

import sys

from tqdm import tqdm


class Progress:
    """A bar with the time left, and a line for each run that ends; a context manager.

    Args:
        runs: all Runs, those that are done included.
    """

    def __init__(self, runs):
        self._seen = {
            run.name: run.config.epochs if run.is_done else run.epochs_done for run in runs
        }
        self._ended = sum(run.is_done for run in runs)
        self._count = len(runs)
        # A mean over the whole time: rows differ in what an epoch costs.
        self._bar = tqdm(
            total=sum(run.config.epochs for run in runs),
            initial=sum(self._seen.values()),
            desc="Training",
            unit="epoch",
            smoothing=0,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def show(self, run, epochs):
        """Note how many epochs a run has behind it."""
        self._bar.update(epochs - self._seen[run.name])
        self._seen[run.name] = epochs

    def end(self, run, outcome):
        """Note that a run has ended, early or not.

        Args:
            run: Run.
            outcome: what to print beside its name.
        """
        self._ended += 1
        self.show(run, run.config.epochs)
        tqdm.write(f"[{self._ended}/{self._count}] {run.row}, seed {run.seed}: {outcome}")
        sys.stdout.flush()
