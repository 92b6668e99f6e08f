"""Resuming a run of which something was changed: refused before an epoch is spent, with a remedy.

What a kill leaves is no change: tests/training/test_killed.py.
"""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import yaml

from localizer.dataset.dataset import open_dataset
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.models.localizer_model import build_localizer, for_inference
from localizer.models.model_file import load_model_file, save_model_file
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import build_config
from localizer.recipe.reading import read_recipe
from localizer.recipe.resolve import settle
from localizer.sources.opening import open_source
from localizer.training import fitting, run_keeper
from localizer.training.scoring import score_split
from localizer.training.training import train
from localizer.training.views.batches import Batches
from tests.dataset.test_dataset import as_before

pytestmark = pytest.mark.slow

# A learning rate of nothing: the first epoch stays the best.
CONFIG = TrainingConfig(
    image_size=96,
    weights="none",
    head="recipe",
    epochs=3,
    batch_size=8,
    learning_rate=1e-30,
    schedule="constant",
    bn_momentum=0.0,
    ema_momentum=0.0,
    workers=1,
)
REMEDY = "start anew with --overwrite"


class StoppedError(Exception):
    """In place of a kill, which would take the tests with it."""


def draw(out, count, seed):
    read, _ = open_source("synthetic", None, "head", count=count, seed=seed, workers=1)
    settings = GenerationSettings(
        "synthetic",
        "head",
        root=None,
        seed=seed,
        fractions=(0.5, 0.5, 0.0),
        image_size=96,
        find_duplicates=False,
    )
    return generate_dataset(read, settings, out, progress=False)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("drawn") / "scenes", 16, seed=0)


def train_until(dataset, config, run, call, number):
    """Train until the call of this number of a method of RunKeeper, which is not made."""
    original = getattr(run_keeper.RunKeeper, call)
    calls = []

    def stopped(self, *arguments):
        calls.append(arguments)
        if len(calls) == number:
            raise StoppedError
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_keeper.RunKeeper, call, stopped)
        with pytest.raises(StoppedError):
            train(dataset, config, run, progress=False)


@pytest.fixture(scope="module")
def unfinished(scenes, tmp_path_factory):
    """A run of which one of three epochs is done."""
    run = tmp_path_factory.mktemp("runs") / "unfinished"
    train_until(scenes, CONFIG, run, "on_epoch_begin", 2)
    return run


@pytest.fixture
def run(unfinished, tmp_path):
    return shutil.copytree(unfinished, tmp_path / "run")


@pytest.fixture(scope="module")
def prepared(scenes):
    return fitting.prepare(scenes, settle(CONFIG, scenes))


@pytest.fixture
def no_steps(prepared, monkeypatch):
    """Nothing is trained, so one model does for all: what is to be refused is refused before."""

    def stopped(*arguments):
        raise AssertionError("the training went on")

    monkeypatch.setattr(run_keeper.RunKeeper, "on_epoch_begin", stopped)
    monkeypatch.setattr(fitting, "prepare", lambda dataset, config: prepared)


def resume(dataset, run, config=CONFIG):
    return train(dataset, config, run, resume=True, progress=False)


def change_state(run, **changes):
    with np.load(run / "resume.npz") as state:
        arrays = {name: state[name] for name in state.files}
    np.savez(run / "resume.npz", **arrays | changes)


def history_of(run):
    with np.load(run / "resume.npz") as state:
        return json.loads(str(state["history"]))


def test_an_untouched_run_goes_on(run, scenes):
    assert resume(scenes, run, replace(CONFIG, workers=2))["epochs"] == 3
    assert not (run / "next_best.keras").exists()
    assert resume(scenes, run)["epochs"] == 3


@pytest.mark.parametrize("part", ["", "unlabelled"])
def test_other_images_of_the_same_size(part, run, scenes, tmp_path, no_steps):
    data = shutil.copytree(scenes.path, tmp_path / "data")
    if part:
        added = draw(data / part, 8, seed=2)
        environment = json.loads((run / "environment.json").read_text())
        environment["dataset"]["unlabelled"] = added.description
        (run / "environment.json").write_text(json.dumps(environment))
    images = np.load(data / part / "images.npy")
    np.save(data / part / "images.npy", 255 - images)
    with pytest.raises(InputError, match=r"images\.npy: not as it was generated.*Generate it"):
        resume(open_dataset(data), run)


def truncate(best):
    best.write_bytes(best.read_bytes()[:5000])


def make_folder(path):
    path.unlink()
    path.mkdir()


def of_another_description(key, value):
    def change(best):
        model, description = load_model_file(best)
        save_model_file(model, best, description | {key: description[key] | value})

    return change


