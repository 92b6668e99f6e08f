"""Train on a dataset that is larger than the memory: does it run, and in how much memory?

    python benchmarks/training_large.py --count 200000 --limit-gib 1.5 --seconds 120

The dataset is cheap: images.npy is a sparse file of black images, 15 GB at 200,000. It is trained
on for some time in a control group with a memory limit, in which the pages of the file count, too:
Linux kills what needs more. Needs root and Linux. docs/reliability.md has the figures.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from localizer.commands.command_line import OptionParser, run_script
from localizer.dataset.dataset import BOX_COLUMNS, COLUMNS
from localizer.files.checksums import sha256_of

PROJECT = Path(__file__).resolve().parent.parent
GROUP = Path("/sys/fs/cgroup/memory/localizer_benchmark")
VALIDATION = 200


def main():
    parser = OptionParser(__doc__)
    parser.add_argument("--count", type=int, default=200_000, help="images")
    parser.add_argument("--limit-gib", type=float, default=1.5, help="memory limit")
    parser.add_argument("--seconds", type=int, default=120, help="of training, then it is stopped")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        write_dataset(Path(scratch, "large"), options.count)
        GROUP.mkdir(exist_ok=True)
        try:
            (GROUP / "memory.limit_in_bytes").write_text(str(int(options.limit_gib * 2**30)))
            train(Path(scratch), options.seconds)
        finally:
            GROUP.rmdir()


def write_dataset(folder, count):
    """A dataset folder of black images of 160 pixels with random boxes."""
    folder.mkdir()
    np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (count, 160, 160, 3))
    low = np.random.default_rng(0).uniform(0, 0.5, (count, 2))
    names = [f"{number:07}.jpg" for number in range(count)]
    samples = pd.DataFrame({column: names for column in COLUMNS})
    samples["split"] = ["validation"] * VALIDATION + ["train"] * (count - VALIDATION)
    samples[["width", "height"]] = 160
    samples[BOX_COLUMNS] = np.concatenate([low, low + 0.4], axis=1).round(4)
    samples.to_csv(folder / "samples.csv", index=False)
    # Opening a dataset does not read all of images.npy, so nobody will miss its checksum.
    sums = {"samples.csv": sha256_of(folder / "samples.csv"), "images.npy": ""}
    description = {"source": "csv", "target": "object", "root": ".", "sha256": sums}
    (folder / "dataset.json").write_text(json.dumps(description))
    size = folder / "images.npy"
    print(f"{count:,} images, {size.stat().st_size / 2**30:.1f} GiB in images.npy")


def train(scratch, seconds):
    """Train in the control group for some time, and print what it took."""
    command = [
        sys.executable,
        PROJECT / "train_model.py",
        "--data",
        scratch / "large",
        "--run",
        scratch / "run",
        "--weights",
        "none",
        "--head",
        "recipe",
        "--looks",
        "1",
        "--image_size",
        96,
    ]
    process = subprocess.Popen(
        [*map(str, command)], stderr=subprocess.PIPE, preexec_fn=_enter_group
    )
    try:
        said = _watch(process, seconds)
        print(said)
        print(f"limit {_mib('memory.limit_in_bytes')} MiB, of it the process {_anonymous()} MiB")
        print(f"largest use with pages of the file {_mib('memory.max_usage_in_bytes')} MiB")
        print("still training" if process.poll() is None else f"exit code {process.returncode}")
    finally:
        process.kill()
        process.wait()


def _watch(process, seconds):
    """The progress bar after so many seconds of training, or at the process's end."""
    os.set_blocking(process.stderr.fileno(), False)
    until, line = float("inf"), ""
    while process.poll() is None and time.monotonic() < until:
        line = ((process.stderr.read() or b"").decode().strip().split("\r")[-1]) or line
        if until == float("inf") and re.search(r" [1-9]\d*/\d+ \[", line):
            until = time.monotonic() + seconds
        time.sleep(0.2)
    return line[-200:]


def _enter_group():
    (GROUP / "cgroup.procs").write_text(str(os.getpid()))


def _mib(name):
    return int((GROUP / name).read_text()) >> 20


def _anonymous():
    lines = (GROUP / "memory.stat").read_text().splitlines()
    return int(dict(line.split() for line in lines)["total_rss"]) >> 20


if __name__ == "__main__":
    run_script(main)
