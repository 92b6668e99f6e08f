"""How far TensorFlow and JAX are apart: one model's boxes, and a short training's losses.

    python benchmarks/backend_difference.py --data data/demo

TensorFlow trains a model for an epoch. Then both backends load it, predict the validation photos,
and train on from it for two epochs; batches and augmentation are NumPy's and so the same.
docs/reliability.md has the figures. It needs jax besides the requirements.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from localizer.commands.command_line import OptionParser, run_script

PROJECT = Path(__file__).resolve().parent.parent
WORK = """
import sys
import numpy as np
from localizer.training.views.batches import Batches
from localizer.recipe.config import TrainingConfig
from localizer.models.model_file import load_model_file
from localizer.dataset.dataset import open_dataset
from localizer.training.training import train

data, weights, epochs, out = sys.argv[1:]
dataset = open_dataset(data)
config = TrainingConfig(epochs=int(epochs), weights=weights, learning_rate=1e-4, workers=1)
model, _ = load_model_file(weights)
photos = Batches(dataset, dataset.indices("validation"), config, whole=True)
boxes = model.predict(photos, verbose=0)["box"]
np.save(out + "/boxes.npy", boxes)
train(dataset, config, out + "/run", progress=False)
"""


def main():
    parser = OptionParser(__doc__)
    parser.add_argument("--data", type=Path, default="data/demo", help="dataset folder")
    parser.add_argument(
        "--model", type=Path, default="models/pet_head.keras", help="begins with its fitting layers"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        start = run("tensorflow", options.data, options.model, 1, Path(scratch, "start"))
        boxes, histories = {}, {}
        for backend in ("tensorflow", "jax"):
            done = run(backend, options.data, start / "best.keras", 2, Path(scratch, backend))
            boxes[backend] = np.load(done.parent / "boxes.npy")
            histories[backend] = pd.read_csv(done / "history.csv")
    print_difference(*boxes.values(), *histories.values())


def run(backend, data, weights, epochs, out):
    """Predict with a model and train on from it; gives the run folder."""
    out.mkdir()
    command = [sys.executable, "-c", WORK, data.resolve(), weights.resolve(), epochs, out]
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([*map(str, command)], cwd=PROJECT, env=environment, check=True)
    return out / "run"


def print_difference(boxes, other_boxes, history, other_history):
    """Print the largest differences of boxes (units of the photo) and of each column."""
    apart = np.abs(boxes - other_boxes)
    print(f"boxes of {len(boxes)} photos: {apart.max():.1e} apart at most, {apart.mean():.1e} mean")
    for name in ("loss", "iou", "val_loss", "val_iou"):
        apart = (history[name] - other_history[name]).abs()
        relative = (apart / history[name].abs()).tolist()
        print(f"{name}: " + ", ".join(f"{value:.1e}" for value in relative) + " apart by epoch")


if __name__ == "__main__":
    run_script(main)