def of_other_weights(best):
    model, description = load_model_file(best)
    model.set_weights([weight + 1 for weight in model.get_weights()])
    save_model_file(model, best, description)


DAMAGE = {
    "missing": os.unlink,
    "empty": lambda best: best.write_bytes(b""),
    "truncated": truncate,
    "a folder": make_folder,
    "other weights": of_other_weights,
    "other config": of_another_description("config", {"seed": 1}),
    "other dataset": of_another_description("dataset", {"sha256": {"samples.csv": "0"}}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_another_best_model(damage, run, scenes, no_steps):
    DAMAGE[damage](run / "best.keras")
    with pytest.raises(InputError, match=rf"best\.keras.*{REMEDY}"):
        resume(scenes, run)


def test_a_best_model_of_another_size(run, scenes, no_steps):
    _, description = load_model_file(run / "best.keras")
    other = for_inference(build_localizer(replace(CONFIG, looks=1, image_size=128)))
    save_model_file(other, run / "best.keras", description | {"image_size": 128})
    with pytest.raises(InputError, match=rf"best\.keras.*another run's.*{REMEDY}"):
        resume(scenes, run)


def test_a_finished_run_without_its_model(run, scenes):
    resume(scenes, run)
    (run / "best.keras").unlink()
    with pytest.raises(InputError, match=rf"best\.keras.*{REMEDY}"):
        resume(scenes, run)


# By then epoch 2, in which the model is better, has written its model but not resume.npz; or has
# written resume.npz, but the model is not in its place.
@pytest.mark.parametrize(("call", "epochs"), [("_save_state", 1), ("_take_next_best", 2)])
def test_a_kill_between_the_model_and_the_state(call, epochs, scenes, tmp_path, monkeypatch):
    row = run_keeper.RunKeeper._row

    def better_each_time(self, epoch, logs, validated):
        return row(self, epoch, logs, validated) | {"val_iou": 0.1 * epoch}

    monkeypatch.setattr(run_keeper.RunKeeper, "_row", better_each_time)
    config = replace(CONFIG, learning_rate=0.01, epochs=2)
    whole, run = tmp_path / "whole", tmp_path / "run"
    train(scenes, config, whole, progress=False)
    train_until(scenes, config, run, call, 2)
    assert (run / "next_best.keras").is_file() and len(history_of(run)) == epochs
    resume(scenes, run, config)
    assert not (run / "next_best.keras").exists()
    with np.load(whole / "resume.npz") as one, np.load(run / "resume.npz") as other:
        assert all((one[name] == other[name]).all() for name in one.files if name != "history")
    for name in ("best.keras", "metrics.json"):
        assert (run / name).is_file()
    for one, other in zip(*(load_model_file(r / "best.keras")[0].weights for r in (whole, run))):
        np.testing.assert_array_equal(one, other)


ROW = {
    "epoch": 1,
    "loss": 1.0,
    "val_loss": 1.0,
    "iou": 0.5,
    "val_iou": 0.5,
    "learning_rate": 0.1,
    "seconds": 1.0,
}
HISTORIES = {
    "no JSON": "[",
    "a number": "7",
    "null": "null",
    "nothing": "[]",
    "an empty mapping": "{}",
    "a mapping": '{"a": 1}',
    "numbers": "[1]",
    "a text": '"ab"',
    "an empty row": "[{}]",
    "text for a number": json.dumps([ROW | {"val_iou": "0.5"}]),
    "text in a column of classes": json.dumps([ROW | {"val_class_accuracy": "high"}]),
    "not finite": json.dumps([ROW | {"val_iou": float("nan")}]),
    "too large": json.dumps([ROW | {"val_loss": 10**400}]),
    "no seconds": json.dumps([{k: v for k, v in ROW.items() if k != "seconds"}]),
    "more epochs than there are": json.dumps([ROW | {"epoch": i} for i in range(1, 10)]),
    "epoch 77": json.dumps([ROW | {"epoch": 77}]),
    "an epoch twice": json.dumps([ROW, ROW]),
    "true for an epoch": json.dumps([ROW | {"epoch": True}]),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_a_damaged_history(history, run, scenes, no_steps):
    change_state(run, history=np.array(HISTORIES[history]))
    with pytest.raises(InputError, match=rf"resume\.npz: damaged.*{REMEDY}"):
        resume(scenes, run)


def test_a_validation_loss_that_overflowed_is_no_damage(run, scenes, no_steps):
    [row] = history_of(run)
    change_state(run, history=np.array(json.dumps([row | {"val_loss": float("inf")}])))
    with pytest.raises(AssertionError, match="went on"):
        resume(scenes, run)


def test_a_folder_in_place_of_the_state(run, scenes, no_steps, monkeypatch):
    make_folder(run / "resume.npz")
    with pytest.raises(InputError, match=rf"resume\.npz: damaged.*{REMEDY}"):
        resume(scenes, run)
    monkeypatch.undo()
    assert train(scenes, CONFIG, run, overwrite=True, progress=False)["epochs"] == 3


BOMB = "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [{f'*a{i},' * 10}]\n" for i in range(8))
CONFIGS = {
    "a number for a key": "1: 2\n",
    "nothing for a key": "~: 2\n",
    "brackets": "epochs: " + "[" * 5000 + "]" * 5000,
    "aliases": BOMB,
    "a bad number": "epochs: !!int _\n",
    "a time that is none": "epochs: !!timestamp x\n",
    "more digits than can be shown": f"epochs: 0x{'f' * 9000}\n",
}


@pytest.mark.parametrize("config", CONFIGS)
def test_a_damaged_config(config, run, scenes, no_steps):
    with open(run / "config.yaml", "a") as file:
        file.write(CONFIGS[config])
    with pytest.raises(InputError, match=rf"damaged.*{REMEDY}") as caught:
        resume(scenes, run)
    assert len(str(caught.value)) < 1000


def test_a_run_of_an_earlier_version_names_the_way_out(run, scenes, no_steps):
    settings = yaml.safe_load((run / "config.yaml").read_text())
    del settings["looks"], settings["look_size"]
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(InputError, match=rf"earlier version, .*no looks, look_size.*{REMEDY}"):
        resume(scenes, run)


def test_a_run_that_calls_a_category_breed_goes_on(run, scenes, tmp_path, capsys):
    former = as_before(shutil.copytree(scenes.path, tmp_path / "data"))
    environment = json.loads((run / "environment.json").read_text())
    environment["dataset"]["sha256"] = former.description["sha256"]
    (run / "environment.json").write_text(json.dumps(environment))
    settings = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump(settings | {"class_output": "breed"}))
    config = build_config(read_recipe(run / "config.yaml", also=("data",)))
    assert config == replace(CONFIG, class_output="category")
    assert capsys.readouterr().err.count("class_output: breed is read as category") == 1
    metrics = resume(scenes, run, config)
    assert metrics["epochs"] == 3 and resume(former, run, config) == metrics
    # The class column that its model names is the former one, too.
    model, said = load_model_file(run / "best.keras")
    save_model_file(model, run / "best.keras", said | {"class_column": "breed"})
    scored = score_split(run, former, config, "validation")
    assert scored["class_accuracy"] == metrics["class_accuracy"] is not None


def test_photos_of_a_teacher_are_known_by_their_rows(run, scenes, tmp_path, no_steps):
    data = shutil.copytree(scenes.path, tmp_path / "data")
    added = draw(data / "unlabelled", 8, seed=2)
    environment = json.loads((run / "environment.json").read_text())
    environment["dataset"]["unlabelled"] = added.description
    (run / "environment.json").write_text(json.dumps(environment))
    as_before(added.path)
    with pytest.raises(AssertionError, match="the training went on"):
        resume(open_dataset(data), run)


def test_a_long_value_is_shortened(run, scenes, no_steps):
    settings = yaml.safe_load((run / "config.yaml").read_text())
    settings |= {"weights": "w" * 100_000, "k" * 1000: 1}
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(InputError, match=r"weights: 'www.*\.\.\. is now 'none'") as caught:
        resume(scenes, run)
    assert len(str(caught.value)) < 1000


ENVIRONMENTS = {
    "unlabelled is text": {"dataset": {"sha256": {}, "unlabelled": "x"}},
    "unlabelled is a list": {"dataset": {"sha256": {}, "unlabelled": [1]}},
    "dataset is text": {"dataset": "x"},
    "a list": [],
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_damaged_environment(environment, run, scenes, no_steps):
    (run / "environment.json").write_text(json.dumps(ENVIRONMENTS[environment]))
    with pytest.raises(InputError, match=rf"damaged.*{REMEDY}"):
        resume(scenes, run)


@pytest.mark.parametrize("has_model", [False, True])
def test_a_lost_loss_names_a_model_only_when_there_is_one(
    has_model, run, scenes, tmp_path, monkeypatch
):
    original = Batches.__getitem__

    def lost(self, batch):
        images, targets = original(self, batch)
        return images, {name: target * np.float32("nan") for name, target in targets.items()}

    monkeypatch.setattr(Batches, "__getitem__", lost)
    with pytest.raises(InputError, match="no longer finite.*--clip_norm 1") as caught:
        resume(scenes, run if has_model else tmp_path / "new")
    assert ("best.keras" in str(caught.value)) == has_model
