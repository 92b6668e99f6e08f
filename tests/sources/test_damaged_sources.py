"""Pipes, giants and wrong types among people's own data, and workers whose parent was killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from localizer.dataset import teacher_files as label_files
from localizer.dataset.dataset import open_dataset
from localizer.dataset.finding import default_dataset
from localizer.errors import InputError
from localizer.images.photos import read_photo
from localizer.predictors.loading import load_predictor
from localizer.predictors.pretrained.label_lists import read_labels
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.formats import coco, pascal_voc
from localizer.sources.formats.csv import table as csv_table
from tests.conftest import REPOSITORY

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes and signals")
XML = """<annotation><size><width>8</width><height>8</height></size><object><name>{}</name><bndbox>
<xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></object></annotation>"""


@pytest.fixture
def impatient():
    """Ends a test that waits for a pipe."""

    def end(*_):
        raise TimeoutError("waited for a pipe")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@needs_posix
@pytest.mark.parametrize("name", ["m.tflite", "m.keras", "m.onnx"])
def test_pipes_are_no_models(tmp_path, impatient, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: not a regular file"):
        load_predictor(str(tmp_path / name), None)


@needs_posix
@pytest.mark.parametrize("name", ["dataset.json", "samples.csv", "images.npy"])
def test_pipes_are_no_dataset(tmp_path, impatient, name):
    for file in ("dataset.json", "samples.csv", "images.npy"):
        (tmp_path / file).write_text("{}")
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: not a regular file"):
        open_dataset(tmp_path)


@needs_posix
def test_the_default_dataset_is_looked_for_past_pipes(tmp_path, impatient, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "d").mkdir(parents=True)
    os.mkfifo(tmp_path / "data" / "d" / "dataset.json")
    assert default_dataset().name == "d"


@needs_posix
def test_pipes_are_no_annotations(tmp_path, impatient):
    Image.new("RGB", (8, 8)).save(tmp_path / "q.png")
    os.mkfifo(tmp_path / "q.xml")
    [found] = pascal_voc.read(tmp_path)
    assert isinstance(found, Skipped) and "not a regular file" in found.reason
    with pytest.raises(InputError, match="not a regular file"):
        list(coco.read(tmp_path, annotations=tmp_path / "q.xml"))
    for read in (read_labels, label_files.read_labels):
        os.mkfifo(tmp_path / f"{read.__module__}.csv")
        (tmp_path / f"{read.__module__}.json").write_text("{}")
        with pytest.raises(InputError, match=r"\.csv: not a regular file"):
            read(tmp_path / f"{read.__module__}.csv")


def test_a_huge_xml_file_is_left_out_with_its_reason(tmp_path):
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.xml").write_text(XML.format("cat"))
    with open(tmp_path / "a.xml", "a") as file:
        file.write(" " * 10_000_000)
    huge, usual = pascal_voc.read(tmp_path)
    assert "more than 10,000,000" in huge.reason and huge.image == "a.png"
    assert isinstance(usual, AnnotatedImage)


def coco_file(folder, annotation=None, category="cat", file_name="q.png"):
    Image.new("RGB", (8, 8)).save(folder / "q.png")
    one = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4]} | (annotation or {})
    content = {
        "images": [{"id": 1, "file_name": file_name, "width": 8, "height": 8}],
        "annotations": [one],
        "categories": [{"id": 1, "name": category}],
    }
    (folder / "annotations.json").write_text(json.dumps(content))


@pytest.mark.parametrize("value", ["1", "0", [1], {}, 2, 0.5])
def test_iscrowd_of_a_wrong_type_is_no_single_object(tmp_path, value):
    coco_file(tmp_path, {"iscrowd": value})
    [found] = coco.read(tmp_path)
    assert isinstance(found, Skipped)
    assert "iscrowd: expected 0 or 1, found" in found.reason
    assert found.place == "annotations.json: annotations[0]"


@pytest.mark.parametrize("value", [0, False, None])
def test_iscrowd_that_says_no(tmp_path, value):
    coco_file(tmp_path, {"iscrowd": value})
    assert isinstance(next(coco.read(tmp_path)), AnnotatedImage)


def test_long_names_stay_out_of_the_tables(tmp_path):
    coco_file(tmp_path, file_name="x" * 100_000)
    [found] = coco.read(tmp_path)
    assert len(found.image) < 1_100 and "100,000 characters" in found.image
    assert len(found.reason) < 1_100
    long = "breed" * 200_000
    coco_file(tmp_path, category=long)
    with pytest.raises(InputError, match=r"categories\[0\]: a class name of 1,000,000 char") as no:
        list(coco.read(tmp_path))
    assert len(str(no.value)) < 1_000
    (tmp_path / "q.xml").write_text(XML.format(long))
    [found] = pascal_voc.read(tmp_path)
    assert "a class name of 1,000,000 characters" in found.reason
    (tmp_path / "boxes.csv").write_text(f"image,xmin,ymin,xmax,ymax,breed\nq.png,0,0,4,4,{long}")
    with pytest.raises(InputError, match="field larger than"):  # The csv module has its own limit.
        list(csv_table.read(tmp_path))
    (tmp_path / "boxes.csv").write_text(
        f"image,xmin,ymin,xmax,ymax,breed\nq.png,0,0,4,4,{long[:2000]}"
    )
    [found] = csv_table.read(tmp_path)
    assert "a class name of 2,000 characters" in found.reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_photos_of_values_that_are_no_numbers(tmp_path, value):
    pixels = np.full((8, 8), 0.5, np.float32)
    pixels[3, 3] = value
    Image.fromarray(pixels).save(tmp_path / "f.tiff")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(InputError, match=r"f\.tiff: cannot be decoded .*no finite numbers"):
            read_photo(tmp_path / "f.tiff")


DRAWING = """
import multiprocessing, sys
from localizer.sources.drawn.generate import generate
scenes = generate(sys.argv[1], "head", count=1_000_000, workers=2)
next(scenes)
print(len(multiprocessing.active_children()), flush=True)
for _ in scenes:
    pass
"""


@needs_posix
def test_drawing_workers_end_with_a_parent_that_is_killed(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", DRAWING, str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert process.stdout.readline() == b"2\n"
        process.kill()
        # The pipe has its end when the last process that may write to it has.
        process.communicate(timeout=300)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
