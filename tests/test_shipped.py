"""What comes with the project is found by name, and the command `localizer` has every command."""

import subprocess
import sys

import pytest

import localizer
from localizer.__main__ import COMMANDS
from localizer.errors import InputError
from localizer.models.initial_weights import weights_file
from localizer.predictors.loading import load_predictor
from localizer.shipped import shipped_folder, shipped_model
from tests.conftest import REPOSITORY


def test_models_by_name(tmp_path, monkeypatch):
    assert shipped_model("pet_head") == REPOSITORY / "models" / "pet_head.tflite"
    assert weights_file("pet_head") == REPOSITORY / "models" / "pet_head.keras"
    assert weights_file("imagenet") is None and weights_file("none") is None
    with pytest.raises(InputError, match="pet_head.keras.*in models/ of a clone"):
        shipped_model("pet_tail")
    with pytest.raises(InputError, match="not a model. Give the name of a shipped one"):
        load_predictor("pet_tail", None)
    # What lies here goes before what is shipped.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pet_head").mkdir()
    with pytest.raises(InputError, match="no best.keras in it"):
        load_predictor("pet_head", None)


def test_an_installed_package_has_its_files_inside(tmp_path, monkeypatch):
    (tmp_path / "shipped_files" / "models").mkdir(parents=True)
    (tmp_path / "shipped_files" / "models" / "m.tflite").touch()
    monkeypatch.setattr("localizer.shipped._PACKAGE", tmp_path)
    assert shipped_model("m").parent == tmp_path / "shipped_files" / "models"
    # Larger ones are not in a wheel, and the name alone says where they are.
    with pytest.raises(InputError, match="in models/ of a clone"):
        load_predictor("pet_head_large", None)
    assert shipped_folder("recipes") == tmp_path.parent / "experiments" / "recipes"


def run(*words):
    command = [sys.executable, "-m", "localizer", *words]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_lists_its_commands_and_names_the_nearest():
    listed = run()
    assert listed.returncode == 0 and all(f"  {name}" in listed.stdout for name in COMMANDS)
    assert run("--version").stdout == f"localizer {localizer.__version__}\n"
    wrong = run("trian")
    assert wrong.returncode == 2 and "did you mean train?" in wrong.stderr


def test_a_command_knows_what_it_is_called():
    text = run("train", "--help").stdout
    assert text.startswith("usage: localizer train [options]") and "--box-loss" in text
    wrong = run("train", "--bx-loss", "mse")
    assert wrong.returncode == 2 and wrong.stderr.strip() == (
        "error: no option '--bx-loss'; did you mean --box-loss?"
    )
    wrong = run("evaluate", "--split", "tset")
    assert wrong.returncode == 2 and "did you mean test?" in wrong.stderr


def test_public_names():
    assert {"Localizer", "open_dataset", "train", "evaluate", "__version__"} <= set(dir(localizer))
    for name in localizer.__all__:
        assert getattr(localizer, name).__doc__
