"""The benchmarks begin: what they import is there."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

# dataset_speed.py has no options, and starts at once.
SCRIPTS = sorted(
    path.name for path in (REPOSITORY / "benchmarks").glob("*.py") if path.stem != "dataset_speed"
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_says_what_it_measures(script):
    command = [sys.executable, REPOSITORY / "benchmarks" / script, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert script in done.stdout
