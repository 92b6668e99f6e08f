"""The whole chain through the scripts, as a user calls them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]


def call(script, *options, cwd, code=0):
    """Run a script; returns its standard output, and standard error when it is to fail."""
    command = [sys.executable, str(PROJECT / script), *map(str, options)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=os.environ)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A folder in which the three scripts have run on drawn scenes."""
    folder = tmp_path_factory.mktemp("chain")
    call(
        "generate_dataset.py",
        "--source",
        "synthetic",
        "--count",
        200,
        "--out",
        "data/tiny",
        "--workers",
        1,
        "--image-size",
        112,
        cwd=folder,
    )
    recipe = folder / "tiny.yaml"
    recipe.write_text(
        "weights: none\nhead: recipe\nimage_size: 96\nepochs: 9\nclass_output: category\n"
    )
    out = call(
        "train_model.py",
        "--data",
        "data/tiny",
        "--recipe",
        recipe,
        "--epochs",
        2,
        "--batch-size",
        16,
        "--augmentation.rotation",
        0,
        cwd=folder,
    )
    assert "Validation mean IoU" in out and "runs/tiny-tiny-0" in out and "class right on" in out
    out = call("evaluate_performance.py", "--data", "data/tiny", cwd=folder)
    assert "reports/tiny-tiny-0-validation/report.html" in out and "baseline:mean" in out
    return folder


def test_options_go_before_the_recipe_and_both_are_kept(chain):
    config = (chain / "runs/tiny-tiny-0/config.yaml").read_text()
    for line in (
        "epochs: 2",
        "image_size: 96",
        "batch_size: 16",
        "  rotation: 0.0",
        "weights: none",
    ):
        assert line in config.splitlines()


def test_metrics_have_the_shape_that_others_rely_on(chain):
    metrics = json.loads((chain / "reports/tiny-tiny-0-validation/metrics.json").read_text())
    assert {"dataset", "split", "target", "n", "models"} <= metrics.keys()
    assert (metrics["dataset"], metrics["split"], metrics["target"]) == (
        "tiny",
        "validation",
        "head",
    )
    names = [model["name"] for model in metrics["models"]]
    assert names == ["tiny-tiny-0", "baseline:center", "baseline:mean", "baseline:whole"]
    keys = {
        "name",
        "mean_iou",
        "ci95",
        "median_iou",
        "micro_iou",
        "success",
        "ap50_95",
        "parameters",
        "macs",
        "file_bytes",
        "latency_ms",
    }
    for model in metrics["models"]:
        assert keys <= model.keys()
        assert {"0.5", "0.75", "0.9"} <= model["success"].keys()
        assert model["ci95"][0] <= model["mean_iou"] <= model["ci95"][1]
    trained, constant = metrics["models"][:2]
    assert 280_000 < trained["parameters"] < 500_000 and trained["latency_ms"] > 0
    assert trained["category_accuracy"] is not None
    assert constant["parameters"] is None and constant["latency_ms"] is None


def test_predictions_agree_with_the_metrics(chain):
    report = chain / "reports/tiny-tiny-0-validation"
    metrics = json.loads((report / "metrics.json").read_text())
    table = pd.read_csv(report / "predictions.csv")
    columns = ["model", "image", "xmin", "ymin", "xmax", "ymax", "score", "label", "iou"]
    assert set(columns) <= set(table)
    for model in metrics["models"]:
        rows = table[table["model"] == model["name"]]
        assert len(rows) == metrics["n"]
        assert rows["iou"].mean() == pytest.approx(model["mean_iou"], abs=1e-4)


def test_the_run_and_the_report_give_the_same_validation_iou(chain):
    run = json.loads((chain / "runs/tiny-tiny-0/metrics.json").read_text())
    report = json.loads((chain / "reports/tiny-tiny-0-validation/metrics.json").read_text())
    assert report["models"][0]["mean_iou"] == pytest.approx(run["mean_iou"], abs=2e-3)


def test_resume_takes_the_settings_of_the_run(chain):
    out = call("train_model.py", "--run", "runs/tiny-tiny-0", "--resume", cwd=chain)
    assert "best epoch" in out and "of 2" in out


def test_a_model_is_not_scored_on_another_target_in_silence(chain):
    call(
        "generate_dataset.py",
        "--source",
        "synthetic",
        "--target",
        "body",
        "--count",
        80,
        "--out",
        "data/bodies",
        "--workers",
        1,
        "--image-size",
        112,
        cwd=chain,
    )
    out = call(
        "evaluate_performance.py",
        "--data",
        "data/bodies",
        "--models",
        "runs/tiny-tiny-0",
        "--split",
        "train",
        cwd=chain,
    )
    warning = "trained on head boxes and scored on body boxes"
    assert f"warning: tiny-tiny-0: {warning}" in out
    assert warning in (chain / "reports/tiny-tiny-0-train/report.html").read_text()


