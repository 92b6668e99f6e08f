"""Photos of the training among those that are scored: counted where both datasets are at hand."""

import shutil

import pytest

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.dataset.identity import identity
from localizer.evaluation.evaluate import evaluate
from localizer.evaluation.leaks import describe_leak
from localizer.predictors.constant import constant_predictor
from localizer.sources.opening import open_source


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Makes a dataset of 60 scenes; the seeds are of the scenes and of the split."""

    def make(scenes, split):
        read, _ = open_source("synthetic", None, "head", count=60, seed=scenes, workers=1)
        out = tmp_path_factory.mktemp("data") / f"scenes-{scenes}-{split}"
        settings = GenerationSettings(
            "synthetic", "head", root=None, seed=split, image_size=64, fractions=(0.5, 0.1, 0.4)
        )
        return generate_dataset(read, settings, out, progress=False)

    return make


def names_of(dataset, split):
    return set(dataset.samples["image"].iloc[dataset.indices(split)])


def test_common_photos_are_counted(drawn, tmp_path, monkeypatch):
    training, other_split, other_scenes = drawn(0, 0), drawn(0, 7), drawn(3, 0)
    common = names_of(other_split, "test") & names_of(training, "train")
    count = len(names_of(other_split, "test"))
    assert 0 < len(common) < count
    monkeypatch.chdir(tmp_path)
    trained_on = training.description
    assert "may have been" in describe_leak(other_split, "test", trained_on)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").symlink_to(training.path)
    said = describe_leak(other_split, "test", trained_on)
    assert said.startswith(f"trained on {len(common)} of the {count} photos of this test split")
    assert describe_leak(other_scenes, "test", trained_on) == ""
    assert describe_leak(training, "test", trained_on) == ""
    former = trained_on | {"sha256": identity(trained_on["sha256"])}
    assert "rows" not in former["sha256"]
    assert describe_leak(training, "test", former) == ""
    assert describe_leak(other_split, "test", former) == said
    assert describe_leak(other_split, "train", trained_on) == ""
    # Another source makes no difference to pictures.
    assert describe_leak(other_split, "test", trained_on | {"source": "csv"}) == said


def test_the_report_says_so(drawn, tmp_path, monkeypatch):
    training, other = drawn(0, 0), drawn(0, 7)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").symlink_to(training.path)
    predictor = constant_predictor("baseline:mean", training)
    predictor.trained_on = training.description
    metrics = evaluate(other, [predictor], "test", progress=False).metrics
    [warning] = metrics["warnings"]
    assert warning.startswith("baseline:mean: trained on ") and "data/mine" in warning


@pytest.mark.parametrize(("target", "warned"), [("body", True), ("head", False), ("owl", False)])
def test_a_head_against_a_body_is_another_task_and_other_names_are_not(target, warned, drawn):
    dataset = drawn(0, 0)
    predictor = constant_predictor("baseline:mean", dataset)
    predictor.trained_on = dataset.description | {"target": target}
    warnings = evaluate(dataset, [predictor], "test", progress=False).metrics["warnings"]
    assert any("another task" in warning for warning in warnings) == warned


def test_photos_that_a_teacher_labelled_count(drawn, tmp_path, monkeypatch):
    training, other = drawn(0, 0), drawn(3, 0)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(training.path, tmp_path / "data" / "mine")
    shutil.copytree(other.path, tmp_path / "data" / "mine" / "unlabelled")
    count = len(names_of(other, "test"))
    said = describe_leak(other, "test", training.description)
    assert said.startswith(f"trained on {count} of the {count} photos")
