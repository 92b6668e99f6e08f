"""Runs on a Ray cluster: each is a task that trains in a fresh folder and returns its content.

Only this process writes into the folder of the experiment, so the nodes need not share it. They
read the dataset, the project and weights files where they are, at the same paths as here.
"""

import contextlib
import importlib
import io
import os
import shutil
import signal
import socket
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from localizer.ablation.running.processes import (
    PROJECT,
    CommandSequence,
    child_environment,
    log_end,
)
from localizer.ablation.running.runs import training_commands
from localizer.errors import InputError
from localizer.files.checksums import sha256_of
from localizer.models.initial_weights import weights_file
from localizer.plugins.plugin_file import loaded_plugins

# What starts a run on a node.
_PROGRAM = PROJECT / "localizer" / "__main__.py"
# How often Ray starts a task anew whose node was lost.
_RETRIES = 5
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_ANSWER = 10
_SECONDS_TO_CHECK = 120
_SECONDS_TO_CANCEL = 20
# What these say here holds for the processes on the nodes, too.
_SHARED_VARIABLES = ("KERAS_BACKEND", "KERAS_HOME")


@dataclass(frozen=True)
class Cluster:
    """Where runs are sent.

    Attributes:
        address: of the Ray cluster: HOST:PORT, ray://HOST:PORT or "auto".
        cpus: CPU cores that each run is given.
        gpus: GPUs that each run is given; a fraction shares one.
    """

    address: str
    cpus: float = 1
    gpus: float = 0


def run_on_cluster(runs, cluster):
    """Do what is missing of some runs as tasks of a Ray cluster.

    A task whose node is lost is started anew elsewhere. Only a finished run is put into its place,
    in one step; what stands there of an earlier, unfinished attempt goes.

    Args:
        runs: Runs that are not done.
        cluster: Cluster.

    Yields:
        (Run, None) when one is finished; (Run, the end of its log) when it failed.

    Raises:
        InputError: there is no such cluster, it has not what a run needs, or a node lacks a file.
    """
    if not runs:
        return
    with _connected(cluster.address) as ray:
        _check_nodes(ray, _able_nodes(ray, cluster), _needed_files(runs))
        train = ray.remote(num_cpus=cluster.cpus, num_gpus=cluster.gpus, max_retries=_RETRIES)(
            _by_value(str(PROJECT))
        )
        pending = {train.remote(_job(run, cluster)): run for run in runs}
        try:
            while pending:
                finished, _ = ray.wait(list(pending), timeout=_SECONDS_BETWEEN_LOOKS)
                for reference in finished:
                    run = pending.pop(reference)
                    yield run, _collect(ray, reference, run)
        finally:
            for reference in pending:
                ray.cancel(reference)
            if pending:  # Each ends its training and takes its folder away.
                ray.wait(list(pending), num_returns=len(pending), timeout=_SECONDS_TO_CANCEL)


