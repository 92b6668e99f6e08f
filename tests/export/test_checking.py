"""The check of exported files, and the shipped model through it in 8 bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from localizer.dataset.identity import identity
from localizer.errors import InputError
from localizer.export.checking import compare
from localizer.export.compacting import compact
from localizer.export.exporting import export_model
from localizer.export.images import find_images
from localizer.export.litert import convert_float, operations_of
from localizer.export.metadata import open_source_model
from localizer.images.boxes import iou_xyxy
from localizer.images.resizing import resample
from localizer.predictors.litert_model import LitertModel

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
BOXES_REL_XYXY = np.float32([[0.1, 0.2, 0.4, 0.5], [0.3, 0.3, 0.6, 0.6]])


def check_of(shift, score=0.0):
    """The check of a model whose boxes are the Keras model's, which are the truth, moved."""
    reference = {"box": BOXES_REL_XYXY, "score": np.float32([0.5, 0.9])}
    outputs = {"box": BOXES_REL_XYXY + np.float32(shift), "score": reference["score"] + score}
    return compare(outputs, reference, BOXES_REL_XYXY, file_bytes=1)


def test_float_bar():
    assert check_of(0).failure(integer=False) == ""
    assert check_of(0.5e-4).failure(integer=False) == ""
    assert "differs" in check_of(2e-4).failure(integer=False)
    assert "differs" in check_of(0, score=2e-4).failure(integer=False)
    assert check_of(5e-4).failure(integer=False, looks=2) == ""
    assert "differs" in check_of(2e-3).failure(integer=False, looks=2)


def test_integer_bar():
    # A square of side 0.3 moved by d along both axes has IoU (0.3 - d)^2 / (0.18 - (0.3 - d)^2).
    moved = check_of(0.03)
    by_hand = 0.27**2 / (0.18 - 0.27**2)
    assert moved.mean_iou == pytest.approx(by_hand, abs=1e-5)
    assert moved.drop == pytest.approx(1 - by_hand, abs=1e-5)
    assert "mean IoU" in moved.failure(integer=True)
    assert check_of(2e-4, score=0.3).failure(integer=True) == ""
    assert "finite" in check_of(np.nan).failure(integer=True)


@pytest.fixture(scope="module")
def shipped():
    return open_source_model(PROJECT / "models" / "pet_head.keras")


def test_the_page_names_the_operations_of_the_8_bit_file(shipped):
    page = (PROJECT / "docs" / "deployment.md").read_text(encoding="utf-8")
    page = page.partition("## Microcontrollers")[2].partition("\n## ")[0]
    named = {word for line in page.split("\n") if line.startswith("    ") for word in line.split()}
    two, one = (
        set(operations_of((PROJECT / "models" / name).read_bytes()))
        for name in ("pet_head_int8.tflite", "pet_body_int8.tflite")
    )
    assert named == two
    without = page.partition("needs no ")[2].partition(".")[0].replace(" and ", ", ")
    assert {word.strip() for word in without.split(",")} == two - one


def test_without_data_the_models_own_dataset_is_found_by_its_checksums(
    shipped, synthetic_dataset, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "of-the-model").symlink_to(synthetic_dataset.path)
    assert find_images(shipped).dataset == ""
    trained_on = {"sha256": synthetic_dataset.description["sha256"]}
    own = replace(shipped, description=shipped.description | {"dataset": trained_on})
    images = find_images(own)
    assert images.dataset == synthetic_dataset.name and not images.foreign
    assert len(images.check) == len(synthetic_dataset.indices("validation"))
    # As models know it that were trained before two columns were renamed.
    former = {"sha256": identity(trained_on["sha256"])}
    assert former != trained_on
    own = replace(shipped, description=shipped.description | {"dataset": former})
    images = find_images(own)
    assert images.dataset == synthetic_dataset.name and not images.foreign


def test_the_script_exports_the_shipped_model_wherever_it_is_called(run_script, tmp_path):
    """Two looks of 112 pixels in 128, whose features do not halve; checked on drawn scenes."""
    done = run_script("export_model.py", "--formats", "litert", "onnx")
    assert done.returncode == 0, done.stderr
    assert "drawn scenes" in done.stdout
    made = {path.name for path in (tmp_path / "exports").iterdir()}
    assert made == {"pet_head.tflite", "pet_head.onnx"}


def images_of(source, dataset):
    images = find_images(source, dataset.path)
    return replace(images, calibration=images.calibration[:30])


def test_the_8_bit_file_takes_a_photos_bytes_and_is_close(shipped, synthetic_dataset, tmp_path):
    images = images_of(shipped, synthetic_dataset)
    assert images.foreign and len(images.check) == len(synthetic_dataset.indices("validation"))
    # On two dozen scenes the drop of mean IoU is mostly chance, so all scenes are looked at.
    every = np.stack([resample(image, 128) for image in synthetic_dataset.images])
    truth = synthetic_dataset.boxes_rel_xyxy
    images = replace(images, check=every, truth_rel_xyxy=truth)
    export = export_model(shipped, "litert-int8", images, tmp_path)
    (taken,) = Interpreter(str(export.path)).get_input_details()
    assert taken["dtype"] == np.uint8
    got = LitertModel(export.path).run(images.check)["box"]
    expected = shipped.model.predict(images.check, verbose=0)["box"]
    iou = iou_xyxy(got, expected).mean()
    assert 0.85 < iou < 1 and export.check.mean_iou == pytest.approx(iou, abs=0.01)
    assert "float32 after" in export.arithmetic
    float_file = PROJECT / "models" / "pet_head.tflite"
    assert export.path.stat().st_size < 0.36 * float_file.stat().st_size
    for name in ("pet_head", "pet_body"):
        assert (PROJECT / "models" / f"{name}_int8.tflite").stat().st_size < 500_000


def test_a_compacted_graph_gives_the_same_answers_in_fewer_bytes(shipped):
    whole = convert_float(shipped.model)
    small = compact(whole)
    assert len(small) < len(whole) - 10_000
    image = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3)).astype(np.float32)
    expected, got = (
        Interpreter(model_content=graph, num_threads=1).get_signature_runner()(image=image)
        for graph in (whole, small)
    )
    assert expected.keys() == got.keys() == {"box", "score", "class"}
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name])
    # Runtimes use the weights in place, and some processors need them aligned.
    graph = schema.Model.GetRootAs(small, 0)
    start = np.frombuffer(small, np.uint8).ctypes.data
    buffers = [graph.Buffers(i).DataAsNumpy() for i in range(graph.BuffersLength())]
    places = [data.ctypes.data - start for data in buffers if not isinstance(data, int)]
    assert len(places) > 50 and not any(place % 16 for place in places)


def test_an_8_bit_file_that_fails_its_check_is_not_kept(shipped, synthetic_dataset, tmp_path):
    images = images_of(shipped, synthetic_dataset)
    # Calibrated on nothing but black, every activation is cut off.
    black = replace(images, calibration=np.zeros_like(images.calibration[:4]))
    with pytest.raises(InputError, match=r"pet_head_int8.tflite: not kept.*mean IoU"):
        export_model(shipped, "litert-int8", black, tmp_path)
    assert list(tmp_path.iterdir()) == []
