"""Each epoch has its own batches, each of them once, on any backend with any number of workers."""

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

# With a tiny network in the real one's place: what Keras draws does not depend on it. It begins
# with the same box on each backend.
TWO_EPOCHS = """
import json, sys
from dataclasses import replace
import keras
from keras.layers import Dense, GlobalAveragePooling2D, Rescaling
from localizer.training import parts, training
from localizer.training.views.batches import Batches
from localizer.dataset.dataset import open_dataset
from tests.training.test_training import SMALL

def tiny(config, class_count=0):
    image = keras.Input((config.view_size, config.view_size, 3))
    codes = Dense(4, kernel_initializer="zeros")(GlobalAveragePooling2D()(Rescaling(0.004)(image)))
    box = Rescaling(1.0, offset=[0.25, 0.25, 0.75, 0.75])(codes)
    return keras.Model(image, {"box": box, "coordinates": box})

def recorded(batches, batch):
    drawn.append((batches._training, batches.epoch, batch))
    if batches._training and batches.epoch == stop and batch == 3:
        raise InterruptedError
    return original(batches, batch)

parts.build_localizer = tiny
original, Batches.__getitem__ = Batches.__getitem__, recorded
config = replace(
    SMALL, looks=1, head="recipe", class_output="none", box_loss="mse", epochs=2, batch_size=16
)
data, runs = open_dataset(sys.argv[1]), sys.argv[2]
draws = {}
for name, workers, stop, resume in (
    ("1", 1, None, False), ("2", 2, None, False), ("4", 4, None, False),
    ("resumed", 2, 1, False), ("resumed", 2, None, True),
):
    drawn = draws[name] = []
    try:
        training.train(
            data,
            replace(config, workers=workers),
            f"{runs}/{name}",
            resume=resume,
            progress=False,
        )
    except Exception:
        if stop is None:
            raise
print(json.dumps(draws))
"""


@pytest.fixture(scope="module")
def runs(synthetic_dataset, tmp_path_factory):
    """By backend: the histories of its runs, and what its `__getitem__` was called with."""

    def on(backend):
        folder = tmp_path_factory.mktemp(backend)
        done = subprocess.run(
            [sys.executable, "-c", TWO_EPOCHS, str(synthetic_dataset.path), str(folder)],
            env={**os.environ, "KERAS_BACKEND": backend},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        histories = {
            run.name: pd.read_csv(run / "history.csv").drop(columns="seconds").to_numpy()
            for run in folder.iterdir()
        }
        return histories, json.loads(done.stdout.splitlines()[-1])

    return {backend: on(backend) for backend in ("tensorflow", "jax")}


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_number_of_workers_and_a_stop_change_nothing(runs, backend):
    histories, _ = runs[backend]
    assert len(histories) == 4 and len(histories["1"]) == 2
    for history in histories.values():
        np.testing.assert_array_equal(history, histories["1"])


def test_the_backends_train_on_the_same_batches(runs):
    (tensorflow, _), (jax, _) = runs["tensorflow"], runs["jax"]
    np.testing.assert_allclose(tensorflow["2"], jax["2"], rtol=1e-4)
    assert tensorflow["2"][:, [1, 3]].min() > 0.2  # IoUs, so the figures mean something


def test_keras_draws_each_batch_of_an_epoch_once(runs, synthetic_dataset):
    _, draws = runs["jax"]
    batches = range(len(synthetic_dataset.indices("train")) // 16)
    for workers in ("1", "2", "4"):
        drawn = Counter((epoch, batch) for training, epoch, batch in draws[workers] if training)
        assert drawn == {(epoch, batch): 1 for epoch in range(2) for batch in batches}
