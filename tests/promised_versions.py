"""Tests the versions that the requirements promise; `make test-versions` runs it.

    python tests/promised_versions.py [lowest newest python3.12 python3.13] [--all]

Each has a virtual environment of its own below .venv-versions/, which is resolved anew each time:
the lowest versions that the files name, the newest that they allow, and the newest on other
Pythons. Without --all these are tested with the quick tests below, which touch every package.
A Python that is not there is skipped, but an error where the environment variable CI is set.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
VENVS = REPOSITORY / ".venv-versions"
HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Name: the Python it runs on, which versions are taken.
PROMISED = {
    "lowest": (HERE, "lowest-direct"),
    "newest": (HERE, "highest"),
    "python3.12": ("python3.12", "highest"),
    "python3.13": ("python3.13", "highest"),
}
QUICK = (
    "ablation/test_plan",
    "training/test_augmentation",
    "evaluation/test_coco_metrics",
    "files/test_downloading",
    "training/test_epoch_order",
    "evaluation/test_evaluate",
    "export/test_checking",
    "predictors/pretrained/test_hub_models",
    "evaluation/test_iou_statistics",
    "models/test_keras_versions",
    "training/test_losses",
    "models/test_models",
    "images/test_photos",
    "models/test_damaged_models",
    "reporting/test_reporting",
    "sources/formats/test_coco",
    "sources/formats/csv/test_table",
    "sources/formats/test_pascal_voc",
    "dataset/test_dataset",
    "sources/drawn/test_generate",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROMISED))
    parser.add_argument("--all", action="store_true", help="all tests, not only the quick ones")
    options = parser.parse_args()
    names = options.names or list(PROMISED)
    unknown = set(names) - PROMISED.keys()
    if unknown:
        parser.error(f"no {', '.join(sorted(unknown))}; there are {', '.join(PROMISED)}")
    results = {name: check(name, options.all) for name in names}
    print("", *(f"{name:12} {result}" for name, result in results.items()), sep="\n")
    accepted = {"passed"} if os.environ.get("CI") else {"passed", "skipped"}
    return int(not {result.split(":")[0] for result in results.values()} <= accepted)


def check(name, all_tests):
    """Install and test one set of versions: "passed", "failed: ...", or "skipped: ..."."""
    version, resolution = PROMISED[name]
    python = find_python(version)
    if python is None:
        return f"skipped: no {version} here"
    print(f"\n{name}: {python}", flush=True)
    venv = VENVS / name
    uv = VENVS / "uv" / "bin" / "uv"
    tested = venv / "bin" / "python"
    chosen = VENVS / f"{name}.txt"
    files = [] if all_tests else [f"tests/{subject}.py" for subject in QUICK]
    steps = {
        "uv": [sys.executable, "-m", "venv", VENVS / "uv"],
        "uv's package": [VENVS / "uv" / "bin" / "python", "-m", "pip", "install", "-q", "uv"],
        "environment": [uv, "venv", "-q", "--allow-existing", "--python", python, venv],
        "resolution": [
            uv,
            "pip",
            "compile",
            "-q",
            "--python",
            tested,
            "--resolution",
            resolution,
            "--no-annotate",
            "--no-header",
            "-o",
            chosen,
            "requirements.txt",
            "requirements-export.txt",
            "requirements-tensorboard.txt",
            "requirements-test.txt",
        ],
        "installation": [uv, "pip", "sync", "-q", "--python", tested, chosen],
        "tests": [
            tested,
            "-m",
            "pytest",
            "-q",
            "-n",
            "2",
            "--dist",
            "loadfile",
            "-p",
            "no:cacheprovider",
            *files,
        ],
    }
    if uv.exists():
        steps = {step: command for step, command in steps.items() if not step.startswith("uv")}
    chosen.unlink(missing_ok=True)  # uv would keep to the versions that it holds.
    for step, command in steps.items():
        if subprocess.run([*map(str, command)], cwd=REPOSITORY, check=False).returncode:
            return f"failed: {step}"
    return "passed"


def find_python(version):
    """Path of a Python that runs, "python3.12" of PATH or pyenv; None if there is none."""
    if version == HERE:
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    numbers = version.removeprefix("python")
    for python in (version, *sorted(pyenv.glob(f"{numbers}.*/bin/{version}"))):
        try:
            subprocess.run([python, "-c", ""], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    return None


if __name__ == "__main__":
    sys.exit(main())