@pytest.mark.parametrize(
    ("script", "options", "message"),
    [
        ("train_model.py", ["--data", "nowhere"], "not a dataset folder"),
        ("train_model.py", ["--data", "data/tiny", "--epochs", "0"], "epochs"),
        ("train_model.py", ["--data", "data/tiny", "--epoch", "3"], "--epoch"),
        ("train_model.py", ["--data", "data/tiny", "--box_loss", "mae"], "smooth_l1"),
        ("train_model.py", ["--data", "data/tiny", "--recipe", "missing.yaml"], "missing.yaml"),
        ("train_model.py", ["--data", "data/tiny", "--recipe", "tiny.yaml"], "--overwrite"),
        ("train_model.py", ["--data", "data/tiny", "--run", "data"], "no run folder"),
        ("train_model.py", ["--run", "runs/typo", "--resume"], "there is no run folder runs/typo"),
        ("train_model.py", ["--run", "runs/tiny-tiny-0", "--resume", "--overwrite"], "one of the"),
        ("export_model.py", ["--out", "tiny.yaml"], "is a file"),
        ("export_model.py", ["--runtime", "x.tgz"], "--runtime is for --formats browser"),
        ("evaluate_performance.py", ["--labeler-margin", "0.1"], "--labeler"),
        ("train_model.py", ["--data", "data/tiny", "--weights", "no.keras"], "no such model"),
        ("evaluate_performance.py", ["--models", "baseline:mean", "--out", "data/tiny"], "--out"),
        (
            "evaluate_performance.py",
            ["--models", "runs/tiny-tiny-0", "--out", "runs/tiny-tiny-0"],
            "no report",
        ),
        ("evaluate_performance.py", ["--data", "data/tiny", "--models", "nothing"], "not a model"),
        ("evaluate_performance.py", ["--data", "data/tiny", "--models", "data"], "no best.keras"),
        ("evaluate_performance.py", ["--data", "data/tiny", "--split", "all"], "validation"),
        ("evaluate_performance.py", ["--data", "data/tiny", "--models", "baseline:x"], "no such"),
    ],
)
def test_bad_options_end_with_code_2_and_a_message(chain, script, options, message):
    assert message in call(script, *options, cwd=chain, code=2)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("looks: 1\nepohcs: 3\n", "line 2: no field 'epohcs' of a recipe; did you mean epochs?"),
        ("epochs: 3\nepochs: 4\n", "line 2: epochs is there twice"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named_with_its_line(chain, recipe, message):
    (chain / "wrong.yaml").write_text(recipe)
    assert f"wrong.yaml, {message}" in call(
        "train_model.py", "--data", "data/tiny", "--recipe", "wrong.yaml", cwd=chain, code=2
    )


def test_a_runs_own_settings_are_a_recipe(chain):
    call(
        "train_model.py",
        "--recipe",
        "runs/tiny-tiny-0/config.yaml",
        "--epochs",
        1,
        "--run",
        "runs/again",
        cwd=chain,
    )
    config = (chain / "runs/again/config.yaml").read_text()
    assert "data: data/tiny" in config and "epochs: 1\n" in config


def test_a_model_that_is_worse_than_a_constant_box_says_so(chain):
    command = [
        sys.executable,
        PROJECT / "train_model.py",
        "--data",
        "data/tiny",
        "--weights",
        "none",
        "--head",
        "recipe",
        "--image_size",
        "96",
        "--epochs",
        "1",
        "--learning_rate",
        "1e-9",
        "--run",
        "runs/nothing-learned",
    ]
    done = subprocess.run(command, cwd=chain, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0 and "learned nothing from the pixels" in done.stderr


@pytest.mark.parametrize(
    "script",
    [
        "generate_dataset.py",
        "train_model.py",
        "evaluate_performance.py",
        "localize_images.py",
        "export_model.py",
        "run_ablation.py",
    ],
)
def test_help_explains_every_option_with_its_default(script, tmp_path):
    text = call(script, "--help", cwd=tmp_path)
    assert f"python {script}" in text
    options = re.split(r"^  (?=--)", text, flags=re.MULTILINE)[1:]
    assert len(options) > 4
    for option in options:
        name, *explanation = option.split()
        if name.partition("[")[0] not in ("--recipe", "--print_config", "--augmentation.help"):
            assert len(explanation) > 3 and "default:" in option, option
