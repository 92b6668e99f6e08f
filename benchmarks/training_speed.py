"""How much of a bare `fit` training keeps: images per second of both, and their ratio.

    python benchmarks/training_speed.py --data data/oxford-pet-head

The bare fit trains the same network on random uint8 arrays in memory at the same batch size;
training does so from the memory-mapped store with the default augmentation. Both are timed in
turns, after a warm-up, and the median of the turns is printed, so that other load on the machine
hits both alike.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from localizer.commands.command_line import OptionParser, run_script, start_keras


def main():
    parser = OptionParser(__doc__)
    parser.add_argument("--data", type=Path, default="data/oxford-pet-head", help="dataset folder")
    parser.add_argument("--batch-size", type=int, default=64, help="images per step")
    parser.add_argument("--turns", type=int, default=5, help="timed epochs of each")
    options = parser.parse_args()
    start_keras()
    import numpy as np

    from localizer.dataset.dataset import open_dataset
    from localizer.models.localizer_model import build_localizer
    from localizer.recipe.config import TrainingConfig
    from localizer.training.losses import build_losses
    from localizer.training.views.batches import Batches

    dataset = open_dataset(options.data)
    config = TrainingConfig(
        weights="none", class_output="none", looks=2, batch_size=options.batch_size
    )

    def compiled():
        model = build_localizer(config)
        losses, weights = build_losses(config, tuple(model.output))
        model.compile("adam", loss=losses, loss_weights=weights)
        return model

    models = {"bare fit": compiled(), "training": compiled()}
    outputs = tuple(models["training"].output)
    training = Batches(dataset, dataset.indices("train"), config, outputs, training=True)
    count = len(training) * config.batch_size
    rng = np.random.default_rng(0)
    size = config.view_size
    images = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    boxes = np.sort(rng.random((count, 2, 2), dtype=np.float32), axis=1).reshape(count, 4)
    targets = {name: boxes for name in outputs}
    bare_data = {"x": images, "y": targets, "batch_size": config.batch_size}
    seconds = {name: [] for name in models}
    for turn in range(options.turns + 1):
        for name, model in models.items():
            training.start_epoch(turn)
            data = bare_data if name == "bare fit" else {"x": training}
            began = time.perf_counter()
            model.fit(**data, epochs=1, verbose=0)
            if turn:
                seconds[name].append(time.perf_counter() - began)
    rates = {name: count / statistics.median(values) for name, values in seconds.items()}
    for name, rate in rates.items():
        print(f"{name:10} {rate:7.0f} images/s  (batch {config.batch_size}, {count} images)")
    print(f"ratio      {rates['training'] / rates['bare fit']:7.2f}")


if __name__ == "__main__":
    run_script(main)
