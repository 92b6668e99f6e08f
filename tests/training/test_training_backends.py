"""Training on TensorFlow and on JAX: the same steps, so the same losses to rounding."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

# From a trained model: the backends draw other initial weights from one seed.
FEW_STEPS = """
import sys, keras
from localizer.recipe.config import TrainingConfig
from localizer.dataset.dataset import open_dataset
from localizer.training.training import train
config = TrainingConfig(
    weights="models/pet_head.keras", epochs=2, batch_size=32, optimizer="adamw", weight_decay=0.01,
    ema_momentum=0.9, class_output="none", clip_norm=10.0, learning_rate=1e-4,
)
train(open_dataset(sys.argv[1]), config, sys.argv[2], progress=False)
print(keras.backend.backend())
"""


def test_tensorflow_and_jax_train_alike(synthetic_dataset, tmp_path):
    histories = {}
    for backend in ("tensorflow", "jax"):
        run = tmp_path / backend
        command = [sys.executable, "-c", FEW_STEPS, str(synthetic_dataset.path), str(run)]
        done = subprocess.run(
            command,
            env={**os.environ, "KERAS_BACKEND": backend},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.split() == [backend]
        histories[backend] = pd.read_csv(run / "history.csv")
    columns = ["loss", "val_loss", "iou", "val_iou", "learning_rate"]
    assert histories["tensorflow"][["iou", "val_iou"]].min(axis=None) > 0.5
    np.testing.assert_allclose(
        histories["tensorflow"][columns], histories["jax"][columns], rtol=0.01, atol=1e-9
    )
