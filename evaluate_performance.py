"""Score localizers by IoU on one split of a dataset and write a report page.

    python evaluate_performance.py                     # the newest run against the constant boxes
    python evaluate_performance.py --data data/oxford-pet-head --split test \\
        --models runs/first baseline:center baseline:mean --out reports/first

A model is a run folder, a .keras file, or a constant box: baseline:center, baseline:mean (of the
training boxes), baseline:whole. The first one named is the one that the others are compared with.
"""

import shlex
import sys
from pathlib import Path
from typing import Literal

from localizer.command_line import build_parser, run_script, start_keras
from localizer.splitting import SPLITS


def main():
    parser = build_parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path | None, help="dataset folder (default: the one below data/)")
    add(
        "--split", type=Literal[SPLITS], default="validation",
        help="photos to score on: choose on validation, read test once",
    )  # fmt: skip
    add(
        "--models", nargs="+", type=str, default=None,
        help="models to score (default: the newest run and the constant boxes)",
    )  # fmt: skip
    add("--out", type=Path | None, help="report folder (default: reports/MODEL-SPLIT)")
    options = parser.parse_args()

    start_keras()
    from localizer.evaluation import evaluate
    from localizer.predictors.loading import default_models, load_predictor
    from localizer.reporting.page import write_report
    from localizer.store import default_dataset, open_dataset

    dataset = open_dataset(options.data or default_dataset())
    models = options.models or default_models()
    predictors = [load_predictor(model, dataset) for model in models]
    evaluation = evaluate(dataset, options.split, predictors)
    out = options.out or Path("reports") / f"{predictors[0].name.replace(':', '-')}-{options.split}"
    page = write_report(evaluation, dataset, out, command=shlex.join(["python", *sys.argv]))
    n = evaluation.metrics["n"]
    print(f"IoU on {n} {options.split} photos of {dataset.name} (target: {dataset.target}):")
    for model in evaluation.metrics["models"]:
        low, high = model["ci95"]
        print(
            f"  {model['name']:32} mean {model['mean_iou']:.3f}  (95 % interval {low:.3f} to "
            f"{high:.3f})  at least 0.5: {model['success']['0.5']:.1%}"
        )
    print(f"Report: {page}")


if __name__ == "__main__":
    run_script(main)
