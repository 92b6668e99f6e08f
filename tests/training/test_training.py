"""Training: reproducible, resumable, stops when it should."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import yaml

from localizer.dataset.dataset import BOX_COLUMNS, open_dataset
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.images.resizing import resample
from localizer.models.localizer_model import build_localizer, inner_network
from localizer.models.model_file import load_model_file
from localizer.predictors.keras_model import KerasModel
from localizer.recipe.config import TrainingConfig
from localizer.recipe.resolve import settle
from localizer.sources.opening import open_source
from localizer.training.parts import prepare
from localizer.training.scoring import score_split
from localizer.training.training import train
from localizer.training.views.batches import Batches

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
SMALL = TrainingConfig(
    image_size=96,
    looks=2,
    look_size=96,
    weights="none",
    epochs=3,
    batch_size=32,
    optimizer="adamw",
    weight_decay=0.01,
    ema_momentum=0.9,
    class_output="supercategory",
    clip_norm=10.0,
)


def weights_of(run):
    return load_model_file(run / "best.keras")[0].get_weights()


def history_of(run):
    return pd.read_csv(run / "history.csv").drop(columns="seconds")


@pytest.fixture(scope="module")
def whole_run(synthetic_dataset, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(synthetic_dataset, SMALL, run, tensorboard=True, progress=False)
    return run


def test_a_run_folder_explains_itself(whole_run, synthetic_dataset):
    assert {p.name for p in whole_run.iterdir()} >= {
        "config.yaml",
        "environment.json",
        "history.csv",
        "best.keras",
        "metrics.json",
        "curves.png",
        "tensorboard",
        "resume.npz",
    }
    environment = json.loads((whole_run / "environment.json").read_text())
    assert environment["dataset"]["sha256"] == synthetic_dataset.description["sha256"]
    _, description = load_model_file(whole_run / "best.keras")
    assert description["commit"] == environment["commit"]
    assert len(history_of(whole_run)) == 3
    # What two looks find is what counts; the first look alone is on record, too.
    assert {"val_iou", "val_first_look_iou", "val_class_accuracy"} <= set(history_of(whole_run))
    metrics = json.loads((whole_run / "metrics.json").read_text())
    assert metrics["n"] == len(synthetic_dataset.indices("validation"))
    assert metrics["mean_iou"] == pytest.approx(history_of(whole_run)["val_iou"].max(), abs=1e-5)


def test_the_class_accuracy_is_that_of_the_split_and_of_both_looks(
    whole_run, synthetic_dataset, tmp_path
):
    run, config = shutil.copytree(whole_run, tmp_path / "run"), settle(SMALL, synthetic_dataset)
    model, said = load_model_file(run / "best.keras")
    for split in ("validation", "test"):
        found = score_split(run, synthetic_dataset, config, split)["class_accuracy"]
        rows = synthetic_dataset.indices(split)
        photos = [resample(synthetic_dataset.images[row], config.image_size) for row in rows]
        answers = model.predict(np.stack(photos).astype("float32"), verbose=0)["class"]
        named = [said["classes"][answer] for answer in answers.argmax(axis=1)]
        truth = synthetic_dataset.samples[said["class_column"]].to_numpy()[rows]
        assert found == pytest.approx(np.mean(named == truth))
        before = json.loads((run / "metrics.json").read_text())["class_accuracy"]
        assert split == "test" or found == before


def test_two_runs_with_one_seed_are_identical_and_another_seed_is_not(
    whole_run, synthetic_dataset, tmp_path
):
    train(synthetic_dataset, replace(SMALL, workers=1), tmp_path / "again", progress=False)
    pd.testing.assert_frame_equal(history_of(whole_run), history_of(tmp_path / "again"))
    for one, other in zip(weights_of(whole_run), weights_of(tmp_path / "again")):
        np.testing.assert_array_equal(one, other)
    train(synthetic_dataset, replace(SMALL, seed=1, epochs=1), tmp_path / "other", progress=False)
    assert history_of(tmp_path / "other")["loss"][0] != history_of(whole_run)["loss"][0]


KILLED = """
import os, signal, sys
from localizer.training.views.batches import Batches
from localizer.dataset.dataset import open_dataset
from localizer.training.training import train
from tests.training.test_training import SMALL

original = Batches.__getitem__

def killed_in_the_second_epoch(self, batch):
    if self.epoch == 1 and batch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, batch)

