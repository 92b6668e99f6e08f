"""A training in folds: its figures, what it refuses, and that it goes on where it was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from localizer.dataset.dataset import BOX_COLUMNS
from localizer.dataset.folds import all_folds, ever_held_out
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.evaluation.evaluate import evaluate
from localizer.evaluation.leaks import describe_start
from localizer.inference.localizer import Localizer
from localizer.models.model_file import load_model_file
from localizer.sources.opening import open_source
from localizer.training import cross_validation
from localizer.training.training import train
from tests.conftest import REPOSITORY
from tests.training.test_resuming import CONFIG

pytestmark = pytest.mark.slow

FOLDED = replace(CONFIG, epochs=2, learning_rate=0.01, bn_momentum=0.3, head="simcc", batch_size=4)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """20 drawn scenes, 14 to train on, without a validation split."""
    read, _ = open_source("synthetic", None, "head", count=20, workers=1)
    settings = GenerationSettings(
        "synthetic",
        "head",
        root=None,
        fractions=(0.8, 0.0, 0.2),
        image_size=96,
        find_duplicates=False,
    )
    out = tmp_path_factory.mktemp("drawn") / "scenes"
    return generate_dataset(read, settings, out, progress=False)


@pytest.fixture(scope="module")
def run(scenes, tmp_path_factory):
    return train(
        scenes, FOLDED, tmp_path_factory.mktemp("runs") / "folded", folds=2, progress=False
    )


def test_every_photo_is_scored_by_the_model_that_has_not_seen_it(run, scenes):
    table = pd.read_csv(run.path / "predictions.csv")
    assert list(table) == ["model", "image", *BOX_COLUMNS, "score", "label", "iou", "fold"]
    assert set(table["model"]) == {"folded"}
    assert sorted(table["image"]) == sorted(scenes.samples["image"][scenes.indices("train")])
    for fold, view in enumerate(all_folds(scenes, 2)):
        part = table[table["fold"] == fold]
        assert set(part["image"]) == set(view.samples["image"][view.indices("validation")])
        [model] = evaluate(view, [run.path / f"fold-{fold}"], progress=False).metrics["models"]
        assert part["iou"].mean() == pytest.approx(model["mean_iou"], abs=0.02)
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert metrics == run.metrics and metrics["split"] == "out of fold"
    assert metrics["n"] == len(table) == sum(fold["n"] for fold in metrics["folds"])
    assert metrics["mean_iou"] == pytest.approx(table["iou"].mean(), abs=1e-6)
    assert metrics["ci95"][0] <= metrics["mean_iou"] <= metrics["ci95"][1]
    assert repr(run).startswith(f"Run({str(run.path)!r}, out of fold mean IoU 0.")


def test_the_final_model_is_of_all_photos_and_says_whose_figure_it_has(run, scenes):
    _, said = load_model_file(run.path / "best.keras")
    best = [fold["best_epoch"] for fold in run["folds"]]
    assert said["config"]["epochs"] == run["epochs"] == int(np.mean(best) + 0.5)
    assert len(pd.read_csv(run.path / "history.csv")) == run["epochs"]
    assert said["figure"]["split"] == "out of fold" and said["threshold"] is None
    assert {name: run[name] for name in ("n", "mean_iou", "ci95")}.items() <= said["figure"].items()
    assert said["dataset"]["folds"] == {"of": 2, "fold": None}
    assert repr(Localizer.load(run)).startswith("Localizer('folded', target 'head', 96 x 96")
    # What was never seen is scored as ever; what was is not, without a word.
    assert evaluate(scenes, [run], "test", progress=False).metrics["warnings"] == []
    view = all_folds(scenes, 2)[0]
    [warning] = evaluate(view, [run], progress=False).metrics["warnings"]
    assert warning.startswith("folded: trained on 7 of the 7 photos of this validation split (")
    assert evaluate(view, [run.path / "fold-0"], progress=False).metrics["warnings"] == []
    begun = describe_start(ever_held_out(scenes, 2), str(run.path / "fold-0" / "best.keras"))
    assert begun.startswith("trained on 7 of the 14 photos of this validation split")
    assert describe_start(scenes, "none") == describe_start(scenes, "missing.keras") == ""


def test_a_fold_is_the_run_that_its_photos_make(run, scenes, tmp_path):
    view = all_folds(scenes, 2)[1]
    train(view, FOLDED, tmp_path / "alone", progress=False)
    one, other = (
        load_model_file(path / "best.keras")[0].get_weights()
        for path in (run.path / "fold-1", tmp_path / "alone")
    )
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_does_not_belong_together_is_refused(run, scenes):
    with pytest.raises(InputError, match="folds: 2 is now 4"):
        train(scenes, FOLDED, run, resume=True, folds=4)
    with pytest.raises(InputError, match="folds: 2 is now None"):
        train(all_folds(scenes, 2)[0], FOLDED, run, resume=True)
    with pytest.raises(InputError, match="fold: '1 of 2' is now None"):
        train(all_folds(scenes, 2)[0], FOLDED, run.path / "fold-0", resume=True)
    for folds in (0, 1, 101, True, 2.0):
        with pytest.raises(InputError, match="folds: .*a whole number from 2 to 100"):
            train(scenes, FOLDED, run.path / "new", folds=folds)
    with pytest.raises(InputError, match="fewer --folds"):
        train(scenes, FOLDED, run.path / "new", folds=17)


def test_finished_folds_are_not_repeated(run, scenes, tmp_path, monkeypatch):
    copy = shutil.copytree(run.path, tmp_path / "folded")
    (copy / "metrics.json").unlink()

    def repeated(*arguments, **options):
        raise AssertionError("a fold was trained again")

    monkeypatch.setattr(cross_validation, "fit_run", repeated)
    again = train(scenes, FOLDED, copy, resume=True, folds=2, progress=False)
    assert again.metrics == run.metrics
    (copy / "fold-1" / "predictions.csv").write_text("")
    with pytest.raises(
        InputError, match=r"fold-1/predictions.csv: damaged.*trains this fold again"
    ):
        train(scenes, FOLDED, copy, resume=True, folds=2, progress=False)


KILLED = """
import os, signal, sys
from localizer.training.run_keeper import RunKeeper
from localizer.training.training import train
from tests.training.test_folds import FOLDED

