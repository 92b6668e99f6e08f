"""A training that is killed at any moment, any number of times, ends as if it had not been.

KILLS says how often (2 when it is not set; docs/reliability.md has the figures of a long run).
"""

import json
import os
import random
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.models.model_file import load_model_file
from localizer.sources.opening import open_source
from tests.conftest import REPOSITORY

KILLS = int(os.environ.get("KILLS", 2))
# What a run does to files in its first two epochs; it takes 66 such steps to the end.
EVENTS = 30

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL"),
]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """100 drawn scenes: an epoch takes a second."""
    read, _ = open_source("synthetic", None, "head", count=100, workers=1)
    settings = GenerationSettings(
        "synthetic", "head", root=None, fractions=(0.7, 0.3, 0.0), find_duplicates=False
    )
    out = tmp_path_factory.mktemp("drawn") / "scenes"
    return generate_dataset(read, settings, out, progress=False).path


def train(scenes, run, event=0, delay=0.0):
    command = [sys.executable, "-m", "tests.training.killed_training", scenes, run, event, delay]
    return subprocess.run(
        [*map(str, command)], cwd=REPOSITORY, capture_output=True, text=True, timeout=1800
    )


def everything(run):
    """All that a run leaves and that does not depend on the clock, by name."""
    metrics = json.loads((run / "metrics.json").read_text())
    del metrics["training_seconds"]
    with np.load(run / "resume.npz") as state:
        arrays = {name: state[name].tobytes() for name in state.files if name != "history"}
        history = [{**row, "seconds": 0} for row in json.loads(str(state["history"]))]
    model, description = load_model_file(run / "best.keras")
    return {
        **arrays,
        "state's history": history,
        "history": pd.read_csv(run / "history.csv").drop(columns="seconds").to_csv(),
        "metrics": metrics,
        "predictions": (run / "predictions.csv").read_text(),
        "best": [weight.tobytes() for weight in model.get_weights()],
        "description": {k: v for k, v in description.items() if k != "commit"},
        "config": (run / "config.yaml").read_text(),
        "files": sorted(path.name for path in run.iterdir() if path.name != "tensorboard"),
    }


def test_a_training_that_is_killed_again_and_again_ends_the_same(scenes, tmp_path):
    whole = train(scenes, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr[-2000:]
    expected = everything(tmp_path / "whole")
    scores = [row["val_iou"] for row in expected["state's history"]]
    assert len(scores) == scores.index(max(scores)) + 3 < 12, "early stopping had nothing to do"
    moments = random.Random(7)
    killed, chain, moments_seen = 0, 0, []
    while killed < KILLS:
        run = tmp_path / f"killed-{chain}"
        chain += 1
        for _ in range(100):
            last = killed == KILLS
            event = 0 if last else moments.randint(1, EVENTS)
            delay = moments.choice([0.0, 0.0, 0.002, 0.02, 0.5])
            ended = train(scenes, run, event, delay)
            if ended.returncode != -signal.SIGKILL:
                break
            killed += 1
            moments_seen.append((event, delay))
        assert ended.returncode == 0, (ended.stderr[-2000:], moments_seen)
        assert everything(run) == expected, moments_seen
    print(f"killed {killed} times in {chain} runs: {moments_seen}")
