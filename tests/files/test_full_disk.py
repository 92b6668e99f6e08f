"""A disk that is full: a message that names the file, and the last good state is still there."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from localizer.dataset.dataset import open_dataset
from localizer.errors import InputError
from localizer.files.atomic_files import replacing, write_text
from localizer.training.tensorboard_log import TensorboardLog
from localizer.training.training import train
from tests.conftest import REPOSITORY
from tests.training.killed_training import CONFIG

pytestmark = pytest.mark.slow

MODEL = REPOSITORY / "models" / "pet_head.tflite"
DRAWN = ["--source", "synthetic", "--count", 12, "--image-size", 64, "--workers", 1]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of so many bytes in memory; gives its folder."""
    mounted = []

    def mount(size):
        folder = tmp_path / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("needs the right to mount a small disk")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def assert_full(done, name):
    message = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-2000:]
    assert message.startswith("error: ") and name in message and "No space left" in message


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    fractions = ["--fractions", "0.5", "0.5", "0"]
    command = [sys.executable, REPOSITORY / "generate_dataset.py", *DRAWN, *fractions]
    subprocess.run([*map(str, command), "--out", str(folder / "scenes")], check=True)
    return folder / "scenes"


def test_what_was_there_stays_when_the_new_does_not_fit(small_disk):
    disk = small_disk(64 << 10)
    write_text(disk / "a.txt", "good")
    with pytest.raises(InputError, match=r"a\.txt: cannot be written \(No space left.*kept"):
        write_text(disk / "a.txt", "x" * 100_000)
    assert files_in(disk) == {"a.txt": b"good"}


def test_a_failure_of_another_kind_is_passed_on(tmp_path):
    (tmp_path / "a.txt").write_text("good")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.txt") as partial:
        partial.write_text("bad")
        _ = 1 / 0
    assert files_in(tmp_path) == {"a.txt": b"good"}


def test_generating(small_disk, run_script):
    disk = small_disk(1 << 20)
    assert run_script("generate_dataset.py", *DRAWN, "--out", disk / "mine").returncode == 0
    before = files_in(disk)
    more = ["--source", "synthetic", "--count", 100, "--image-size", 64, "--workers", 1]
    for out in ("new", "mine"):
        done = run_script("generate_dataset.py", *more, "--out", disk / out, "--overwrite")
        assert_full(done, str(disk))
    assert os.listdir(disk) == ["mine"] and files_in(disk) == before
    open_dataset(disk / "mine")


def test_training_keeps_its_last_good_state_and_goes_on(small_disk, scenes, tmp_path):
    """One epoch's state fits, not a second beside it; with room again the run ends as it should."""
    config = replace(CONFIG, epochs=2, class_output="none", batch_size=4)
    dataset = open_dataset(scenes)
    train(dataset, config, tmp_path / "whole", progress=False)
    disk = small_disk(9 << 20)
    with pytest.raises(InputError, match=r"resume\.npz: cannot be written \(No space left"):
        train(dataset, config, disk / "run", progress=False)
    assert not list((disk / "run").glob(".*"))
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    environment = disk / "run" / "environment.json"
    written = json.loads(environment.read_text())
    environment.write_text(json.dumps(written | {"backend": "other"}))
    with pytest.raises(InputError, match="KERAS_BACKEND: other is now "):
        train(dataset, config, disk / "run", resume=True, progress=False)
    environment.write_text(json.dumps(written))
    metrics = train(dataset, config, disk / "run", resume=True, progress=False)
    assert metrics["epochs"] == 2
    for name in ("predictions.csv", "config.yaml"):
        assert (disk / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_tensorboard_does_not_wait_for_ever(small_disk):
    disk = small_disk(16 << 10)
    log = TensorboardLog(disk / "tensorboard", 1)
    with pytest.raises(InputError, match="tensorboard: cannot be written"):
        for step in range(1000):
            log.add(step, {"loss": 0.5})
    log.close()


def test_tensorflow_reads_what_is_logged(tmp_path):
    import tensorflow as tf

    log = TensorboardLog(tmp_path, first_step=3)
    log.add(3, {"loss": 0.5, "val_iou": 0.25})
    [path] = tmp_path.iterdir()  # Not closed: this is what a killed run leaves.
    events = list(tf.compat.v1.train.summary_iterator(str(path)))
    values = [(e.step, v.tag, v.simple_value) for e in events for v in e.summary.value]
    assert values == [(3, "loss", 0.5), (3, "val_iou", 0.25)]
    assert [e.step for e in events if e.session_log.status] == [3]
    log.close()


def test_evaluating(small_disk, scenes, run_script):
    out = small_disk(48 << 10) / "report"
    options = ["--data", scenes, "--split", "validation", "--out", out]
    done = run_script("evaluate_performance.py", *options, "--models", MODEL, "baseline:center")
    assert_full(done, str(out / "report.html"))
    assert not list(out.glob(".*"))


def test_localizing(small_disk, scenes, run_script):
    out = small_disk(100 << 10) / "found"
    done = run_script("localize_images.py", scenes / "images", "--out", out)
    assert_full(done, str(out))
    assert list(out.iterdir()) and not list(out.glob(".*"))


@pytest.mark.parametrize("file_format", ["litert", "saved_model"])
def test_exporting(small_disk, scenes, run_script, file_format):
    out = small_disk(400 << 10) / "exports"
    options = ["--model", MODEL.with_suffix(".keras"), "--data", scenes, "--out", out]
    done = run_script("export_model.py", *options, "--formats", file_format)
    assert_full(done, str(out))
    assert not list(out.iterdir())