Batches.__getitem__ = killed_in_the_second_epoch
train(open_dataset(sys.argv[1]), SMALL, sys.argv[2], progress=False)
"""


def run_python(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=900,
    )


def test_a_killed_run_goes_on_bit_for_bit(whole_run, synthetic_dataset, tmp_path):
    run = tmp_path / "killed"
    assert run_python(KILLED, synthetic_dataset.path, run).returncode == -signal.SIGKILL
    assert len(history_of(run)) == 1
    train(synthetic_dataset, SMALL, run, resume=True, progress=False)
    pd.testing.assert_frame_equal(history_of(whole_run), history_of(run))
    for one, other in zip(weights_of(whole_run), weights_of(run)):
        np.testing.assert_array_equal(one, other)


def test_resuming_with_other_settings_names_the_difference(whole_run, synthetic_dataset):
    with pytest.raises(InputError, match="batch_size: 32 is now 16\nGo on with the settings"):
        train(synthetic_dataset, replace(SMALL, batch_size=16), whole_run, resume=True)
    with pytest.raises(InputError, match="--resume goes on with it, --overwrite starts it anew"):
        train(synthetic_dataset, SMALL, whole_run)


def test_resuming_for_more_epochs_says_what_trains_longer(whole_run, synthetic_dataset):
    longer = replace(SMALL, epochs=SMALL.epochs + 3, batch_size=16)
    with pytest.raises(InputError) as error:
        train(synthetic_dataset, longer, whole_run, resume=True)
    best = whole_run / "best.keras"
    said = str(error.value)
    assert f"epochs: {SMALL.epochs} is now {longer.epochs}" in said and "batch_size" in said
    command = f"--run NEW --weights {best} --epochs {longer.epochs}"
    assert f"a new run that begins with this one's weights: {command} (and" in said
    with pytest.raises(InputError, match="Go on with the settings as they were"):
        train(synthetic_dataset, replace(SMALL, epochs=1), whole_run, resume=True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", b""),
        ("config.yaml", b"- 1"),
        ("config.yaml", b"a: [\xff"),
        ("environment.json", b"{"),
        ("environment.json", b"{}"),
        ("resume.npz", b""),
    ],
)
def test_a_damaged_run_is_not_resumed(name, content, whole_run, synthetic_dataset, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole_run, run)
    (run / name).write_bytes(content)
    with pytest.raises(InputError, match=r"damaged.*start anew with --overwrite"):
        train(synthetic_dataset, SMALL, run, resume=True, progress=False)


def test_a_foreign_folder_is_left_alone(synthetic_dataset, tmp_path):
    (tmp_path / "metrics.json").write_text("precious")
    with pytest.raises(InputError, match="no run folder"):
        train(synthetic_dataset, SMALL, tmp_path, overwrite=True, progress=False)
    assert (tmp_path / "metrics.json").read_text() == "precious"


def test_weights_of_a_trained_model_are_taken(whole_run, capsys):
    config = replace(SMALL, weights=str(whole_run / "best.keras"), class_output="none")
    trained, _ = load_model_file(whole_run / "best.keras")
    network = trained.get_layer("localizer")
    model = build_localizer(config)
    for name in ("conv1", "conv_pw_13_bn", "x_bins"):
        for one, other in zip(model.get_layer(name).weights, network.get_layer(name).weights):
            np.testing.assert_array_equal(one, other)
    assert capsys.readouterr().err == ""
    wider = build_localizer(replace(config, head_width=56))
    others = {layer.name for layer in wider.layers if layer.weights} - {
        layer.name for layer in network.layers if layer.name.startswith("conv")
    }
    assert f"for {len(others)} of " in capsys.readouterr().err
    with pytest.raises(InputError, match="no layer of it fits"):
        build_localizer(replace(config, alpha=0.5, head="recipe"))


def test_a_finished_run_is_not_trained_again(whole_run, synthetic_dataset):
    before = (whole_run / "resume.npz").read_bytes()
    train(synthetic_dataset, SMALL, whole_run, resume=True, progress=False)
    assert (whole_run / "resume.npz").read_bytes() == before


def test_early_stopping(synthetic_dataset, tmp_path):
    # A learning rate this small cannot improve anything, so the first epoch stays the best.
    config = replace(
        SMALL,
        epochs=20,
        early_stopping=2,
        learning_rate=1e-30,
        schedule="constant",
        ema_momentum=0.0,
        class_output="none",
        bn_momentum=0.5,
        head="recipe",
    )
    metrics = train(synthetic_dataset, config, tmp_path / "run", progress=False)
    history = history_of(tmp_path / "run")
    best = history["val_iou"].idxmax()
    assert len(history) == best + 1 + 2 < 20
    assert metrics["best_epoch"] == best + 1


def test_a_lost_loss_aborts_with_advice(synthetic_dataset, tmp_path):
    config = replace(
        SMALL, learning_rate=1e30, optimizer="adam", clip_norm=0.0, warmup_epochs=0.0, head="recipe"
    )
    with pytest.raises(InputError, match="no longer finite.*--learning_rate"):
        train(synthetic_dataset, config, tmp_path / "run", progress=False)


@pytest.mark.parametrize(("given", "momentum"), [(0.1, 0.1), (0.75, 2 / 11)])
def test_averaged_weights_are_the_ones_that_are_kept(given, momentum, synthetic_dataset, tmp_path):
    """With momentum m the average after two steps is m * first + (1 - m) * second.

    The momentum of step 1, the second, is (1 + 1) / (10 + 1) at most.
    """
    config = replace(
        SMALL, epochs=1, batch_size=96, ema_momentum=given, augment=False, head="recipe"
    )
    train(synthetic_dataset, config, tmp_path / "averaged", progress=False)
    kept = inner_network(load_model_file(tmp_path / "averaged" / "best.keras")[0])
    parts = prepare(synthetic_dataset, settle(replace(config, ema_momentum=0.0), synthetic_dataset))
    parts.training.start_epoch(0)
    assert len(parts.training) == 2
    first, second = (_weights_after(parts, step) for step in range(2))
    apart = [np.abs(a - b).max() for a, b in zip(first, second)]
    assert max(apart) > 1e-3
    for weights, a, b in zip(kept.trainable_variables, first, second, strict=True):
        np.testing.assert_allclose(weights, momentum * a + (1 - momentum) * b, atol=1e-5)


def _weights_after(parts, step):
    parts.model.train_on_batch(*parts.training[step])
    return [np.array(variable) for variable in parts.model.trainable_variables]


def test_half_of_the_views_of_two_looks_are_close_ups(synthetic_dataset):
    """Without augmentation a view is the whole photo, or a close-up, in which the box is large.

    Both are cut from what the model takes in, 112 of the 160 pixels that are stored.
    """
    config = replace(SMALL, augment=False, image_size=112)
    rows = synthetic_dataset.indices("train")
    batches = Batches(synthetic_dataset, rows, config, training=True)
    places = {tuple(synthetic_dataset.boxes_rel_xyxy[row]): row for row in rows}
    near = whole = 0
    for epoch in range(3):
        batches.start_epoch(epoch)
        for images, targets in (batches[i] for i in range(len(batches))):
            for image, box in zip(images, targets["box"]):
                if tuple(box) not in places:
                    near += 1
                    assert np.prod(box[2:] - box[:2]) > 0.1
                    continue
                whole += 1
                taken_in = resample(synthetic_dataset.images[places[tuple(box)]], 112)
                np.testing.assert_array_equal(image, resample(taken_in, SMALL.look_size))
    # Of a box that nearly fills the photo, the whole photo is the close-up.
    assert 0.3 < near / (near + whole) < 0.6


def test_validation_shows_the_network_what_its_first_look_sees(synthetic_dataset):
    """Of the 160 pixels that are stored the model takes in 112, of which a look has 96."""
    config = replace(SMALL, image_size=112)
    rows = synthetic_dataset.indices("validation")
    views, photos = (
        Batches(synthetic_dataset, rows, config, whole=whole)[0][0] for whole in (False, True)
    )
    first_looks = keras.ops.image.resize(photos.astype("float32"), (96, 96))
    # The graph does not round to whole grey levels.
    np.testing.assert_allclose(views, first_looks, atol=1.0)


def test_looks_are_no_larger_than_the_input(synthetic_dataset):
    config = replace(TrainingConfig(), looks=2, weights="none", image_size=96)
    config = settle(config, synthetic_dataset)
    assert config.view_size == 96
    assert prepare(synthetic_dataset, config).model.input.shape[1] == 96


def test_the_kept_model_scores_photos_as_validation_did(whole_run, synthetic_dataset):
    predictor = KerasModel(whole_run)
    rows = synthetic_dataset.indices("validation")[:8]
    photos = [synthetic_dataset.read_photo(row) for row in rows]
    answer = predictor.predict(photos)
    model, _ = load_model_file(whole_run / "best.keras")
    images, _ = Batches(synthetic_dataset, rows, SMALL, whole=True)[0]
    # Three epochs from scratch: edges may be crossed, which a predictor puts in order.
    edges = np.clip(keras.ops.convert_to_numpy(model(images)["box"]), 0, 1).reshape(-1, 2, 2)
    expected = np.sort(edges, axis=1).reshape(-1, 4)
    np.testing.assert_allclose(answer.boxes_rel_xyxy, expected, atol=1e-4)
    assert set(answer.labels) <= set(synthetic_dataset.classes("supercategory"))


@pytest.fixture(scope="module")
def with_unlabelled(synthetic_dataset, tmp_path_factory):
    """A copy of the drawn scenes that holds 40 more, other ones, in unlabelled/."""
    path = tmp_path_factory.mktemp("data") / "both"
    shutil.copytree(synthetic_dataset.path, path)
    read, _ = open_source("synthetic", None, "head", count=40, seed=5, workers=1)
    settings = GenerationSettings(
        "synthetic", "head", None, fractions=(1.0, 0.0, 0.0), seed=5, find_duplicates=False
    )
    generate_dataset(read, settings, path / "unlabelled", progress=False)
    return open_dataset(path)


def test_unlabelled_photos_are_trained_on_with_their_own_boxes(with_unlabelled):
    config = replace(SMALL, augment=False, looks=1, image_size=160, batch_size=8)
    rows = with_unlabelled.indices("train")
    added = with_unlabelled.unlabelled
    batches = Batches(with_unlabelled, rows, config, training=True, unlabelled=added)
    expected = {
        dataset.images[row].tobytes(): dataset.boxes_rel_xyxy[row].tobytes()
        for dataset, chosen in ((with_unlabelled, rows), (added, range(40)))
        for row in chosen
    }
    batches.start_epoch(0)
    seen = {
        image.tobytes(): box.tobytes()
        for images, targets in (batches[i] for i in range(len(batches)))
        for image, box in zip(images, targets["box"])
    }
    assert len(seen) == 8 * ((len(rows) + 40) // 8)
    assert seen.items() <= expected.items()


def test_unlabelled_photos_without_a_known_class_train_the_box_alone(with_unlabelled):
    added = with_unlabelled.unlabelled
    added = replace(
        added, samples=added.samples.assign(supercategory=["cat", "", "okapi", "dog"] * 10)
    )
    batches = Batches(
        with_unlabelled, np.arange(10), SMALL, ("box", "class"), ["cat", "dog"], unlabelled=added
    )
    assert len(batches.samples) == 10 + 40
    classes = np.concatenate([batches[i][1]["class"] for i in range(len(batches))])
    names = batches.samples["supercategory"].to_numpy()
    np.testing.assert_array_equal(classes, names[:, None] == np.array(["cat", "dog"]))


def test_auto_is_the_finest_class_that_all_annotated_photos_have(synthetic_dataset, tmp_path):
    config = replace(SMALL, epochs=1, head="recipe", class_output="auto")
    for columns, expected in (
        ({}, "category"),
        ({"category": "", "supercategory": "cat"}, "none"),
        ({"category": ""}, "supercategory"),
    ):
        dataset = replace(synthetic_dataset, samples=synthetic_dataset.samples.assign(**columns))
        assert settle(config, dataset).class_output == expected
    train(dataset, config, tmp_path / "run", progress=False)
    settings = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert settings["class_output"] == "auto"
    _, description = load_model_file(tmp_path / "run" / "best.keras")
    assert description["config"]["class_output"] == "supercategory"
    assert description["classes"] == dataset.classes("supercategory")


def test_auto_looks_once_where_objects_fill_their_photos(synthetic_dataset):
    auto = replace(SMALL, looks="auto", image_size=128)
    assert settle(auto, synthetic_dataset).looks == 2
    samples = synthetic_dataset.samples.copy()
    samples.loc[samples["split"] == "train", BOX_COLUMNS] = [0.1, 0.1, 0.9, 0.9]
    filled = replace(synthetic_dataset, samples=samples)
    assert settle(auto, filled).looks == 1 and settle(SMALL, filled).looks == 2
    parts = prepare(filled, settle(auto, filled))
    assert parts.training[0][0].shape[1:3] == (128, 128)
    np.testing.assert_array_equal(parts.validation[0][0], parts.photos[0][0])


def test_a_run_says_whether_it_used_unlabelled_photos(with_unlabelled, tmp_path):
    config = replace(SMALL, epochs=1, head="recipe")
    train(with_unlabelled, config, tmp_path / "with", progress=False)
    environment = json.loads((tmp_path / "with" / "environment.json").read_text())
    assert environment["dataset"]["unlabelled"]["counts"]["used"] == 40
    without = replace(config, unlabelled=False)
    train(with_unlabelled, without, tmp_path / "without", progress=False)
    assert len(history_of(tmp_path / "with")) == len(history_of(tmp_path / "without")) == 1
    assert history_of(tmp_path / "with")["loss"][0] != history_of(tmp_path / "without")["loss"][0]
    copy = tmp_path / "copy"
    shutil.copytree(with_unlabelled.path, copy)
    shutil.rmtree(copy / "unlabelled")
    settings = tmp_path / "with" / "config.yaml"
    settings.write_text(settings.read_text().replace(str(with_unlabelled.path), str(copy)))
    with pytest.raises(InputError, match="other images or boxes"):
        train(open_dataset(copy), config, tmp_path / "with", resume=True, progress=False)


def test_incomplete_last_batch_is_left_out_of_training_only(synthetic_dataset):
    rows = np.arange(70)
    assert len(Batches(synthetic_dataset, rows, SMALL, training=True)) == 2
    validation = Batches(synthetic_dataset, rows, SMALL)
    assert [len(validation[i][0]) for i in range(len(validation))] == [32, 32, 6]
