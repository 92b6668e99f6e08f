"""Photos of the training among those that are scored: counted where both datasets are at hand."""

import shutil

import pytest

from localizer.dataset.folds import all_folds, ever_held_out, hold_out
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


def test_what_a_training_in_folds_has_seen(drawn, tmp_path, monkeypatch):
    dataset, other = drawn(0, 0), drawn(0, 7)
    folds, whole = all_folds(dataset, 3), hold_out(dataset, None, 3)
    count = len(dataset.indices("validation"))
    said = describe_leak(dataset, "validation", whole.description)
    assert said.startswith(f"trained on {count} of the {count} photos of this validation split (in")
    assert describe_leak(dataset, "test", whole.description) == ""
    unseen = [len(names_of(dataset, "validation") & names_of(one, "validation")) for one in folds]
    for fold, of_validation in zip(folds, unseen):
        said = describe_leak(dataset, "validation", fold.description)
        assert said.startswith(f"trained on {count - of_validation} of") or of_validation == count
        # By another fold, and by the dataset's own splits.
        assert describe_leak(fold, "validation", fold.description) == ""
        assert describe_leak(fold, "validation", whole.description)
        seen = len(names_of(fold, "validation") & names_of(dataset, "train"))
        said = describe_leak(fold, "validation", dataset.description)
        assert said.startswith(f"trained on {seen} of the {len(fold.indices('validation'))} photos")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").symlink_to(dataset.path)
    common = len(names_of(other, "test") & names_of(whole, "train"))
    assert common > len(names_of(other, "test") & names_of(dataset, "train"))
    said = describe_leak(other, "test", whole.description)
    assert said.startswith(f"trained on {common} of the {len(other.indices('test'))} photos")
    everything = ever_held_out(dataset, 3)
    assert names_of(everything, "validation") == names_of(whole, "train")


def test_photos_that_a_teacher_labelled_count(drawn, tmp_path, monkeypatch):
    training, other = drawn(0, 0), drawn(3, 0)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(training.path, tmp_path / "data" / "mine")
    shutil.copytree(other.path, tmp_path / "data" / "mine" / "unlabelled")
    count = len(names_of(other, "test"))
    said = describe_leak(other, "test", training.description)
    assert said.startswith(f"trained on {count} of the {count} photos")
