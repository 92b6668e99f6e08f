"""How fast generate_dataset.py is, against a bare decode-and-resize loop, and how much memory.

    OXFORD_PET_ROOT=DIR python benchmarks/dataset_speed.py

The bare loop reads every photo below images/ and stretches it, in one thread. The script does that
and all the rest: annotations, near-duplicates, splits, checksums, contact sheet. Each is timed as a
process of its own, start included, and the best of two rounds counts. Memory is the peak of a
process (ru_maxrss) for a quarter of the photos and for all of them. POSIX only.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ROUNDS = 2

BARE_LOOP = """
import sys
from pathlib import Path
import cv2
cv2.setNumThreads(1)
from localizer.images.photos import read_photo
from localizer.images.resizing import stretch
for path in sorted(Path(sys.argv[1]).glob("*.jpg")):
    stretch(read_photo(path), 160)
"""


def run(*command):
    """Seconds and peak memory in MiB of a process."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} ended with code {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, usage.ru_maxrss * unit / 2**20


def generate(root, out):
    script = REPOSITORY / "generate_dataset.py"
    return run(script, "--source", "oxford-pet", "--root", root, "--out", out, "--overwrite")


def quarter_of(root, folder):
    """A root with every fourth photo, all of them links."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").symlink_to(root / "annotations")
    for path in sorted(root.glob("images/*.jpg"))[::4]:
        (folder / "images" / path.name).symlink_to(path)
    return folder


def main():
    if not os.environ.get("OXFORD_PET_ROOT"):
        sys.exit("set OXFORD_PET_ROOT to the folder of the Oxford-IIIT Pet data")
    root = Path(os.environ["OXFORD_PET_ROOT"]).resolve()
    count = len(list(root.glob("images/*.jpg")))
    with tempfile.TemporaryDirectory() as scratch:
        out, small = Path(scratch, "out"), quarter_of(root, Path(scratch, "quarter"))
        bare, whole = [], []
        for _ in range(ROUNDS):
            bare.append(run("-c", BARE_LOOP, root / "images")[0])
            whole.append(generate(root, out))
        _, quarter_mib = generate(small, out)
    seconds = min(one[0] for one in whole)
    result = {
        "photos": count,
        "bare_loop_photos_per_s": round(count / min(bare)),
        "generate_photos_per_s": round(count / seconds),
        "ratio": round(min(bare) / seconds, 2),
        "peak_mib_quarter": round(quarter_mib),
        "peak_mib_all": round(max(one[1] for one in whole)),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
