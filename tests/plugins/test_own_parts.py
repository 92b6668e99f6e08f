"""The examples of docs/own_parts.md, through the commands, and parts that do something wrong."""

import json
import sys

import cv2
import keras
import numpy as np
import pytest

from localizer.commands import evaluate, generate, train
from localizer.commands.command_line import load_plugins
from localizer.dataset.dataset import open_dataset
from localizer.errors import InputError
from localizer.models.localizer_model import build_localizer, for_inference
from localizer.models.model_file import load_model_file, save_model_file
from localizer.plugins import BACKBONES, BOX_LOSSES, HEADS, PREDICTORS, SOURCES, plugin_file
from localizer.predictors.loading import at_any_folder, load_predictor
from localizer.predictors.predictor import Predictor
from localizer.recipe.config import TrainingConfig
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.opening import open_source
from localizer.training.losses import build_losses

SMALL = ["--epochs", "1", "--batch-size", "8", "--image-size", "96", "--alpha", "0.25"]


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Run a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(command, *words):
        name = command.__name__.rpartition(".")[2]
        monkeypatch.setattr(sys, "argv", [f"localizer {name}", *map(str, words)])
        load_plugins(sys.argv[1:])
        command.main()

    return run


@pytest.fixture
def photos(tmp_path):
    """24 photos of a bright rectangle, and boxes.json with where it is."""
    folder, boxes = tmp_path / "photos", {}
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(24):
        pixels = generator.integers(0, 90, (64, 64, 3), dtype=np.uint8)
        x, y = generator.integers(2, 30, 2)
        pixels[y : y + 24, x : x + 28] = 250
        cv2.imwrite(str(folder / f"{number:02d}.png"), pixels)
        boxes[f"{number:02d}.png"] = [x / 64, y / 64, (x + 28) / 64, (y + 24) / 64]
    boxes["00.png"] = [0.5, 0.5, 0.5, 0.5]
    (folder / "boxes.json").write_text(json.dumps(boxes))
    return folder


@pytest.fixture
def dataset(call, example, photos):
    """data/ of the photos, by the source of docs/own_parts.md."""
    words = ["--source", "one-json", "--root", photos, "--target", "bright", "--out", "data"]
    split = ["--image-size", "96", "--fractions", "0.5", "0.5", "0", "--near-duplicates", "keep"]
    call(generate, "--plugin", example("source.py"), *words, *split)
    return open_dataset("data")


def test_a_source_is_generated_and_a_predictor_evaluated(call, dataset, example, capsys):
    assert len(dataset.samples) == 23 and dataset.description["source"] == "one-json"
    assert "the box is empty" in (dataset.path / "skipped.csv").read_text()
    words = ["--data", "data", "--out", "report", "--models", "middle:0.8"]
    call(evaluate, "--plugin", example("predictor.py"), *words)
    assert "middle 0.8" in capsys.readouterr().out


def test_head_backbone_and_loss_train_and_are_noted(call, dataset, example):
    plugins = [w for n in ("head", "backbone", "loss") for w in ("--plugin", example(f"{n}.py"))]
    parts = ["--head", "corners", "--backbone", "plain", "--box-loss", "worst_edge"]
    run = ["--data", "data", "--run", "run"]
    call(train, *plugins, *run, *parts, *SMALL, "--weights", "none", "--looks", "2")
    noted = json.loads((dataset.path.parent / "run/environment.json").read_text())["own_parts"]
    assert {field: part["file"] for field, part in noted.items()} == {
        "head": "head.py",
        "backbone": "backbone.py",
        "box_loss": "loss.py",
    }
    # Without the files nobody knows the names; with a changed one it would be another training.
    for registry in (BACKBONES, BOX_LOSSES, HEADS):
        registry._own.clear()
    plugin_file._loaded.clear()
    with pytest.raises(InputError, match=r"config\.yaml, line \d+: .*, or one of a --plugin FILE"):
        call(train, *run, "--resume")
    plugins[1].write_text(plugins[1].read_text() + "\n# Changed.\n")
    with pytest.raises(InputError, match=r"head corners: head\.py has other content"):
        call(train, *plugins, *run, "--resume")
    # The layers are Keras' own, so that the model needs no file.
    predictor = load_predictor("run", dataset)
    assert np.isfinite(predictor.predict([np.zeros((50, 70, 3), np.uint8)]).boxes_rel_xyxy).all()


def built(**parts):
    config = TrainingConfig(weights="none", looks=1, image_size=96, **parts)
    return build_localizer(config, class_count=2)


def box_of(features):
    return keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(features[32]))


WRONG_HEADS = {
    "raises": (lambda f, c, n: f[64], r"test_own_parts\.py, line \d+: head raises: KeyError"),
    "no-dict": (lambda f, c, n: f[32], "gives a KerasTensor, and a dict"),
    "no-box": (lambda f, c, n: {"boxes": box_of(f)}, "gives no 'box'; it gives boxes"),
    "no-class": (lambda f, c, n: {"box": box_of(f)}, "gives no 'class'"),
    "shape": (
        lambda f, c, n: {"box": box_of(f), "class": box_of(f)},
        r"its 'class' is \[n, 4\], and \[n, 2\] is needed",
    ),
    "lambda": (
        lambda f, c, n: {
            "box": keras.layers.Lambda(lambda x: x)(box_of(f)),
            "class": box_of(f)[:, :2],
        },
        "could not be read again from its file",
    ),
}


@pytest.mark.parametrize("name", WRONG_HEADS)
def test_a_wrong_head_is_refused_with_what_is_wrong(name):
    head, message = WRONG_HEADS[name]
    HEADS.register(name, head)
    with pytest.raises(InputError, match=message):
        built(head=name)


