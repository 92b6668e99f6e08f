"""Exported files: the same model in another format, or not kept."""

import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import cv2
import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from localizer.errors import InputError
from localizer.export import FORMATS
from localizer.export.checking import Check
from localizer.export.exporting import export_model
from localizer.export.images import ExportImages
from localizer.export.metadata import open_source_model
from localizer.export.onnx_file import write_onnx
from localizer.images.boxes import iou_xyxy
from localizer.models.localizer_model import build_localizer, for_inference
from localizer.models.model_file import save_model_file
from localizer.models.two_looks import look_twice
from localizer.plugins import HEADS
from localizer.predictors.exported_file import is_exported, read_metadata
from localizer.predictors.keras_model import KerasModel
from localizer.predictors.litert_model import LitertModel
from localizer.predictors.loading import load_predictor
from localizer.predictors.onnx_model import OnnxModel
from localizer.predictors.saved_model import SavedModel
from localizer.recipe.config import TrainingConfig
from tests.export.voting_head import voting_head

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
DATASET = {"source": "oxford-pet", "target": "head", "sha256": {"samples.csv": "0" * 64}}
SIZE, STORED, CLASSES = 96, 112, ["cat", "dog", "007"]
PREDICTORS = {
    "litert": LitertModel,
    "litert-int8": LitertModel,
    "onnx": OnnxModel,
    "saved_model": SavedModel,
}


def blobs(count, seed, size=SIZE):
    """Smooth random images that reach from 0 to 255, uint8 [count, size, size, 3]."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    images = np.stack([cv2.resize(s, (size, size), interpolation=cv2.INTER_CUBIC) for s in small])
    images[:, 0, 0], images[:, 0, 1] = 0, 255
    return images


def small_model(folder, bias=0.0, looks=1, voting=False, **config):
    """An untrained model with classes, whose boxes depend on the image.

    Args:
        bias: of the boxes.
        voting: with the head of before, which divides at its end alone.
    """
    keras.utils.set_random_seed(0)
    with patch.dict(HEADS._own):
        if voting:
            HEADS.register("voting_before", voting_head)
            config["head"] = "voting_before"
        config = TrainingConfig(weights="none", image_size=SIZE, looks=1, **config)
        model = for_inference(build_localizer(config, class_count=len(CLASSES)))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
        elif isinstance(layer, keras.layers.Conv2D) and layer.filters in (1, 4):
            kernel, zeros = layer.get_weights()
            noise = np.random.default_rng(1).normal(0, 0.02, kernel.shape)
            layer.set_weights([noise, zeros + (bias if layer.filters == 4 else 0)])
    # Takes the statistics of these images; with the first ones, the signal dies on its way down.
    model(blobs(32, seed=3).astype(np.float32), training=True)
    if looks == 2:
        model = look_twice(model, SIZE)
    path = folder / "tiny.keras"
    description = {
        "target": "head",
        "image_size": SIZE,
        "stored_size": STORED,
        "classes": CLASSES,
        "dataset": DATASET,
        "commit": "c0ffee",
    }
    save_model_file(model, path, description)
    return open_source_model(path)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"), voting=True)


@pytest.fixture(scope="module")
def images(source):
    check = blobs(40, seed=1)
    truth = np.clip(source.model.predict(check, verbose=0)["box"], 0, 1)
    return ExportImages(blobs(20, seed=2), check, truth, "blobs", False)


@pytest.fixture(scope="module")
def exports(source, images, tmp_path_factory):
    """Every format's Export. The random net is no test of 8-bit accuracy: its truth is vague."""
    out = tmp_path_factory.mktemp("exports")
    vague = np.tile(np.float32([0.1, 0.1, 0.9, 0.9]), (len(images.check), 1))
    vague = replace(images, truth_rel_xyxy=vague)
    return {name: export_model(source, name, vague, out) for name in FORMATS}


def test_files_are_named_after_the_model_and_nothing_else_is_left(exports):
    out = exports["litert"].path.parent
    names = {"tiny.tflite", "tiny_int8.tflite", "tiny.onnx", "tiny_saved_model"}
    assert {path.name for path in out.iterdir()} == names


@pytest.mark.parametrize("name", ["litert", "onnx", "saved_model"])
def test_float_files_answer_photos_like_the_keras_model(name, source, exports):
    photos = [blobs(1, seed, size=200)[0][:150] for seed in range(5)]
    expected = KerasModel(source.file).predict(photos)
    predictor = load_predictor(str(exports[name].path), None)
    assert type(predictor) is PREDICTORS[name]
    got = predictor.predict(photos)
    assert np.ptp(expected.boxes_rel_xyxy, axis=0).max() > 0.01
    np.testing.assert_allclose(got.boxes_rel_xyxy, expected.boxes_rel_xyxy, atol=1e-4)
    np.testing.assert_allclose(got.scores, expected.scores, atol=1e-4)
    assert got.labels == expected.labels


