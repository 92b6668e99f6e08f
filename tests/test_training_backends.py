"""Training on TensorFlow and on JAX: the same steps, so the same losses to rounding."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd

from localizer.models.localizer_model import build_localizer, for_inference
from localizer.models.model_file import save_model_file
from tests.conftest import REPOSITORY
from tests.test_training import SMALL

FEW_STEPS = """
import sys, keras
from dataclasses import replace
from localizer.store import open_dataset
from localizer.training import train
from tests.test_training import SMALL
config = replace(SMALL, weights=sys.argv[3], epochs=2, learning_rate=1e-4, workers=1)
train(open_dataset(sys.argv[1]), config, sys.argv[2], progress=False)
print(keras.backend.backend())
"""


def test_tensorflow_and_jax_train_alike(synthetic_dataset, tmp_path):
    # The backends draw other initial weights from one seed, so both begin with the same file's.
    initial = tmp_path / "initial.keras"
    classes = synthetic_dataset.classes("species")
    description = {
        "target": "head", "image_size": SMALL.image_size, "stored_size": 160, "classes": classes,
        "dataset": {**synthetic_dataset.description, "unlabelled": None},
    }  # fmt: skip
    save_model_file(for_inference(build_localizer(SMALL, len(classes))), initial, description)
    histories = {}
    for backend in ("tensorflow", "jax"):
        run = tmp_path / backend
        command = [sys.executable, "-c", FEW_STEPS, synthetic_dataset.path, run, initial]
        done = subprocess.run(
            [*map(str, command)], env={**os.environ, "KERAS_BACKEND": backend}, cwd=REPOSITORY,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.split() == [backend]
        histories[backend] = pd.read_csv(run / "history.csv")
    columns = ["loss", "val_loss", "iou", "val_iou", "learning_rate"]
    np.testing.assert_allclose(
        histories["tensorflow"][columns], histories["jax"][columns], rtol=0.02, atol=0.002
    )
