"""Runs on this machine, each in its own process, some at a time."""

import os
import time

from localizer.ablation.running.processes import CommandSequence, child_environment, log_end

_SECONDS_BETWEEN_LOOKS = 0.3


def run_here(runs, workers, progress):
    """Do what is missing of some runs, in order.

    Args:
        runs: Runs that are not done.
        workers: how many at a time.
        progress: Progress, which is told of epochs.

    Yields:
        (Run, None) when one is finished; (Run, the end of its log) when it failed.
    """
    waiting, active = list(runs), {}
    environment = child_environment(threads_each(workers))
    try:
        while waiting or active:
            while waiting and len(active) < workers:
                run = waiting.pop(0)
                active[run.name] = run, _start(run, environment)
            for run, process in list(active.values()):
                code = process.poll()
                progress.show(run, run.epochs_done)
                if code is not None:
                    del active[run.name]
                    yield run, None if code == 0 and run.is_done else log_end(run.log)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        for _, process in active.values():
            process.stop()


def threads_each(workers):
    """How many threads a process may compute with beside the others; None = no limit for one."""
    return None if workers == 1 else max((os.cpu_count() or 1) // workers, 1)


def _start(run, environment):
    run.write_recipe()
    return CommandSequence(run.missing_commands(), run.log, environment)
