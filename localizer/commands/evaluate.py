"""Score localizers by IoU on one split of a dataset and write a report page.

    python evaluate_performance.py                     # the newest run against the constant boxes
    python evaluate_performance.py --data data/oxford-pet-head --split test \\
        --models runs/first baseline:center baseline:mean --out reports/first
    python evaluate_performance.py --data data/oxford-pet-head data/oxford-pet-body --models ...

Photos of the split without an object tell whether a model sees that nothing is there: they count in
the figures of presence alone.

Several datasets give one page with a section for each, and a folder each for its figures.

A model is a run folder, a model file (.keras, .tflite, .onnx), a pretrained detector (hub:NAME,
detector:FILE; all-hub: those at hand), or a constant box: baseline:center, baseline:mean (of the
training boxes), baseline:whole. The first one named is the one that the others are compared with.
A detector may have options, in quotes (docs/detectors.md):
'detector:FILE.tflite?classes=16,17&labels=names.txt&range=0..1&size=320&signature=NAME'.
"""

import os
from pathlib import Path
from typing import Literal

from localizer.commands.command_line import OptionParser, start_keras
from localizer.dataset.splits.splitting import SPLITS
from localizer.environment import command_line
from localizer.recipe.values import Margin


def main():
    parser = OptionParser(__doc__)
    add = parser.add
    add(
        "--data",
        nargs="+",
        type=Path,
        help="dataset folders (default: that of the first run, else the newest below data/)",
    )
    add(
        "--split",
        type=Literal[SPLITS],
        default="validation",
        help="photos to score on: choose on validation, read test once",
    )
    add(
        "--models",
        nargs="+",
        type=str,
        help="models to score (default: the newest run and the constant boxes)",
    )
    add("--out", type=Path, help="report folder (default: reports/MODEL-SPLIT)")
    add(
        "--labeler",
        type=str,
        help="classifier for the crops of the boxes: hub:mobile_object_labeler_v1 or its file",
    )
    add(
        "--labeler-margin",
        type=Margin,
        default=0.0,
        help="of the crops, on each side, as a share of the box's width and height",
    )
    options = parser.parse_args()
    if options.labeler_margin and not options.labeler:
        parser.error("--labeler-margin is of the crops that a --labeler names")

    # Latencies are of one thread; TensorFlow reads this when it starts.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    start_keras()
    from localizer.dataset.dataset import open_dataset
    from localizer.dataset.finding import default_dataset
    from localizer.evaluation.crop_labels import open_labeler, with_crop_labels
    from localizer.evaluation.evaluate import evaluate
    from localizer.evaluation.summary import summarize_evaluation
    from localizer.predictors.loading import default_models, expand, load_predictor
    from localizer.reporting.page import prepare_folder, write_comparison

    models = expand(options.models or default_models())
    labeler = options.labeler and open_labeler(options.labeler)
    datasets = [open_dataset(path) for path in options.data or [default_dataset(models)]]
    predictors = [[load_predictor(model, dataset) for model in models] for dataset in datasets]
    name = f"{predictors[0][0].name.replace(':', '-')}-{options.split}"
    out = prepare_folder(options.out or Path("reports") / name, datasets)
    parts = []
    for dataset, of_dataset in zip(datasets, predictors):
        evaluation = evaluate(dataset, of_dataset, options.split)
        if labeler:
            evaluation = with_crop_labels(
                evaluation, dataset, labeler, options.labeler, options.labeler_margin
            )
        parts.append((evaluation, dataset))
        print(summarize_evaluation(evaluation))
    page = write_comparison(parts, out, command=command_line())
    print(f"Report: {page} ({page.stat().st_size / 1e6:.1f} MB)")