def test_the_saved_model_takes_any_batch(source, images, exports):
    localize = tf.saved_model.load(str(exports["saved_model"].path)).signatures["serving_default"]
    expected = source.model.predict(images.check, verbose=0)
    for batch in (1, 7):
        got = localize(image=tf.constant(images.check[:batch], tf.float32))
        assert set(got) == {"box", "score", "class"}
        np.testing.assert_allclose(got["box"], expected["box"][:batch], atol=1e-4)


def dtypes_of(path, kinds):
    """The types of the outputs of some kinds of operations in a .tflite file."""
    interpreter = Interpreter(
        str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    dtypes = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    operations = interpreter._get_ops_details()
    return {dtypes[i] for op in operations if op["op_name"] in kinds for i in op["outputs"]}


def test_where_a_score_is_divided_the_end_is_in_float(exports):
    # In 8 bits a divisor can be 0, and LiteRT stops.
    path = exports["litert-int8"].path
    assert "float32 after" in exports["litert-int8"].arithmetic
    assert dtypes_of(path, ("CONV_2D", "DEPTHWISE_CONV_2D")) == {np.int8}
    assert dtypes_of(path, ("DIV", "SOFTMAX", "SUM")) == {np.float32}


def test_two_looks_of_the_recipes_head_are_not_integer_throughout(images, tmp_path):
    source = small_model(tmp_path, bias=[20, 20, 70, 70], head="recipe", looks=2)
    export = export_model(source, "litert-int8", images, tmp_path / "out")
    assert "float32 after" in export.arithmetic
    assert dtypes_of(export.path, ("GATHER", "FLOOR")) == {np.float32}


@pytest.fixture(scope="module")
def two_looks(images, tmp_path_factory):
    """Exports of a model that looks twice. What 8 bits make of a random net is no test, either."""
    folder = tmp_path_factory.mktemp("two")
    source = small_model(folder, looks=2, voting=True)
    vague = np.tile(np.float32([0.1, 0.1, 0.9, 0.9]), (len(images.check), 1))
    vague = replace(images, truth_rel_xyxy=vague)
    return {name: export_model(source, name, vague, folder / "out") for name in FORMATS}


def test_two_looks_are_one_graph_with_the_weights_of_one(two_looks, exports):
    for name in ("litert", "litert-int8", "onnx"):
        one, two = (files[name].path.stat().st_size for files in (exports, two_looks))
        assert one < two < 1.15 * one
    for name in ("litert", "onnx", "saved_model"):
        assert two_looks[name].check.difference < 1e-3


def test_onnx_keeps_the_sizes_of_features_that_do_not_halve(tmp_path):
    """At 112 pixels 3 x 3 cells become 7 x 7: ONNX rounds 3 times 7/3 in float32 down to 6."""
    keras.utils.set_random_seed(0)
    config = TrainingConfig(weights="none", image_size=112, looks=1)
    model = for_inference(build_localizer(config))
    write_onnx(model, tmp_path / "seven.onnx", {})
    image = np.random.default_rng(0).uniform(0, 255, (2, 112, 112, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "seven.onnx")
    (box,) = session.run(["box"], {"image": image})
    np.testing.assert_allclose(box, model(image)["box"], atol=1e-5)


def test_between_two_looks_nothing_is_rounded_to_8_bits(two_looks):
    path = two_looks["litert-int8"].path
    assert dtypes_of(path, ("CONV_2D", "DEPTHWISE_CONV_2D")) == {np.int8}
    assert dtypes_of(path, ("GATHER", "FLOOR", "DIV", "SUM")) == {np.float32}


def test_where_nothing_is_divided_the_graph_is_integer_throughout(images, tmp_path):
    source = small_model(tmp_path, bias=[20, 20, 70, 70], head="recipe")
    export = export_model(source, "litert-int8", images, tmp_path / "out")
    assert export.arithmetic == "8-bit integers throughout"
    interpreter = Interpreter(str(export.path))
    tensors = interpreter.get_tensor_details()
    assert not [t["name"] for t in tensors if t["dtype"] in (np.float32, np.float16)]
    (taken,) = interpreter.get_input_details()
    assert taken["dtype"] == np.uint8 and taken["quantization"] == (1.0, 0)
    got = LitertModel(export.path).run(images.check)
    expected = source.model.predict(images.check, verbose=0)
    assert set(got) == {"box", "class"}
    assert iou_xyxy(got["box"], expected["box"]).mean() > 0.95


@pytest.mark.parametrize("name", list(FORMATS))
def test_metadata_is_in_the_file(name, source, exports):
    metadata = read_metadata(exports[name].path)
    assert metadata["labels"] == CLASSES
    assert metadata["format"] == name
    assert (metadata["image_size"], metadata["stored_size"]) == (SIZE, STORED)
    assert metadata["commit"] == "c0ffee" and "CC BY-SA 4.0" in metadata["training_data"]
    assert metadata["parameters"] == source.model.count_params()
    assert ("uint8" in metadata["input"]) == (name == "litert-int8")
    assert metadata["source"]["sha256"] == hashlib.sha256(source.file.read_bytes()).hexdigest()


def test_labels_are_an_associated_file_of_the_tflite_file(exports):
    with zipfile.ZipFile(exports["litert"].path) as archive:
        assert archive.read("labels.txt").decode().splitlines() == CLASSES


def test_costs_come_from_the_keras_model(source, exports):
    expected = KerasModel(source.file)
    for name, predictor in PREDICTORS.items():
        got = predictor(exports[name].path)
        assert (got.cost.parameters, got.cost.macs) == (
            expected.cost.parameters,
            expected.cost.macs,
        )
        path = exports[name].path
        files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
        assert got.cost.file_bytes == sum(file.stat().st_size for file in files)
        assert got.trained_on == DATASET
        assert got.name == exports[name].path.name


def test_a_second_export_replaces_the_folder_of_the_first(source, images, tmp_path):
    first = export_model(source, "saved_model", images, tmp_path)
    (first.path / "left over").touch()
    assert export_model(source, "saved_model", images, tmp_path).path == first.path
    assert list(tmp_path.iterdir()) == [first.path]
    assert not (first.path / "left over").exists()


def test_is_exported(exports, tmp_path):
    assert all(is_exported(exports[name].path) for name in PREDICTORS)
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(b"TFL3" * 100)
    assert not is_exported(foreign)
    assert not is_exported(tmp_path / "missing.tflite") and not is_exported("model.keras")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.999])
