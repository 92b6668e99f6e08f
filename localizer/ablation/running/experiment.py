"""The work of run_ablation.py: do what is missing of a plan, or say what that is."""

import json
import os
import shlex
import sys

from tqdm import tqdm

from localizer.ablation.running.cluster import run_on_cluster
from localizer.ablation.running.local import run_here, threads_each
from localizer.ablation.running.progress import Progress
from localizer.ablation.running.runs import list_runs
from localizer.ablation.running.timing import Timings
from localizer.reporting.formatting import duration


def run_missing(plan, dataset, out, workers=1, cluster=None):
    """Do the runs of a plan that are not done, and print a line for each.

    Args:
        plan: Plan.
        dataset: the opened Dataset of the plan.
        out: folder of the experiment.
        workers: how many runs at a time, here.
        cluster: Cluster to send them to instead, or None.

    Returns:
        The runs that failed: list of dicts with row, seed and log, the end of its log.

    Raises:
        InputError: a timing failed, or the cluster cannot be used.
    """
    if plan.minutes:
        time_rows([row.config for row in plan.rows], dataset, out, threads_each(workers))
    runs = list_runs(plan, dataset, out)
    missing = [run for run in runs if not run.is_done]
    failures = []
    with Progress(runs) as progress:
        if cluster:
            ended = run_on_cluster(missing, cluster)
        else:
            ended = run_here(missing, workers, progress)
        try:
            for run, log in ended:
                if log is None:
                    progress.end(run, _outcome(run))
                    continue
                failures.append({"row": run.row, "seed": run.seed, "log": log})
                progress.end(run, f"FAILED, the end of {run.log}:\n    " + _indented(log))
        finally:
            # Whatever ends the loop, the processes are ended before it goes further.
            ended.close()
    return failures


def _outcome(run):
    metrics = json.loads(run.results[0].read_text(encoding="utf-8"))
    return (
        f"{metrics['split']} mean IoU {metrics['mean_iou']:.3f}, {metrics['epochs']} epochs, "
        f"{duration(metrics['training_seconds'])}"
    )


def _indented(log):
    return log.replace("\n", "\n    ")


def time_rows(configs, dataset, out, threads=None):
    """Time each kind of training of some TrainingConfigs that was not timed before.

    Raises:
        InputError: one cannot be trained.
    """
    timings = Timings(out, dataset)
    missing = timings.missing(configs)
    for config in tqdm(missing, desc="Timing", unit="kind of row", disable=not sys.stderr.isatty()):
        timings.measure(config, threads)


def describe_runs(plan, dataset, out, workers=1):
    """What would run, and about how long, as text; times the rows for it.

    Raises:
        InputError: a row cannot be trained.
    """
    threads = threads_each(workers)
    if plan.minutes:
        time_rows([row.config for row in plan.rows], dataset, out, threads)
    runs = list_runs(plan, dataset, out)
    missing = [run for run in runs if not run.is_done]
    time_rows([run.config for run in missing], dataset, out, threads)
    timings = Timings(out, dataset)
    changes = {row.name: row.changes for row in plan.rows}
    lines, seconds = [], 0.0
    for run in runs:
        left = run.config.epochs - min(run.epochs_done, run.config.epochs)
        state = "done" if run.is_done else f"{left} of {run.config.epochs} epochs to go"
        seconds += 0 if run.is_done else timings.seconds(run.config, left)
        lines.append(f"{run.row}, seed {run.seed}: {state}  {_words(changes[run.row])}".rstrip())
    lines.append(f"{len(runs)} runs, {len(missing)} of them to do. {_estimate(seconds, workers)}")
    return "\n".join(lines)


def _words(changes):
    return shlex.join(f"{name}={value}" for name, value in changes.items())


def _estimate(seconds, workers):
    if not seconds:
        return "Nothing is missing."
    estimate = (
        f"About {duration(seconds)} one after the other: an estimate from a few training steps of "
        "each kind of row on this machine as busy as it was, which other load shifts."
    )
    if workers == 1:
        return estimate
    cores = os.cpu_count() or 1
    return (
        f"{estimate} {workers} at a time take {duration(seconds / workers)} at best; the timing "
        f"was made alone, with {threads_each(workers)} of {cores} cores."
    )
