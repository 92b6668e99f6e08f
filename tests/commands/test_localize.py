"""localize_images.py as a user calls it: output, pictures, broken photos, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from localizer.images.boxes import abs_xyxy_to_rel_xyxy
from localizer.images.resizing import crop
from localizer.inference.localize_photos import without_weak_box
from localizer.inference.localizer import Localization, LocalizedPhoto
from localizer.inference.output import PictureWriter, json_line, printable, table_line
from localizer.inference.photo_listing import find_photos, split_list
from localizer.models.model_file import load_model_file

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = "localize_images.py"
CENTER = ("--model", "baseline:center")
KEYS = ["image", "xmin", "ymin", "xmax", "ymax", "score", "label"]


def save(path, width=80, height=40, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (0, 90, 200)).save(path, **options)


@pytest.fixture
def photos(tmp_path):
    """a/x.jpg, b/x.jpg (another size), b/deep/y.png, and what is not to be taken from a folder."""
    save(tmp_path / "a" / "x.jpg")
    save(tmp_path / "b" / "x.jpg", 100, 60)
    save(tmp_path / "b" / "deep" / "y.png", 20, 20)
    save(tmp_path / "b" / "._x.jpg")
    save(tmp_path / "b" / ".thumbnails" / "x.jpg")
    (tmp_path / "b" / "notes.txt").write_text("no photo")
    return tmp_path


def test_the_shipped_model(run_script, photos):
    example = REPOSITORY / "docs/images/example.png"
    done = run_script(SCRIPT, example, "a/x.jpg", "--json")
    assert done.returncode == 0 and done.stderr == ""
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(record) for record in records] == [KEYS, KEYS]
    width, height = Image.open(example).size
    first = records[0]
    assert 0 <= first["xmin"] < first["xmax"] <= width
    assert 0 <= first["ymin"] < first["ymax"] <= height
    labels = load_model_file(REPOSITORY / "models/pet_head.keras")[1]["classes"]
    # The example is a drawn scene: the model names the nearest of the breeds it knows.
    assert 0 < first["score"] <= 1 and first["label"] in labels


def test_table_and_no_file_without_out(run_script, photos):
    before = sorted(photos.rglob("*"))
    done = run_script(SCRIPT, "b", "a/x.jpg", *CENTER)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["image", "xmin", "ymin", "xmax", "ymax", "score", "label"]
    assert [line.split() for line in lines[1:]] == [
        ["b/deep/y.png", "5.0", "5.0", "15.0", "15.0", "-", "-"],
        ["b/x.jpg", "25.0", "15.0", "75.0", "45.0", "-", "-"],
        ["a/x.jpg", "20.0", "10.0", "60.0", "30.0", "-", "-"],
    ]
    assert len({line.index(" ", line.rindex(".")) for line in lines[1:]}) == 1
    assert sorted(photos.rglob("*")) == before


def test_pictures_of_the_same_name_keep_apart(run_script, photos):
    save(photos / "a" / "x.png", 70, 30)
    done = run_script(SCRIPT, "a", "b", "a/x.jpg", *CENTER, "--out", "out", "--crops")
    assert done.returncode == 0, done.stderr
    sizes = {
        str(path.relative_to(photos / "out")): Image.open(path).size
        for path in (photos / "out").rglob("*.*")
    }
    # Half of each side, and a tenth of that on both sides: 0.6.
    assert sizes == {
        "a/x.jpg.box.jpg": (80, 40),
        "a/x.jpg.crop.jpg": (48, 24),
        "a/x.png.box.jpg": (70, 30),
        "a/x.png.crop.jpg": (42, 18),
        "b/x.jpg.box.jpg": (100, 60),
        "b/x.jpg.crop.jpg": (60, 36),
        "b/deep/y.png.box.jpg": (20, 20),
        "b/deep/y.png.crop.jpg": (12, 12),
    }
    drawn = np.asarray(Image.open(photos / "out/b/x.jpg.box.jpg")).astype(int)
    assert drawn[15, 50, 0] > 150 and drawn[15, 50, 2] < 120
    assert abs(drawn[30, 50] - [0, 90, 200]).max() < 12


def test_no_picture_replaces_a_photo(run_script, photos):
    for name in ("x.jpg.box.jpg", "y.png.crop.jpg"):
        save(photos / "a" / name, 30, 20)
    save(photos / "a" / "y.png")
    (photos / "link").symlink_to("a")
    before = {path: path.read_bytes() for path in photos.rglob("*.*") if path.is_file()}
    for out, names in (
        ("a", ["a"]),
        ("link", ["a"]),
        (".", ["a/x.jpg", "link/x.jpg.box.jpg"]),
        ("a", ["a/y.png", "a/y.png.crop.jpg", "--crops"]),
    ):
        done = run_script(SCRIPT, *names, *CENTER, "--out", out)
        assert done.returncode == 2, (out, names, done.stderr)
        assert "would replace the photo" in done.stderr and "another --out" in done.stderr
        after = {path: path.read_bytes() for path in photos.rglob("*.*") if path.is_file()}
        assert after == before
    # What is not among the photos is a picture of an earlier run.
    done = run_script(SCRIPT, "a/x.jpg", "a/y.png", *CENTER, "--out", "a")
    assert done.returncode == 0, done.stderr
    assert Image.open(photos / "a/x.jpg.box.jpg").size == (80, 40)


def test_broken_photos_are_reported_and_the_rest_goes_on(run_script, photos):
    content = (photos / "a/x.jpg").read_bytes()
    (photos / "a" / "half.jpg").write_bytes(content[: len(content) // 2])
    (photos / "empty").mkdir()
    arguments = ("a", "./missing.jpg", "empty", "*.gif", "b/x.jpg")
    done = run_script(SCRIPT, *arguments, *CENTER, "--json", "--out", "out")
    assert done.returncode == 1
    records = {r["image"]: r for r in map(json.loads, done.stdout.splitlines())}
    assert set(records) == {
        "a/half.jpg",
        "a/x.jpg",
        "./missing.jpg",
        "empty",
        "*.gif",
        "b/x.jpg",
    }
    assert "cannot be decoded" in records["a/half.jpg"]["error"]
    assert records["./missing.jpg"] == {"image": "./missing.jpg", "error": "no such file"}
    assert "no photos in this folder" in records["empty"]["error"]
    assert "no file matches" in records["*.gif"]["error"]
    assert records["b/x.jpg"]["xmin"] == 25 and records["a/x.jpg"]["xmin"] == 20
    errors = done.stderr.splitlines()
    assert len(errors) == 4 and all(line.startswith("error: ") for line in errors)
    assert "error: ./missing.jpg: no such file" in errors
    assert (photos / "out/b/x.jpg.box.jpg").is_file()
    table = run_script(SCRIPT, "a", *CENTER)
    assert table.returncode == 1
    assert "half" not in table.stdout and "half.jpg: cannot be decoded" in table.stderr


def test_usage_errors(run_script, photos):
    for arguments, message in [
        ((), "python localize_images.py holiday.jpg"),
        (("a/x.jpg", "--crops"), "--crops needs --out"),
        (("a/x.jpg", "--out", "b/x.jpg"), "is a file"),
        (("a/x.jpg", "--model", "none.txt"), "none.txt: not a model"),
        (("a/x.jpg", "--min-score", "2"), "--min-score"),
        (("a/x.jpg", "--batch-size", "0"), "--batch-size"),
    ]:
        done = run_script(SCRIPT, *arguments)
        assert done.returncode == 2 and message in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr and done.stdout == ""


def test_a_score_below_the_least_is_no_answer(run_script, photos):
    box = Localization(1.0, 2.0, 3.0, 4.0, 0.5, "cat")
    item = LocalizedPhoto("a.jpg", None, box, None)
    assert without_weak_box(item, 0.5) == item
    weak = without_weak_box(item, 0.51).localization
    assert weak == Localization(None, None, None, None, 0.5, None)
    # A model without scores has no box that is below.
    done = run_script(SCRIPT, "a/x.jpg", *CENTER, "--min-score", 1, "--json")
    assert json.loads(done.stdout)["xmin"] == 20


def test_a_photo_without_a_box_has_a_picture_and_no_crop(tmp_path):
    nothing = LocalizedPhoto(
        str(tmp_path / "a.jpg"),
        np.zeros((40, 60, 3), np.uint8),
        Localization(None, None, None, None),
        None,
    )
    PictureWriter(tmp_path / "out", tmp_path, crops=True).write(nothing)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.jpg.box.jpg"]


AWKWARD = [
    "with space.jpg",
    'it\'s "quoted".jpg',
    "two\nlines.jpg",
    "ü.jpg",
    "a[1].jpg",
    "-dash.jpg",
    os.fsdecode(b"latin-\xe9.jpg"),
    "null",
]


@pytest.fixture
def awkward(tmp_path):
    for name in AWKWARD:
        save(tmp_path / "odd" / name, format="JPEG")
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_awkward_names(run_script, awkward):
    names = [os.path.join("odd", name) for name in AWKWARD]
    done = run_script(SCRIPT, *names, *CENTER, "--json", "--out", "out")
    assert done.returncode == 0 and done.stderr == ""
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["image"] for record in records] == names
    assert {path.name for path in (awkward / "out").iterdir()} == {
        f"{name}.box.jpg" for name in AWKWARD
    }
    for encoding in ("utf-8", "ascii"):
        environment = {"PYTHONIOENCODING": encoding}
        table = run_script(SCRIPT, *names, *CENTER, environment=environment)
        assert table.returncode == 0 and len(table.stdout.splitlines()) == 1 + len(names)
        assert r"two\nlines.jpg" in table.stdout and r"latin-\udce9.jpg" in table.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_lists_on_standard_input(awkward):
    names = [os.path.join("odd", name) for name in AWKWARD]

    def call(content, *options):
        command = [sys.executable, REPOSITORY / SCRIPT, "-", *CENTER, "--json", *options]
        done = subprocess.run(command, input=content, cwd=awkward, capture_output=True, timeout=900)
        assert done.stderr == b""
        return [json.loads(line)["image"] for line in done.stdout.splitlines()]

    assert call(b"".join(os.fsencode(n) + b"\0" for n in names), "--null") == names
    lines = [name for name in names if "\n" not in name]
    assert call(b"\n".join(map(os.fsencode, lines * 2))) == lines
    assert call(b"") == []


def test_a_reader_that_has_seen_enough_is_no_error(photos):
    for i in range(3000):
        os.link(photos / "b/deep/y.png", photos / "a" / f"{i}.png")
    command = [sys.executable, REPOSITORY / SCRIPT, "a", *CENTER, "--batch-size", "1"]
    process = subprocess.Popen(
        command, cwd=photos, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith("image")
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=900) == 0 and errors == ""


def test_a_damaged_exif_block_says_nothing(run_script, photos):
    save(photos / "c.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12")
    done = run_script(SCRIPT, "c.jpg", *CENTER)
    assert (done.returncode, done.stderr) == (0, "")


def test_patterns_and_folders(photos, monkeypatch):
    monkeypatch.chdir(photos)
    assert find_photos("b") == (["b/deep/y.png", "b/x.jpg"], "b")
    assert find_photos("*/x.jpg") == (["a/x.jpg", "b/x.jpg"], str(photos))
    assert find_photos("**/*.png") == (["b/deep/y.png"], str(photos / "b/deep"))
    save(photos / "a[1].jpg")
    save(photos / "a1.jpg")
    assert find_photos("a[1].jpg")[0] == ["a[1].jpg"]


def test_lines():
    assert split_list(b"a\0b\nc\0", b"\0") == ["a", "b\nc"]
    nothing = Localization(None, None, None, None)
    assert json.loads(json_line("a", nothing)) == dict.fromkeys(KEYS, None) | {"image": "a"}
    line = table_line("a.jpg", Localization(1.04, 2.0, 3.0, 1234.5, 0.876, "Maine Coon"), 10)
    assert line == "a.jpg           1.0      2.0      3.0   1234.5     0.88  Maine Coon"
    assert printable("a\tb\x1b[0m") == r"a\tb\x1b[0m"


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (80, 40, 80, 40), (79.9, 10, 80, 10)])
def test_a_crop_has_at_least_one_pixel(box):
    part = crop(np.zeros((40, 80, 3), np.uint8), abs_xyxy_to_rel_xyxy(box, 80, 40), margin=0.5)
    assert part.shape[0] >= 1 and part.shape[1] >= 1
