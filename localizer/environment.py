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

import keras

_PACKAGES = (
    "keras", "tensorflow", "jax", "torch", "numpy", "pandas", "scikit-image", "matplotlib",
    "opencv-python-headless", "pillow", "faster-coco-eval",
)  # fmt: skip


def describe_environment():
    """Versions, commit, machine, backend, command and date, JSON-ready."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", *sys.argv]),
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
            capture_output=True, text=True, check=True,
        )  # fmt: skip
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