@contextlib.contextmanager
def _connected(address):
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise InputError(
            f"--ray needs the package ray ({error}): pip install -r requirements-ray.txt"
        ) from None
    try:
        _check_address(address)
        handler = signal.getsignal(signal.SIGTERM)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        # Ray has set its own, which exits at once.
        signal.signal(signal.SIGTERM, handler)
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        raise InputError(
            f"--ray {address}: no Ray cluster to work with there ({error}). `ray start --head` "
            "starts one, with the versions of Ray and Python used here"
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_address(address):
    """Ray itself tries for minutes where nobody listens."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()


def _able_nodes(ray, cluster):
    """The nodes that have the CPUs and GPUs for one run."""
    wanted = {"CPU": cluster.cpus, "GPU": cluster.gpus}
    nodes = [node for node in ray.nodes() if node["Alive"]]
    able = [n for n in nodes if all(n["Resources"].get(k, 0) >= v for k, v in wanted.items())]
    if not able:
        offers = "; ".join(
            f"{node['NodeManagerHostname']}: {node['Resources'].get('CPU', 0):g} CPUs, "
            f"{node['Resources'].get('GPU', 0):g} GPUs"
            for node in nodes
        )
        raise InputError(
            f"--ray {cluster.address}: no node has {cluster.cpus:g} CPUs and {cluster.gpus:g} "
            f"GPUs for one run ({offers}); see --cpus-per-run and --gpus-per-run"
        )
    return able


def _needed_files(runs):
    """Path -> checksum of what each node must have; None where only its presence matters."""
    data = runs[0].data.resolve()
    weights = filter(None, {weights_file(run.config.weights) for run in runs})
    compared = [data / "dataset.json", *sorted(p.resolve() for p in weights if p.is_file())]
    present = [data / "images.npy", data / "samples.csv", _PROGRAM, Path.cwd()]
    return dict.fromkeys(map(str, present)) | {str(path): sha256_of(path) for path in compared}


def _check_nodes(ray, nodes, needed):
    # A nested function travels by value; the project's modules may be what a node lacks.
    def find_missing(needed):
        import hashlib
        from pathlib import Path

        missing = [path for path in needed if not Path(path).exists()]
        others = [
            path
            for path, checksum in needed.items()
            if checksum
            and path not in missing
            and hashlib.sha256(Path(path).read_bytes()).hexdigest() != checksum
        ]
        return missing, others

    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    check = ray.remote(num_cpus=0)(find_missing)
    answers = [
        check.options(scheduling_strategy=strategy(node["NodeID"], soft=False)).remote(needed)
        for node in nodes
    ]
    for node, answer in zip(nodes, answers):
        name = f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        try:
            missing, others = ray.get(answer, timeout=_SECONDS_TO_CHECK)
        except ray.exceptions.RayError as error:
            raise InputError(f"{name} does not answer: {error}") from None
        if missing or others:
            complaints = [f"{path} is missing" for path in missing]
            complaints += [f"{path} differs from the one here" for path in others]
            raise InputError(
                f"{name}: {'; '.join(complaints)}. Each node needs the project and the dataset at "
                "the same paths as here, on a shared filesystem or copied"
            )


def _job(run, cluster):
    """What a node needs to know of a run, in plain types."""
    return {
        "name": run.name,
        "settings": yaml.safe_dump(run.config.to_dict(), sort_keys=False),
        "data": str(run.data.resolve()),
        "split": run.split,
        "folder": str(Path.cwd()),
        "threads": max(int(cluster.cpus), 1),
        "plugins": [(path.name, path.read_bytes()) for path in loaded_plugins()],
        "variables": {k: os.environ[k] for k in _SHARED_VARIABLES if k in os.environ},
    }


def _by_value(project):
    """A task that finds the project on its node."""

    def train(job):
        import sys

        sys.path.insert(0, project)
        from localizer.ablation.running.cluster import train_in_fresh_folder

        return train_in_fresh_folder(job)

    return train


def train_in_fresh_folder(job):
    """On a node: train in a new temporary folder.

    Args:
        job: see `_job`.

    Returns:
        (exit code, its log as text, the run folder as bytes of a tar file; b"" when it failed).
    """
    with tempfile.TemporaryDirectory(prefix="ablation-") as place:
        folder, recipe = Path(place, job["name"]), Path(place, f"{job['name']}.yaml")
        recipe.write_text(job["settings"], encoding="utf-8")
        log = Path(place, "log")
        plugins = [_written(Path(place, f"plugin{i}"), *p) for i, p in enumerate(job["plugins"])]
        commands = training_commands(job["data"], folder, recipe, job["split"], plugins)
        environment = child_environment(job["threads"]) | job["variables"]
        child = CommandSequence(commands, log, environment, folder=job["folder"])
        try:
            while (code := child.poll()) is None:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        finally:
            child.stop()
        text = log.read_bytes().decode("utf-8", errors="replace")
        return code, text, _packed(folder) if code == 0 else b""


def _written(folder, name, content):
    """A file with that content in a new folder."""
    folder.mkdir()
    (folder / name).write_bytes(content)
    return folder / name


def _packed(folder):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(folder, arcname=".")
    return content.getvalue()


def _collect(ray, reference, run):
    """Put a finished run into its place; the end of the log if it failed."""
    try:
        code, log, content = ray.get(reference)
    except ray.exceptions.RayError as error:
        return str(error)
    run.log.parent.mkdir(parents=True, exist_ok=True)
    with open(run.log, "a", encoding="utf-8") as file:
        file.write(log)
    if code:
        return log_end(run.log)
    incoming = run.folder.with_name(f".{run.name}.incoming")
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(incoming, filter="data")
    if run.folder.exists():
        shutil.rmtree(run.folder)
    os.rename(incoming, run.folder)
    run.write_recipe()
    return None if run.is_done else log_end(run.log)
