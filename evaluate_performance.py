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
    add(
        "--data",
        type=Path | None,
        help="dataset folder (default: that of the first run, else the newest below data/)",
    )
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
    from localizer.reporting.evaluation_summary import summarize_evaluation
    from localizer.reporting.page import prepare_folder, write_report
    from localizer.store import default_dataset, open_dataset

    models = options.models or default_models()
    dataset = open_dataset(options.data or default_dataset(models))
    predictors = [load_predictor(model, dataset) for model in models]
    name = f"{predictors[0].name.replace(':', '-')}-{options.split}"
    out = prepare_folder(options.out or Path("reports") / name)
    evaluation = evaluate(dataset, options.split, predictors)
    page = write_report(evaluation, dataset, out, command=shlex.join(["python", *sys.argv]))
    print(summarize_evaluation(evaluation))
    print(f"Report: {page}")


if __name__ == "__main__":
    run_script(main)
