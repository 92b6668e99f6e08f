"""Two processes on one folder, and what a killed one leaves."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from localizer.dataset.dataset import open_dataset
from localizer.errors import InputError
from localizer.files.folder_lock import sole_writer
from tests.conftest import REPOSITORY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no flock"),
]
DRAWN = ["--source", "synthetic", "--count", 6, "--image-size", 64, "--workers", 1]

HOLDER = """
import sys
from localizer.files.folder_lock import sole_writer
with sole_writer(sys.argv[1], "folder"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold():
    """Start processes that hold a lock until their input ends."""
    held = []

    def start(lock):
        held.append(
            subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(lock)],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        assert held[-1].stdout.readline() == "held\n"
        return held[-1]

    yield start
    for process in held:
        process.kill()
        process.communicate()


def test_the_second_is_refused_until_the_first_has_ended(hold, tmp_path):
    lock = tmp_path / "new" / ".lock"
    first = hold(lock)
    refused = pytest.raises(InputError, match="folder: another process is writing to it")
    with refused, sole_writer(lock, "folder"):
        pytest.fail("two at a time")
    first.communicate("")
    with sole_writer(lock, "folder"):
        assert lock.exists()
    assert not lock.exists()


def test_a_crash_leaves_no_lock_behind(hold, tmp_path):
    lock = tmp_path / ".lock"
    first = hold(lock)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert lock.exists()
    with sole_writer(lock, "folder"):
        pass
    assert not lock.exists()


def test_one_process_at_a_time_among_many(tmp_path):
    """Each adds one to a number that is read and written without any other protection."""
    code = """
import sys, time
from localizer.errors import InputError
from localizer.files.folder_lock import sole_writer
for _ in range(100):
    while True:
        try:
            with sole_writer(sys.argv[1] + "/.lock", "folder"):
                number = int(open(sys.argv[1] + "/number").read())
                open(sys.argv[1] + "/number", "w").write(str(number + 1))
            break
        except InputError:
            pass
"""
    (tmp_path / "number").write_text("0")
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert (tmp_path / "number").read_text() == "300"
    assert os.listdir(tmp_path) == ["number"]


def test_a_folder_that_nothing_was_written_to_goes_again(tmp_path):
    with sole_writer(tmp_path / "run" / ".lock", tmp_path / "run"):
        pass
    assert os.listdir(tmp_path) == []
    (tmp_path / "file").write_text("")
    run = tmp_path / "file" / "run"
    with pytest.raises(InputError, match="made or written to"), sole_writer(run / ".lock", run):
        pass


def test_without_flock_nothing_is_refused(tmp_path):
    code = """
import sys
sys.modules["fcntl"] = None
from localizer.files.folder_lock import sole_writer
with sole_writer(sys.argv[1], "folder"), sole_writer(sys.argv[1], "folder"):
    print("both")
"""
    command = [sys.executable, "-c", code, str(tmp_path / "run" / ".lock")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.stdout, os.listdir(tmp_path / "run")) == ("both\n", []), done.stderr


def test_scripts_refuse_a_folder_in_work(hold, run_script, tmp_path):
    assert run_script("generate_dataset.py", *DRAWN, "--out", "data/mine").returncode == 0
    holders = hold(tmp_path / "data" / ".mine.lock"), hold(tmp_path / "runs" / "one" / ".lock")
    remake = ["generate_dataset.py", *DRAWN, "--out", "data/mine", "--overwrite"]
    train = ["train_model.py", "--data", "data/mine", "--run", "runs/one", "--weights", "none"]
    for command, folder in ((remake, "data/mine"), (train, "runs/one")):
        done = run_script(*command)
        assert done.returncode == 2
        assert (
            done.stderr.strip()
            .splitlines()[-1]
            .startswith(f"error: {folder}: another process is writing to it")
        )
    for holder in holders:
        holder.communicate("")
    assert run_script(*remake).returncode == 0
    assert sorted(os.listdir(tmp_path / "data")) == ["mine"]


KILLED = """
import os, signal, sys
from localizer.sources.opening import open_source
from localizer.dataset.generation import GenerationSettings, generate_dataset

def kill(event, args):
    if event == "os.rename" and str(args[0]).endswith(sys.argv[2]) and ".part" in str(args[0]):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
read, _ = open_source("synthetic", None, "head", count=6, seed=1, workers=1)
settings = GenerationSettings("synthetic", "head", None, find_duplicates=False, image_size=64)
generate_dataset(read, settings, sys.argv[1], overwrite=True, progress=False)
"""


def test_a_dataset_whose_replacement_was_killed(run_script, tmp_path):
    """In the moment in which the old folder is away and the new one not there yet."""
    assert run_script("generate_dataset.py", *DRAWN, "--out", "data/mine").returncode == 0
    before = open_dataset(tmp_path / "data" / "mine").description
    out = tmp_path / "data" / "mine"
    command = [sys.executable, "-c", KILLED, str(out), "dataset"]
    assert subprocess.run(command, cwd=REPOSITORY).returncode == -signal.SIGKILL
    assert sorted(os.listdir(out.parent)) == [".mine.lock", ".mine.part"]
    done = run_script("generate_dataset.py", *DRAWN, "--out", "data/mine")
    assert done.returncode == 2 and "--overwrite replaces it" in done.stderr
    assert os.listdir(out.parent) == ["mine"] and open_dataset(out).description == before
    shutil.rmtree(out)
    assert run_script("generate_dataset.py", *DRAWN, "--out", "data/mine").returncode == 0
