"""Train a localizer and keep it in a run folder.

    python train_model.py --data data/synthetic --run runs/first --epochs 6
    python train_model.py --data data/oxford-pet-head --recipe experiments/recipes/oxford.yaml

A recipe is a YAML file with any of the fields below; a field given as an option goes before the
recipe's. Without --recipe the defaults below are the recipe. KERAS_BACKEND=jax or torch trains the
same network on another backend.
"""

from dataclasses import fields
from pathlib import Path

from localizer.command_line import build_parser, run_script, start_keras


def main():
    from localizer.config import TrainingConfig

    parser = build_parser(__doc__)
    parser.add_argument("--data", type=Path, help="dataset folder", default=None)
    parser.add_argument("--run", type=Path, help="run folder to write", default=None)
    parser.add_argument("--recipe", action="config", help="YAML file with fields of the recipe")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    parser.add_argument("--overwrite", action="store_true", help="replace a run that is there")
    parser.add_class_arguments(TrainingConfig)
    options = parser.instantiate(parser.parse_args())

    start_keras()
    from localizer.store import default_dataset, open_dataset
    from localizer.training import train

    config = TrainingConfig(**{f.name: options[f.name] for f in fields(TrainingConfig)})
    dataset = open_dataset(options.data or default_dataset())
    recipe = Path(str(options.recipe[0])).stem if options.recipe else "default"
    run = options.run or Path("runs") / f"{dataset.name}-{recipe}-{config.seed}"
    metrics = train(dataset, config, run, resume=options.resume, overwrite=options.overwrite)
    low, high = metrics["ci95"]
    print(
        f"Validation mean IoU {metrics['mean_iou']:.3f} (95 % interval {low:.3f} to {high:.3f}, "
        f"n = {metrics['n']}, {dataset.target}), best epoch {metrics['best_epoch']} of "
        f"{metrics['epochs']}, {metrics['training_seconds']:.0f} s\n"
        f"Run folder: {run} (best.keras, history.csv, curves.png)"
    )


if __name__ == "__main__":
    run_script(main)
