"""Where and with what a result was made."""

import contextlib
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "numpy",
    "pandas",
    "scikit-image",
    "matplotlib",
    "opencv-python-headless",
    "pillow",
    "faster-coco-eval",
)


def describe_environment():
    """Versions, commit, machine, backend, command and date, JSON-ready."""
    import keras

    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command_line(),
        "commit": git_commit(),
        "backend": keras.backend.backend(),
        "machine": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": versions,
    }


def program() -> str:
    """How this process was called: "python train_model.py", or "localizer train"."""
    called = os.path.basename(sys.argv[0])
    return called if called.startswith("localizer ") else f"python {called}"


def command_line() -> str:
    """The whole command of this process, as a user would type it again."""
    return f"{program()} {shlex.join(sys.argv[1:])}".strip()


def git_commit():
    """The project's commit, with "+changes" when files differ from it; None outside a checkout."""
    project = Path(__file__).resolve().parent.parent
    try:
        git = ["git", "-C", str(project)]
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        changes = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+changes" if changes.stdout.strip() else "")


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
