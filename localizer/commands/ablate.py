"""Run an ablation experiment: every row of a plan with every seed, and a page that compares them.

    python run_ablation.py                                    # four short runs on drawn scenes
    python run_ablation.py experiments/ablations/X.yaml --dry-run
    python run_ablation.py experiments/ablations/X.yaml --out ablations/X --workers 2
    python run_ablation.py experiments/ablations/X.yaml --ray HOST:6379 --gpus-per-run 1

Each run is a process and a run folder of its own, OUT/runs/ROW-seedK-HASH. Started again, the
command does only what is missing, and goes on with a run that was stopped; changed settings or
data make new runs. A run that fails is reported and does not stop the others (exit code 1).
"""

import signal
import subprocess
import sys
from pathlib import Path

from localizer.commands.command_line import OptionParser, start_keras
from localizer.environment import command_line
from localizer.errors import InputError
from localizer.recipe.values import Count, NonNegative, Positive
from localizer.shipped import shipped_folder

SMOKE = shipped_folder("ablations") / "smoke.yaml"


def main():
    parser = OptionParser(__doc__)
    add = parser.add
    add("plan", type=Path, nargs="?", default=SMOKE, help="the plan, a YAML file")
    add("--out", type=Path, help="folder of the experiment (default: ablations/PLAN)")
    add(
        "--dry-run",
        action="store_true",
        help="print the runs and an estimate of their time, from a short timing",
    )
    add(
        "--workers",
        type=Count,
        default=1,
        help="runs at a time on this machine. They share its cores, so on few cores they take "
        "about as long together as one after the other, each with a longer training time. Threads "
        "are shared out, too, which changes rounding: the last digits differ from those of a run "
        "that had all cores",
    )
    add(
        "--ray",
        type=str,
        metavar="ADDRESS",
        help="send the runs to a Ray cluster: HOST:PORT, or auto",
    )
    add("--cpus-per-run", type=Positive, default=1, help="Ray: CPU cores that a run is given")
    add("--gpus-per-run", type=NonNegative, default=0, help="Ray: GPUs that a run is given")
    options = parser.parse_args()
    if not options.ray and (options.gpus_per_run or options.cpus_per_run != 1):
        raise InputError("--cpus-per-run and --gpus-per-run are for --ray")
    if options.ray and options.workers > 1:
        raise InputError("--workers is for this machine; with --ray, the cluster says how many")

    from localizer.ablation.plan import read_plan
    from localizer.ablation.report.results import collect_results
    from localizer.ablation.running.cluster import Cluster
    from localizer.ablation.running.experiment import describe_runs, run_missing
    from localizer.ablation.running.runs import check_dataset
    from localizer.dataset.dataset import open_dataset
    from localizer.files.folder_lock import sole_writer

    plan = read_plan(options.plan)
    out = options.out or Path("ablations") / plan.path.stem
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, not a folder; choose another --out")
    if plan.path.resolve() == SMOKE and not plan.data.exists():
        draw_scenes(plan.data)
    dataset = open_dataset(plan.data)
    check_dataset(plan, dataset)
    if options.dry_run:
        print(describe_runs(plan, dataset, out, options.workers))
        return
    command = command_line()
    # Ended politely, as by a batch system, the script still ends the trainings.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    cluster = options.ray and Cluster(options.ray, options.cpus_per_run, options.gpus_per_run)
    with sole_writer(out / ".lock", out):
        try:
            failures = run_missing(plan, dataset, out, options.workers, cluster)
        except (KeyboardInterrupt, SystemExit) as stop:
            print(f"Stopped; what is finished is kept. To go on: {command}", file=sys.stderr)
            if isinstance(stop, SystemExit):
                sys.exit(128 + signal.SIGTERM)  # Ray makes another code of it.
            raise
        start_keras()
        from localizer.ablation.report.page import write_ablation_page

        page = write_ablation_page(plan, collect_results(plan, out), failures, out, command)
        print(f"Report: {page}")
    if failures:
        runs = "1 run" if len(failures) == 1 else f"{len(failures)} runs"
        print(f"{runs} failed; the same command tries again", file=sys.stderr)
        sys.exit(1)


def draw_scenes(path):
    """Make the small dataset of the smoke plan."""
    from localizer.ablation.running.processes import child_environment

    print(f"Drawing scenes into {path}")
    script = [sys.executable, "-m", "localizer", "generate"]
    options = ["--source", "synthetic", "--count", "300", "--out", path]
    if code := subprocess.run(
        [*script, *options], stdout=subprocess.DEVNULL, env=child_environment()
    ).returncode:
        sys.exit(code)