@pytest.mark.parametrize("name", ["litert", "onnx"])
def test_truncated_files_are_refused(name, keep, exports, tmp_path):
    content = exports[name].path.read_bytes()
    path = tmp_path / exports[name].path.name
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(InputError, match=path.name):
        PREDICTORS[name](path)


@pytest.mark.parametrize("name", ["litert", "onnx"])
def test_a_flipped_weight_is_found(name, exports, tmp_path):
    content = bytearray(exports[name].path.read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / f"flipped{exports[name].path.suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="checksum"):
        PREDICTORS[name](path)


def rewritten(path, change, graph=b"", **options):
    """A .tflite file of `graph` with metadata that `change` makes of a good file's."""
    metadata = {
        "name": "x",
        "image_size": SIZE,
        "stored_size": STORED,
        "labels": [],
        "graph_bytes": len(graph),
        "graph_sha256": hashlib.sha256(graph).hexdigest(),
    }
    path.write_bytes(graph)
    with zipfile.ZipFile(path, "a", **options) as archive:
        archive.writestr("localizer.json", change(metadata))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda m: "not JSON",
        lambda m: "[]",
        lambda m: json.dumps(m | {"labels": None}),
        lambda m: json.dumps(m | {"image_size": 10**9}),
        lambda m: json.dumps({k: v for k, v in m.items() if k != "stored_size"}),
        lambda m: json.dumps(m),
    ],
)
def test_hostile_metadata_and_graphs_are_refused(change, tmp_path):
    with pytest.raises(InputError, match="hostile.tflite"):
        LitertModel(rewritten(tmp_path / "hostile.tflite", change, graph=b"\x1c\0\0\0TFL3" * 50))


def test_a_zip_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.tflite"
    bomb = rewritten(path, lambda m: " " * 5_000_000, b"x", compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="too large"):
        read_metadata(bomb)


def test_metadata_of_another_model_is_refused(exports, tmp_path):
    content = exports["litert"].path.read_bytes()
    size = read_metadata(exports["litert"].path)["graph_bytes"]
    path = rewritten(
        tmp_path / "other.tflite", lambda m: json.dumps(m | {"image_size": 128}), content[:size]
    )
    with pytest.raises(InputError, match="does not belong"):
        LitertModel(path)


def test_a_model_with_a_lambda_layer_is_refused(tmp_path):
    inputs = keras.Input((SIZE, SIZE, 3))
    outputs = keras.layers.Lambda(lambda x: x[:, 0, 0, :1])(inputs)
    path = tmp_path / "lambda.keras"
    description = {"target": "head", "image_size": SIZE, "stored_size": STORED}
    save_model_file(keras.Model(inputs, {"box": outputs}), path, description)
    with pytest.raises(InputError, match="lambda.keras.*ambda"):
        open_source_model(path)


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("ai_edge_litert", "litert_model import LitertModel; LitertModel(sys.argv[1])"),
        ("onnxruntime", "onnx_model import OnnxModel; OnnxModel(sys.argv[2])"),
    ],
)
def test_missing_packages_are_named(package, call, exports):
    code = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] == '{package}': raise ImportError('hidden')\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from localizer.commands.command_line import run_script\n"
        "def main():\n"
        f"    from localizer.predictors.{call}\n"
        "run_script(main)\n"
    )
    command = [sys.executable, "-c", code, exports["litert"].path, exports["onnx"].path]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 2, done.stderr
    assert package in done.stderr and "pip install -r requirements-export.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_on_foreign_images_only_a_loss_beyond_chance_counts():
    check = Check(20, 0.9, 0.5, 0.1, drop=0.02, drop_ci95=[-0.01, 0.05], file_bytes=1)
    assert "loses 0.0200" in check.failure(integer=True)
    assert check.failure(integer=True, foreign=True) == ""
    sure = replace(check, drop_ci95=[0.015, 0.05])
    assert "loses 0.0200" in sure.failure(integer=True, foreign=True)
