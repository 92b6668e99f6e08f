"""Train a localizer and keep it in a run folder.

    python train_model.py --data data/synthetic-head --run runs/first --epochs 6
    python train_model.py --data data/oxford-pet-head --recipe experiments/recipes/published.yaml
    python train_model.py --run runs/first --resume

A recipe is a YAML file with any of the fields below; a field given as an option goes before the
recipe's. Without --recipe the defaults below are the recipe. KERAS_BACKEND=jax trains the same
network on JAX.
"""

import sys
from dataclasses import replace
from pathlib import Path

from localizer.commands.command_line import OptionParser, start_keras
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import FIELDS, build_config
from localizer.recipe.reading import dataset_beside, find_recipe, read_recipe

CONFIG = "config.yaml"


def build_options(arguments=None):
    parser = OptionParser(__doc__)
    add = parser.add
    add("--data", type=Path, help="dataset folder (default: the newest below data/)")
    add("--run", type=Path, help="run folder to write (default: runs/DATASET-RECIPE-SEED)")
    add(
        "--recipe",
        type=str,
        help="YAML file with fields of the recipe, or the name of a shipped one",
    )
    add(
        "--resume",
        action="store_true",
        help="go on with a run that was stopped, with the settings in its config.yaml",
    )
    add(
        "--overwrite",
        action="store_true",
        help="replace a run that is there (it is removed at once)",
    )
    add(
        "--tensorboard",
        action="store_true",
        help="write RUN/tensorboard/ for TensorBoard, too; needs requirements-tensorboard.txt",
    )
    parser.add_fields(TrainingConfig)
    options = parser.parse_args(arguments)
    if options.resume and options.overwrite:
        parser.error("--resume goes on with a run, --overwrite removes it; give one of the two")
    if options.resume and not options.data and not (options.run and options.run.exists()):
        parser.error(
            f"--resume: there is no run folder {options.run or ''} to go on with; name it "
            "with --run, or leave --resume away to start one"
        )
    if options.resume and not options.recipe and options.run and (options.run / CONFIG).is_file():
        options.recipe = str(options.run / CONFIG)
    return options


def main():
    options = build_options()
    recipe = find_recipe(options.recipe) if options.recipe else None
    written = read_recipe(recipe, also=("data", "run")) if recipe else {}
    data = options.data or (dataset_beside(recipe) if recipe else None)
    given = {name: value for name, value in vars(options).items() if name in FIELDS}
    config = build_config(written | given)

    start_keras()
    from localizer.dataset.dataset import open_dataset
    from localizer.dataset.finding import default_dataset
    from localizer.dataset.splits.near_duplicate_notes import divided_note
    from localizer.evaluation.iou_statistics import interval
    from localizer.predictors.constant import mean_box_iou
    from localizer.recipe.resolve import describe_idle, settle
    from localizer.training.training import train

    dataset = open_dataset(data or default_dataset())
    run = options.run or Path("runs") / (
        f"{dataset.name}-{recipe.stem if recipe else 'default'}-{config.seed}"
    )
    settled = settle(config, dataset)
    added = len(dataset.unlabelled.samples) if config.unlabelled and dataset.unlabelled else 0
    print(
        f"Training on {dataset.path} (target: {dataset.target}, looks: {settled.looks}, "
        f"class output: {settled.class_output}"
        f"{f', with {added:,} photos of its unlabelled/' if added else ''}), run folder {run}"
    )
    if empty := len(dataset.empty_indices("train")):
        print(
            f"note: {empty:,} training photos have no object; training does not use them yet",
            file=sys.stderr,
        )
    for note in describe_idle(config, settled):
        print(f"note: {note}", file=sys.stderr)
    if config.looks == 2 and settle(replace(config, looks="auto"), dataset).looks == 1:
        print(
            "note: most objects nearly fill their photo, so a second look sees what the first did; "
            "--looks 1, which auto would choose, sees it at more pixels",
            file=sys.stderr,
        )
    if divided := divided_note(dataset, "validation"):
        print(f"note: {dataset.name}: {divided}", file=sys.stderr)
    metrics = train(
        dataset,
        config,
        run,
        resume=options.resume,
        overwrite=options.overwrite,
        tensorboard=options.tensorboard,
    ).metrics
    named = metrics["class_accuracy"]
    print(
        f"Validation mean IoU {metrics['mean_iou']:.3f} {interval(metrics['ci95'])} on "
        f"{metrics['n']} photos (target: {dataset.target})"
        f"{'' if named is None else f', class right on {named:.1%}'}, best epoch "
        f"{metrics['best_epoch']} of {metrics['epochs']}, {metrics['training_seconds']:.0f} s\n"
        f"Run folder: {run} (best.keras, history.csv, curves.png)"
    )
    constant = mean_box_iou(dataset, "validation")
    if metrics["mean_iou"] <= constant:
        print(
            f"warning: one box for all photos, the mean of the training boxes, has {constant:.3f}: "
            "this model has learned nothing from the pixels. Give it more photos or --epochs, or "
            "look at contact_sheet.jpg of the dataset for wrong boxes",
            file=sys.stderr,
        )
