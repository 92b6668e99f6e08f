"""What each form of a model's name leads to."""

import shutil

import numpy as np
import pytest

from localizer.errors import InputError
from localizer.predictors.loading import load_predictor
from localizer.recipe.config import TrainingConfig
from localizer.training.training import train
from tests.conftest import REPOSITORY
from tests.predictors.pretrained.hub_graphs import four_outputs, save_openimages_module, to_tflite

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_folder(synthetic_dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    config = TrainingConfig(epochs=1, weights="none", image_size=96)
    train(synthetic_dataset, config, folder, progress=False)
    return folder


def test_a_run_and_its_file(run_folder):
    for model in (run_folder, run_folder / "best.keras"):
        predictor = load_predictor(str(model), None)
        assert predictor.name == "first"
        assert predictor.notes == () and predictor.seen_categories == frozenset()


def test_a_baseline(synthetic_dataset):
    assert load_predictor("baseline:mean", synthetic_dataset).name == "baseline:mean"


def test_a_saved_model_folder(tmp_path):
    folder = save_openimages_module(tmp_path / "module")
    assert load_predictor(str(folder), None).name == "module"
    assert load_predictor(f"{folder}?classes=cat", None).name == "module[cat]"


def test_a_tflite_file_that_is_not_ours_is_a_detector(tmp_path):
    path = to_tflite(four_outputs, tmp_path / "d.tflite", 8, 8, 3)
    assert load_predictor(str(path), None).name == "d"
    assert load_predictor(f"{path}?classes=16", None).name == "d[16]"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "photo.jpg",
            "not a model. Give the name of a shipped one, a run.*hub:NAME.*detector:FILE.tflite",
        ),
        ("no_such_run", "not a model"),
        ("detector:none.tflite", "none.tflite: no such file"),
        ("none.keras", "none.keras: no such model file"),
        ("none.tflite", "none.tflite: no such"),
        ("none.onnx", "none.onnx: no such"),
        ("none.ONNX", "none.ONNX: no such file"),
        ("none.KERAS", "none.KERAS: no such model file"),
        ("baseline:median", "no such baseline"),
    ],
)
def test_what_is_no_model(model, message):
    with pytest.raises(InputError, match=message):
        load_predictor(model, None)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(InputError, match="no best.keras in it.*Nor a saved_model.pb"):
        load_predictor(str(tmp_path), None)


@pytest.mark.parametrize("ending", ["tflite", "keras"])
def test_an_ending_in_capitals_is_that_ending(tmp_path, ending):
    shipped = REPOSITORY / "models" / f"pet_body.{ending}"
    copy = tmp_path / f"M.{ending.upper()}"
    shutil.copyfile(shipped, copy)
    photo = [np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)]
    expected, answer = (load_predictor(str(path), None).predict(photo) for path in (shipped, copy))
    np.testing.assert_array_equal(answer.boxes_rel_xyxy, expected.boxes_rel_xyxy)
    with pytest.raises(InputError, match="own models have no options"):
        load_predictor(f"{copy}?classes=cat", None)