original, ends = RunKeeper.on_epoch_end, []

def killed(self, epoch, logs=None):
    ends.append(epoch)
    if len(ends) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, epoch, logs)

RunKeeper.on_epoch_end = killed
train(sys.argv[1], FOLDED, sys.argv[2], resume=True, folds=2, progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_training_in_folds_ends_as_if_it_had_not_been(run, scenes, tmp_path):
    """Killed in the second epoch of the second fold."""
    killed = tmp_path / "folded"
    command = [sys.executable, "-c", KILLED, str(scenes.path), str(killed)]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ, timeout=600)
    assert done.returncode == -signal.SIGKILL
    assert [path.parent.name for path in killed.glob("fold-*/metrics.json")] == ["fold-0"]
    metrics = train(scenes, FOLDED, killed, resume=True, folds=2, progress=False).metrics
    # The names that Keras gives to layers, which are in the file, count what a process has made.
    free = {name: metrics[name] for name in ("training_seconds", "file_bytes")}
    assert metrics == run.metrics | free
    assert (killed / "predictions.csv").read_text() == (run.path / "predictions.csv").read_text()
    for name in ("fold-0", "fold-1", "."):
        one, other = (load_model_file(path / name / "best.keras") for path in (run.path, killed))
        for a, b in zip(one[0].get_weights(), other[0].get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert {**one[1], "commit": ""} == {**other[1], "commit": ""}
    assert sorted(path.name for path in killed.iterdir()) == sorted(
        path.name for path in run.path.iterdir()
    )