def test_a_wrong_backbone_is_refused_with_what_is_wrong():
    def nested(size, alpha, weights):
        image = keras.Input((size, size, 3))
        inner = keras.applications.MobileNet(
            (size, size, 3), alpha, include_top=False, weights=None
        )
        x = inner(image)
        return keras.Model(image, {8: x, 16: x, 32: x})

    def other_size(size, alpha, weights):
        image = keras.Input((64, 64, 3))
        return keras.Model(image, {8: image, 16: image, 32: image})

    def no_stride(size, alpha, weights):
        image = keras.Input((size, size, 3))
        return keras.Model(image, {8: image, 16: image})

    cases = {
        nested: "has a model inside",
        other_size: r"images of \(None, 96, 96, 3\) come in",
        no_stride: "its output is a dict of 8, 16, and a dict of features by stride is needed",
        (lambda *_: 3): "gives a int, and a keras.Model is needed",
    }
    for number, (part, message) in enumerate(cases.items()):
        BACKBONES.register(f"wrong{number}", part)
        with pytest.raises(InputError, match=message):
            built(backbone=f"wrong{number}")


def test_a_loss_that_raises_or_compares_what_is_not_there_is_refused():
    boxes = np.float32([[0.1, 0.1, 0.5, 0.5]])

    class Stretched(keras.losses.Loss):
        def __init__(self, factor):
            super().__init__()
            self._factor = factor

        @classmethod
        def from_recipe(cls, config):
            return cls(config.epochs)

        def call(self, true, predicted):
            return keras.ops.sum(keras.ops.abs(true - predicted), axis=-1) * self._factor

    BOX_LOSSES.register("stretched", Stretched)
    config = TrainingConfig(box_loss="stretched", epochs=3, class_output="none")
    losses, _ = build_losses(config, ("box",))
    assert float(losses["box"](boxes, boxes + 0.1)) == pytest.approx(1.2, rel=1e-4)
    BOX_LOSSES.register("broken", lambda true, predicted: true - predicted[:, 7])
    losses, _ = build_losses(TrainingConfig(box_loss="broken", class_output="none"), ("box",))
    with pytest.raises(InputError, match=r"test_own_parts\.py, line \d+: box loss broken: "):
        losses["box"](boxes, boxes)
    with pytest.raises(InputError, match="compares the output 'coordinates', which head simcc"):
        build_losses(TrainingConfig(box_loss="mse", class_output="none"), ("box",))


def test_a_layer_of_ones_own_is_in_the_file_and_its_code_is_not(tmp_path):
    @keras.saving.register_keras_serializable("mine")
    class Halved(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    HEADS.register(
        "halved", lambda f, c, n: {"box": Halved()(box_of(f)), "class": box_of(f)[:, :2]}
    )
    path = tmp_path / "halved.keras"
    description = {"target": "head", "image_size": 96, "stored_size": 96, "classes": ["a", "b"]}
    save_model_file(for_inference(built(head="halved")), path, description | {"dataset": None})
    assert load_model_file(path)[0].output["box"].shape == (None, 4)
    del keras.saving.get_custom_objects()["mine>Halved"]
    with pytest.raises(InputError, match=r"has mine>Halved in it, .* with --plugin FILE\.py"):
        load_model_file(path)


def test_a_source_that_yields_something_else_is_refused(tmp_path):
    def raising(root, target):
        yield AnnotatedImage("a.jpg", (0, 0, 1, 1))
        raise KeyError("b")

    cases = {
        "raising": (raising, r"test_own_parts\.py, line \d+: source raising: KeyError: 'b'"),
        "rows": (
            lambda root, target: [("a.jpg", 0, 0, 1, 1)],
            "AnnotatedImage or Skipped is needed",
        ),
        "none": (lambda root, target: None, "source none: TypeError"),
        "no-box": (lambda root, target: [AnnotatedImage("a.jpg", None)], "four numbers are needed"),
        "nothing": (lambda root, target: [None], "yields None"),
    }
    for name, (part, message) in cases.items():
        SOURCES.register(name, part)
        read, root = open_source(name, tmp_path, "object")
        with pytest.raises(InputError, match=message):
            list(read(root))
    with pytest.raises(InputError, match="--source rows needs --root"):
        open_source("rows", None, "object")


def test_a_predictor_is_made_with_the_text_and_its_answers_are_checked(example):
    load_plugins(["--plugin", str(example("predictor.py"))])
    model = "middle:0.5"
    predictor = load_predictor(model, None)
    assert (predictor.name, predictor.trained_on, predictor.cost.macs) == ("middle 0.5", None, None)
    photos = [np.zeros((4, 5, 3), np.uint8)] * 2
    assert predictor.predict(photos).boxes_rel_xyxy.tolist() == [[0.25, 0.25, 0.75, 0.75]] * 2
    assert load_predictor("flip:" + model, None).name == "flip:middle 0.5"
    assert at_any_folder("flip:" + model) == "flip:" + model
    with pytest.raises(InputError, match=r"predictor\.py, line \d+: predictor middle: ValueError"):
        load_predictor("middle:wide", None)
    made = type(
        "Wrong",
        (Predictor,),
        {"name": "wrong", "predict": lambda self, photos: predictor.predict(photos[:1])},
    )
    PREDICTORS.register("wrong", lambda text: made())
    with pytest.raises(InputError, match=r"for 2 photos gives boxes \[1, 4\]"):
        load_predictor("wrong:", None).predict(photos)
    PREDICTORS.register("number", lambda text: 3)
    with pytest.raises(InputError, match=r"gives a int, which has not .*Predictor as its base"):
        load_predictor("number:", None)
