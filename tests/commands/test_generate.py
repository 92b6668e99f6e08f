"""generate_dataset.py as a user runs it: exit codes, messages, and what it leaves on the disk."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from localizer.dataset.dataset import open_dataset
from localizer.dataset.teacher_files import read_labels
from localizer.files.checksums import sha256_of
from localizer.images.photos import read_photo
from localizer.predictors.keras_model import KerasModel
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.formats import coco, pascal_voc
from localizer.sources.formats.csv import table as csv_table
from tests.conftest import REPOSITORY

SCRIPT = "generate_dataset.py"
EXAMPLES = {
    language: (name, content)
    for language, name, content in re.findall(
        r"^```(\w+) (\S+)\n(.*?)^```$",
        (REPOSITORY / "docs/formats.md").read_text("utf-8"),
        re.M | re.S,
    )
}
DRAWN = ["--source", "synthetic", "--count", 6, "--image-size", 64, "--workers", 1]


def write_example(root, language):
    """What docs/formats.md shows, with a photo of the size that it says."""
    name, content = EXAMPLES[language]
    photo = root / ("JPEGImages/rex.jpg" if language == "xml" else "rex.jpg")
    for path in (photo, root / name):
        path.parent.mkdir(parents=True, exist_ok=True)
    blobs = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(blobs).resize((500, 375)).save(photo)
    (root / name).write_text(content, encoding="utf-8")
    return root


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("language", "source"), [("xml", pascal_voc), ("json", coco), ("csv", csv_table)]
)
def test_examples_in_the_documentation(tmp_path, language, source):
    [found] = source.read(write_example(tmp_path, language))
    assert isinstance(found, AnnotatedImage) and found.category == "beagle"
    assert (found.width, found.height) == (500, 375)
    expected = (48 / 500, 29 / 375, 201 / 500, 180 / 375)
    assert found.box_rel_xyxy == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("language", "source"), [("xml", "voc"), ("json", "coco"), ("csv", "csv")])
def test_own_photos(tmp_path, run_script, language, source):
    write_example(tmp_path / "my photos", language)
    Image.new("RGB", (9, 9)).save(tmp_path / "my photos" / "other.png")
    done = run_script(SCRIPT, "--source", source, "--root", "my photos", "--out", "data/mine")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    dataset = open_dataset(tmp_path / "data" / "mine")
    assert dataset.target == "object" and len(dataset.samples) == 1
    assert "1 of" in done.stdout and "contact_sheet.jpg" in done.stdout
    assert dataset.read_photo(0).shape == (375, 500, 3)
    written = {path.name for path in dataset.path.iterdir()}
    assert written == {
        "images.npy",
        "samples.csv",
        "skipped.csv",
        "near_duplicates.csv",
        "dataset.json",
        "contact_sheet.jpg",
    }
    assert Image.open(dataset.path / "contact_sheet.jpg").size[0] > 100


@pytest.mark.slow
def test_a_folder_labelled_by_a_model_without_the_photos_of_another_dataset(tmp_path, run_script):
    drawn = run_script(SCRIPT, *DRAWN, "--out", "data/drawn", "--fractions", 0.5, 0.25, 0.25)
    assert drawn.returncode == 0, drawn.stderr
    drawn = open_dataset(tmp_path / "data" / "drawn")
    held = drawn.samples["split"] != "train"
    assert 0 < held.sum() < 6
    model = REPOSITORY / "models" / "pet_head.keras"
    done = run_script(
        SCRIPT,
        "--source",
        "folder",
        "--root",
        "data/drawn/images",
        "--teacher",
        model,
        "--target",
        "head",
        "--image-size",
        64,
        "--write-labels",
        "labels/mine.csv",
        "--exclude",
        "data/drawn:validation,test",
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "predictions of pet_head: for training" in done.stdout
    assert "warning" not in done.stdout  # The other splits are empty on purpose.
    for split, count in drawn.samples.loc[held, "split"].value_counts().items():
        assert f"{count}  the same photo as a photo in data/drawn: {split}" in done.stdout
    dataset = open_dataset(tmp_path / "data" / "folder-head")
    assert dataset.description["labels"]["sha256"] == sha256_of(model)
    assert set(dataset.samples["split"]) == {"train"}
    names = sorted(Path(image).name for image in drawn.samples.loc[~held, "image"])
    assert dataset.samples["image"].tolist() == names
    photos = [read_photo(drawn.path / "images" / name) for name in names]
    answers = KerasModel(model).predict(photos).boxes_rel_xyxy
    np.testing.assert_allclose(dataset.boxes_rel_xyxy, answers, atol=1e-4)
    labels = read_labels(tmp_path / "labels" / "mine.csv")
    assert len(labels.labels) == len(names) and labels.description["source"] == "oxford-pet"


def test_with_no_option_it_draws_scenes_and_the_same_again(tmp_path, run_script):
    first = run_script(SCRIPT, *DRAWN[2:])
    assert first.returncode == 0, first.stderr
    dataset = open_dataset(tmp_path / "data" / "synthetic-head")
    assert "6 of 6 images used (target: head)" in first.stdout
    assert re.search(r"area / image +0\.\d{3}", first.stdout)
    assert len(dataset.images) == 6 and dataset.read_photo(3).dtype == np.uint8
    before = files_in(dataset.path)

    again = run_script(SCRIPT, *DRAWN[2:])
    assert again.returncode == 2 and "--overwrite replaces it" in again.stderr
    assert files_in(dataset.path) == before
    assert run_script(SCRIPT, *DRAWN, "--overwrite").returncode == 0
    assert files_in(dataset.path) == before
    assert run_script(SCRIPT, *DRAWN, "--overwrite", "--seed=1", "--target", "body").returncode == 0
    other = open_dataset(tmp_path / "data" / "synthetic-body").description
    assert other["sha256"] != dataset.description["sha256"]
    assert sorted(os.listdir(tmp_path / "data")) == ["synthetic-body", "synthetic-head"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "flickr"], "flickr"),
        (["--source", "voc"], "needs --root"),
        (["--source", "voc", "--root", "nowhere"], "no such folder"),
        (["--source", "voc", "--root", "."], "expected one XML file per photo"),
        (["--source", "coco", "--root", "."], "no JSON file"),
        (["--source", "csv", "--root", "."], "no CSV file"),
        (["--source", "folder", "--root", "."], "which a trained model labels: name it"),
        ([*DRAWN, "--teacher", "runs/a"], "use it with --source folder"),
        ([*DRAWN, "--min-score", 0.5], "go with --source folder --teacher"),
        ([*DRAWN, "--write-labels", "x.csv"], "go with --source folder --teacher"),
        ([*DRAWN, "--teacher-labels", "x.csv"], "is for oxford-pet"),
        ([*DRAWN, "--split-by", "official"], "has no lists of training and test photos"),
        ([*DRAWN, "--exclude", "nowhere:test"], "nowhere: not a dataset folder"),
        ([*DRAWN, "--root", "."], "leave it away"),
        ([*DRAWN, "--target", "tail"], "has head and body"),
        ([*DRAWN, "--image-size", 8], "use 32 to 2048 pixels"),
        ([*DRAWN, "--image-size", "big"], "--image-size"),
        ([*DRAWN, "--count", 0], "count"),
        ([*DRAWN, "--seed", -1], "seed"),
        ([*DRAWN, "--fractions", 0.8, 0.1, 0.2], "add up to 1"),
        ([*DRAWN, "--fractions", 0.8, 0.2], "fractions"),
        ([*DRAWN, "--fractions", 1.2, -0.1, -0.1], "fractions"),
        ([*DRAWN, "--colour", "red"], "colour"),
        ([*DRAWN, "--out", "taken"], "choose another --out"),
        ([*DRAWN, "--out", "a_file/mine"], "cannot be made"),
    ],
)
def test_bad_options(tmp_path, run_script, options, message):
    (tmp_path / "taken").mkdir()
    (tmp_path / "a_file").write_text("not a folder")
    done = run_script(SCRIPT, *options)
    assert done.returncode == 2 and message in done.stderr
    assert "Traceback" not in done.stderr
    left = {path.name for path in tmp_path.rglob("*")}
    assert left - {"data"} == {"a_file", "taken"}  # data/ may be there, but empty.


@pytest.mark.parametrize(
    ("language", "source", "box", "outside", "place"),
    [
        ("xml", "voc", "<xmin>49</xmin>", "<xmin>4900</xmin>", "Annotations/rex.xml: object 1"),
        ("json", "coco", "[48, 29,", "[4800, 29,", "annotations.json: annotations[0]"),
        ("csv", "csv", "rex.jpg,48,", "rex.jpg,4800,", "boxes.csv line 2"),
    ],
)
def test_a_box_that_cannot_be_is_named_by_its_place(
    tmp_path, run_script, language, source, box, outside, place
):
    root = write_example(tmp_path / "photos", language)
    path = root / EXAMPLES[language][0]
    assert box in path.read_text()
    path.write_text(path.read_text().replace(box, outside))
    done = run_script(SCRIPT, "--source", source, "--root", "photos", "--out", "mine")
    assert done.returncode == 2 and f"rex.jpg: {place}: the box " in done.stderr


def test_boxes_that_cannot_be_are_counted_together(tmp_path, run_script):
    for language, source in [("xml", "voc"), ("json", "coco"), ("csv", "csv")]:
        root = write_example(tmp_path / source, language)
        name, text = EXAMPLES[language]
        rows = []
        for number in range(3):
            blobs = np.random.default_rng(number + 1).integers(0, 256, (6, 8, 3), np.uint8)
            photo = root / ("JPEGImages" if language == "xml" else ".") / f"r{number}.jpg"
            Image.fromarray(blobs).resize((500, 375)).save(photo)
            rows.append(text.replace("rex", f"r{number}").replace("201", "9"))
        if language == "xml":
            for number, row in enumerate(rows):
                (root / name.replace("rex", f"r{number}")).write_text(row)
        elif language == "csv":
            (root / name).write_text(text + "\n".join(row.splitlines()[1] for row in rows))
        else:
            content = json.loads(text)
            for number in range(3):
                image, one = content["images"][0], content["annotations"][0]
                image = image | {"id": number + 2, "file_name": f"r{number}.jpg"}
                content["images"].append(image)
                one = one | {"id": number + 2, "image_id": number + 2, "bbox": [4800, 29, 9, 9]}
                content["annotations"].append(one)
            (root / name).write_text(json.dumps(content))
        done = run_script(SCRIPT, "--source", source, "--root", root, "--out", f"{source}-out")
        assert done.returncode == 0, done.stderr
        places = pd.read_csv(tmp_path / f"{source}-out" / "skipped.csv")["place"]
        assert places.nunique() == 3 and places.str.startswith(name.split("rex")[0]).all()
        kind = "lies outside the image" if source == "coco" else "is empty or inverted"
        assert f"      3  the box {kind}" in done.stdout, done.stdout


def test_other_folders_are_not_taken_for_the_pets(tmp_path, run_script):
    (tmp_path / "pets" / "images").mkdir(parents=True)
    (tmp_path / "pets" / "annotations").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "pets" / "images" / "rex.jpg")
    (tmp_path / "pets" / "annotations" / "list.txt").write_text("# empty\n")
    done = run_script(SCRIPT, "--out", "data/x", environment={"OXFORD_PET_ROOT": "pets"})
    assert done.returncode == 2 and "names no image" in done.stderr
    assert os.listdir(tmp_path / "data") == []


def test_nothing_usable_is_an_error_and_no_empty_table(tmp_path, run_script):
    write_example(tmp_path / "photos", "csv")
    (tmp_path / "photos" / "rex.jpg").write_bytes(b"not a photo")
    done = run_script(SCRIPT, "--source", "csv", "--root", "photos", "--out", "data/mine")
    assert done.returncode == 2 and "none of 1 images is usable" in done.stderr
    assert "rex.jpg: not an image that Pillow can read" in done.stderr
    assert os.listdir(tmp_path / "data") == []


def test_reasons_are_short_and_each_photo_is_once_among_the_copies(tmp_path, run_script):
    root = write_example(tmp_path / "photos", "csv")
    rows = ["rex.jpg,9,9,x,9,500,375,,", "photos/no.jpg,1,1,2,2,,,,"]
    rows += [f"{name},1,1,9,9,500,375,," for name in ("turned.png", "broken.jpg")]
    with open(root / "boxes.csv", "a", encoding="utf-8") as table:
        table.write("\n".join([*rows, "clipped.png,-5,0,5,10,10,10,,\n"]))
    Image.new("RGB", (375, 500)).save(root / "turned.png")
    Image.new("RGB", (10, 10)).save(root / "clipped.png")
    (root / "broken.jpg").write_bytes(b"")
    done = run_script(SCRIPT, "--source", "csv", "--root", "photos", "--out", "mine")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "mine" / "skipped.csv", keep_default_na=False)
    skipped, places = (table.set_index("image")[column] for column in ("reason", "place"))
    assert skipped["rex.jpg"] == "xmax: 'x' is not a number"
    assert (places["rex.jpg"], places["broken.jpg"]) == ("boxes.csv line 3", "")
    assert places["photos/no.jpg"] == "boxes.csv line 4"
    assert "there is no such file" in skipped["photos/no.jpg"]
    assert places["turned.png"] == "boxes.csv line 5: annotated as 500x375, shown as 375x500"
    assert skipped["broken.jpg"] == "the file is empty"
    assert "not the same picture, or rotated" in skipped["turned.png"]
    assert pd.read_csv(tmp_path / "mine" / "near_duplicates.csv").empty
    assert "1 boxes reached outside their image" in done.stdout
    assert "      1  xmax: 'x' is not a number" in done.stdout


def limit_files(limit):
    import resource

    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX")
@pytest.mark.parametrize("limit", [60_000, 900])
def test_a_full_disk(tmp_path, run_script, limit):
    """60,000 bytes are enough for a scene, not for the array of all; 900 not for one scene."""
    assert run_script(SCRIPT, *DRAWN, "--out", "data/old").returncode == 0
    before = files_in(tmp_path / "data")
    for options in (["--out", "data/new"], ["--out", "data/old", "--overwrite", "--seed", 1]):
        done = run_script(SCRIPT, *DRAWN, *options, preexec_fn=limit_files(limit))
        assert done.returncode == 2 and "File too large" in done.stderr
        assert re.search("[Ff]ree (some )?space", done.stderr) and "Traceback" not in done.stderr
    assert os.listdir(tmp_path / "data") == ["old"] and files_in(tmp_path / "data") == before


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_run_leaves_nothing_and_keeps_the_old_folder(tmp_path, run_script, number, code):
    assert run_script(SCRIPT, *DRAWN, "--out", "data/old").returncode == 0
    before = files_in(tmp_path / "data")
    command = [SCRIPT, *DRAWN, "--count", 10**6, "--out", "data/old", "--overwrite"]
    process = subprocess.Popen(
        [sys.executable, str(REPOSITORY / command[0]), *map(str, command[1:])],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background has them ignore SIGINT.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    process.stderr.read(1)  # The progress bar: it is at work.
    process.send_signal(number)
    _, message = process.communicate(timeout=600)
    assert process.returncode == code and "Traceback" not in message
    assert os.listdir(tmp_path / "data") == ["old"] and files_in(tmp_path / "data") == before


def test_dataset_json_says_what_was_done(synthetic_dataset):
    description = json.loads((synthetic_dataset.path / "dataset.json").read_text())
    assert (description["source"], description["target"], description["seed"]) == (
        "synthetic",
        "head",
        0,
    )
    assert description["fractions"] == {"train": 0.8, "validation": 0.1, "test": 0.1}
    splits = synthetic_dataset.samples["split"].value_counts().to_dict()
    assert splits == {split: description["counts"][split] for split in splits}
    assert description["mean_box_rel_xyxy"] == pytest.approx(
        synthetic_dataset.boxes_rel_xyxy.mean(axis=0), abs=1e-5
    )
