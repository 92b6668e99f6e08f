"""Ablations on a real Ray cluster of two nodes on loopback, one of which is killed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from localizer.ablation.plan import read_plan
from localizer.ablation.report.results import collect_results
from localizer.ablation.running.runs import list_runs

pytestmark = pytest.mark.slow

pytest.importorskip("ray", reason="needs requirements-ray.txt")

REPOSITORY = Path(__file__).resolve().parents[3]
# Node processes on one machine need addresses of their own; Ray replaces 127.0.0.1.
HEAD, SECOND = "127.0.0.2", "127.0.0.3"
SMALL_NODE = ["--num-cpus=1", "--object-store-memory=100000000", "--block"]
PLAN = """
data: {data}
base: {{weights: none, image_size: 96, batch_size: 96, epochs: 1, warmup_epochs: 0}}
rows: {{plain: {{}}, mse: {{box_loss: mse}}, broken: {{weights: none/there.keras}}}}
seeds: [0]
"""


def wait_for(condition, process, seconds=900):
    """What a condition gives once it is true, if a process does not end before."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
    return answer


def free_port():
    with socket.socket() as listener:
        listener.bind((HEAD, 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def node(*options, temporary):
    """A node process; its tasks put their temporary files into a folder."""
    temporary.mkdir()
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "TMPDIR": str(temporary)}
    command = [Path(sys.executable).with_name("ray"), "start", *options, *SMALL_NODE]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=600)


def child_named(process, name):
    """Process id of a child, from Linux' /proc."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, rest = status.read_text().split(" (", 1)
            found, rest = rest.rsplit(") ", 1)
            if found == name and int(rest.split()[1]) == process.pid:
                return int(pid)
    raise AssertionError(f"no {name} below process {process.pid}")


def is_reachable(port):
    with contextlib.suppress(OSError):
        socket.create_connection((HEAD, port), 1).close()
        return True


@pytest.fixture
def cluster(tmp_path):
    """Address of a cluster, its second node's process and the folders of both nodes' tasks."""
    port = free_port()
    folders = tmp_path / "head", tmp_path / "second"
    # Sockets lie below it, and their paths must be short.
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-"))
        head = stack.enter_context(
            node(
                "--head",
                f"--port={port}",
                f"--node-ip-address={HEAD}",
                f"--temp-dir={session}",
                "--include-dashboard=false",
                temporary=folders[0],
            )
        )
        wait_for(lambda: is_reachable(port), head)
        address = f"{HEAD}:{port}"
        second = stack.enter_context(
            node(f"--address={address}", f"--node-ip-address={SECOND}", temporary=folders[1])
        )
        yield address, second, folders


@pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2 and /proc")
def test_a_lost_node_loses_no_run_and_no_run_is_done_twice_in_one_folder(
    cluster, synthetic_dataset, tmp_path
):
    address, second, folders = cluster
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(PLAN.format(data=synthetic_dataset.path))
    plan = read_plan(path)
    runs = {run.row: run for run in list_runs(plan, synthetic_dataset, out)}
    # What an earlier attempt left unfinished makes room for the finished run.
    runs["plain"].folder.mkdir(parents=True)
    (runs["plain"].folder / "config.yaml").write_text("alpha: 0.5")
    command = [sys.executable, REPOSITORY / "run_ablation.py", path, "--out", out]
    driver = subprocess.Popen(
        [*command, "--ray", address],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    begun = wait_for(lambda: list(folders[1].glob("ablation-*/*/config.yaml")), driver)
    os.kill(child_named(second, "raylet"), signal.SIGKILL)
    output, _ = driver.communicate(timeout=1800)

    assert driver.returncode == 1
    assert "broken, seed 0: FAILED" in output
    assert "error: none/there.keras" in output
    results = {result.row: result for result in collect_results(plan, out)}
    assert set(results) == {"plain", "mse"}
    assert {run.name for run in runs.values() if run.row != "broken"} == {
        path.name for path in (out / "runs").iterdir()
    }
    lost = begun[0].parent
    assert not (lost / "metrics.json").exists()
    places = [place_of(result) for result in results.values()]
    assert len({*places, lost}) == 3
    for result in results.values():
        assert list(result.history["epoch"]) == [1]
        assert len(result.iou) == len(synthetic_dataset.indices("validation"))
        log = runs[result.row].log.read_text()
        assert log.count("Training on") == 1
    assert (out / "report.html").is_file()


def place_of(result):
    """The folder that a run was trained in, from the command in its environment.json."""
    words = result.environment["command"].split()
    return Path(words[words.index("--run") + 1])


def test_an_address_without_a_cluster_is_refused_at_once(synthetic_dataset, run_script, tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN.format(data=synthetic_dataset.path))
    address = f"{HEAD}:{free_port()}"
    answer = run_script("run_ablation.py", "plan.yaml", "--ray", address)
    assert answer.returncode == 2
    assert f"--ray {address}: no Ray cluster" in answer.stderr
