"""Train a localizer and keep it in a run folder.

    python train_model.py --data data/synthetic-head --run runs/first --epochs 6
    python train_model.py --data data/oxford-pet-head --recipe experiments/recipes/published.yaml
    python train_model.py --run runs/first --resume
    python train_model.py --folds 5                # the better way with some hundred photos

A recipe is a YAML file with any of the fields below; a field given as an option goes before the
recipe's. Without --recipe the defaults below are the recipe. KERAS_BACKEND=jax trains the same
network on JAX.

--folds 5 holds out a fifth of the photos of train and validation in turn: five trainings, whose
answers for the photos that each has not seen give one figure, and a final model, which is trained
on all of these photos. The test split stays apart.
"""

import sys
from dataclasses import replace
from pathlib import Path

from localizer.commands.command_line import OptionParser, start_keras
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import FIELDS, build_config
from localizer.recipe.reading import (
    OF_A_RUN,
    dataset_beside,
    find_recipe,
    folds_beside,
    read_recipe,
    refuse_fold,
)
from localizer.recipe.values import Folds

CONFIG = "config.yaml"
# Photos of train and validation below which a tenth of them says little.
_FEW = 500


def build_options(arguments=None):
    parser = OptionParser(__doc__)
    add = parser.add
    add("--data", type=Path, help="dataset folder (default: the newest below data/)")
    add(
        "--run",
        type=Path,
        help="run folder to write (default: runs/DATASET-RECIPE-SEED, with folds -foldsN after it)",
    )
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
        "--folds",
        type=Folds,
        help="train on as many parts of the photos in turn, then on all of them: RUN/fold-0/ ..., "
        "RUN/predictions.csv of photos unseen, RUN/best.keras of all",
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
        refuse_fold(options.run)
    return options


def main():
    options = build_options()
    recipe = find_recipe(options.recipe) if options.recipe else None
    written = read_recipe(recipe, also=OF_A_RUN) if recipe else {}
    data = options.data or (dataset_beside(recipe) if recipe else None)
    folds = options.folds or (folds_beside(recipe) if recipe else None)
    given = {name: value for name, value in vars(options).items() if name in FIELDS}
    config = build_config(written | given)

    start_keras()
    from localizer.dataset.dataset import open_dataset
    from localizer.dataset.finding import default_dataset
    from localizer.dataset.folds import all_folds, hold_out
    from localizer.recipe.resolve import settle
    from localizer.training.training import train

    dataset = open_dataset(data or default_dataset())
    run = options.run or Path("runs") / (
        f"{dataset.name}-{recipe.stem if recipe else 'default'}-{config.seed}"
        f"{f'-folds{folds}' if folds else ''}"
    )
    settled = settle(config, hold_out(dataset, None, folds) if folds else dataset)
    views = all_folds(dataset, folds) if folds else [dataset]
    added = len(dataset.unlabelled.samples) if config.unlabelled and dataset.unlabelled else 0
    print(
        f"Training on {dataset.path} (target: {dataset.target}, looks: {settled.looks}, "
        f"class output: {settled.class_output}"
        f"{f', with {added:,} photos of its unlabelled/' if added else ''}"
        f"{f', in {folds} folds' if folds else ''}), run folder {run}"
    )
    for note in _notes(config, settled, dataset, folds, views):
        print(f"note: {note}", file=sys.stderr)
    metrics = train(
        dataset,
        config,
        run,
        resume=options.resume,
        overwrite=options.overwrite,
        tensorboard=options.tensorboard,
        folds=folds,
    ).metrics
    (_print_folds if folds else _print_run)(metrics, dataset, run)
    _warn_of_nothing_learned(metrics, views)


def _notes(config, settled, dataset, folds, views):
    """What a person wants to know before the time is spent; see `main` for the arguments."""
    from localizer.dataset.folds import ever_held_out
    from localizer.dataset.splits.near_duplicate_notes import divided_note
    from localizer.evaluation.leaks import describe_start
    from localizer.recipe.resolve import describe_idle, settle

    if empty := len(dataset.empty_indices("train")):
        yield f"{empty:,} training photos have no object; training does not use them yet"
    yield from describe_idle(config, settled)
    if config.looks == 2 and settle(replace(config, looks="auto"), views[0]).looks == 1:
        yield (
            "most objects nearly fill their photo, so a second look sees what the first did; "
            "--looks 1, which auto would choose, sees it at more pixels"
        )
    photos = int((dataset.samples["split"] != "test").sum())
    if photos < _FEW and not folds:
        yield (
            f"with {photos} photos for training and validation, --folds 5 gives a surer figure "
            "(each photo is held out once) and a model that is trained on all of them"
        )
    if folds and dataset.description.get("split_by") == "category":
        yield "the folds hold out photos, not whole categories as the dataset's splits do"
    if seen := describe_start(ever_held_out(dataset, folds) if folds else dataset, config.weights):
        yield (
            f"the initial weights {config.weights} were {seen}; the figures of this run are too "
            "good by that"
        )
    if divided := divided_note(views[0], "validation"):
        yield f"{dataset.name}: {divided}"


def _print_run(metrics, dataset, run):
    from localizer.evaluation.iou_statistics import interval

    named = metrics["class_accuracy"]
    print(
        f"Validation mean IoU {metrics['mean_iou']:.3f} {interval(metrics['ci95'])} on "
        f"{metrics['n']} photos (target: {dataset.target})"
        f"{'' if named is None else f', class right on {named:.1%}'}, best epoch "
        f"{metrics['best_epoch']} of {metrics['epochs']}, {metrics['training_seconds']:.0f} s\n"
        f"Run folder: {run} (best.keras, history.csv, curves.png)"
    )


def _print_folds(metrics, dataset, run):
    from localizer.evaluation.iou_statistics import interval

    folds, named = metrics["folds"], metrics["class_accuracy"]
    print(
        f"Out-of-fold mean IoU {metrics['mean_iou']:.3f} {interval(metrics['ci95'])} on "
        f"{metrics['n']} photos (target: {dataset.target})"
        f"{'' if named is None else f', class right on {named:.1%}'}; by fold "
        f"{', '.join(format(fold['mean_iou'], '.3f') for fold in folds)}; "
        f"{metrics['training_seconds']:.0f} s\n"
        f"Final model: trained on all of these photos for {metrics['epochs']} epochs, the mean of "
        f"the folds' best\n"
        f"Run folder: {run} (best.keras, predictions.csv, fold-0/ to fold-{len(folds) - 1}/)\n"
        f"Next: python localize_images.py PHOTO_OR_FOLDER --model {run}"
    )
    if (dataset.samples["split"] == "test").any():
        print(
            "or, to read the test split once: python evaluate_performance.py "
            f"--data {dataset.path} --split test --models {run}"
        )


def _warn_of_nothing_learned(metrics, views):
    """Compare the figures with those of one box for all photos.

    Args:
        metrics: of the run.
        views: the Dataset, or those of all folds.
    """
    from localizer.predictors.constant import mean_box_iou

    sizes = [len(view.indices("validation")) for view in views]
    means = [mean_box_iou(view, "validation") * size for view, size in zip(views, sizes)]
    constant = sum(means) / sum(sizes)
    if metrics["mean_iou"] <= constant:
        print(
            f"warning: one box for all photos, the mean of the training boxes, has {constant:.3f}: "
            "this model has learned nothing from the pixels. Give it more photos or --epochs, or "
            "look at contact_sheet.jpg of the dataset for wrong boxes",
            file=sys.stderr,
        )
