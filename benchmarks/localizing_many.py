"""Localize many photos in one call: does the memory stay flat, and how fast is it?

    python benchmarks/localizing_many.py --photos DIR/images --count 20000

The photos of the folder are linked as often as it takes. Every line of the answer is checked.
docs/reliability.md has the figures. Linux only.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from localizer.commands.command_line import OptionParser, run_script
from localizer.inference.photo_listing import find_photos

PROJECT = Path(__file__).resolve().parent.parent


def main():
    parser = OptionParser(__doc__)
    parser.add_argument("--photos", type=str, required=True, help="folder of photos")
    parser.add_argument("--count", type=int, default=20000, help="photos in the call")
    parser.add_argument("--model", type=str, default="models/pet_head.tflite", help="model file")
    options = parser.parse_args()
    real = [os.path.abspath(photo) for photo in find_photos(options.photos)[0]]
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.count):
            os.symlink(real[number % len(real)], f"{scratch}/{number:06}.jpg")
        measure(scratch, options.count, options.model)


def measure(folder, count, model):
    """Run localize_images.py on a folder, and print its memory and open files as it goes on."""
    script = PROJECT / "localize_images.py"
    command = [sys.executable, script, folder, "--json", "--model", model]
    began = time.perf_counter()
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)
    errors = done = 0
    for line in process.stdout:
        errors += "error" in json.loads(line)
        done += 1
        if done % (count // 10) == 0:
            print(
                f"{done:7,} photos  {done / (time.perf_counter() - began):5.0f} photos/s  "
                f"{resident_mib(process.pid):6.0f} MiB  {open_files(process.pid):4} open files",
                flush=True,
            )
    print(f"exit code {process.wait()}, {done:,} answers, {errors:,} of them errors")


def resident_mib(pid):
    """Memory of a process that is not a mapped file, MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) / 1024


def open_files(pid):
    """Number of files that a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


if __name__ == "__main__":
    run_script(main)
