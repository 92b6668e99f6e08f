"""Files that were made to do harm: nothing of them runs, nothing is written elsewhere."""

import csv
import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from localizer.dataset.dataset import open_dataset
from localizer.errors import InputError
from localizer.images.photos import read_photo
from localizer.models.model_file import load_model_file
from localizer.sources.oxford import oxford_pet
from tests.conftest import REPOSITORY

MODEL = REPOSITORY / "models" / "pet_head.keras"
EXPORTED = REPOSITORY / "models" / "pet_head.tflite"
NAMES = [
    "with space.png",
    'it\'s "quoted", and more.png',
    "two\nlines.png",
    "cr\rhere.png",
    "ü犬.png",
    "<img src=x onerror=alert(1)>.png",
    "'; rm -rf x; '.png",
    "$(touch pwned).png",
    "-rf.png",
    "%s%n.png",
    "a;b\tc.png",
    "NA.png",
    "007.png",
    "=1+1.png",
]


class Trap:
    """Leaves a file behind wherever it is unpickled."""

    def __init__(self, path):
        self._path = str(path)

    def __reduce__(self):
        return open, (self._path, "w")


def test_a_pickle_is_no_model(tmp_path):
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    for name, member in [("plain.keras", None), ("a.keras", "localizer.json"), ("b.keras", "m")]:
        path = tmp_path / name
        if member is None:
            path.write_bytes(trap)
        else:
            shutil.copy(MODEL, path)
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(member, trap)
        with pytest.raises(InputError, match=name):
            load_model_file(path)
    assert not (tmp_path / "sprung").exists()


def test_classes_from_other_modules_are_not_loaded(tmp_path):
    """A .keras file may name any Python function as one of its layers."""
    path = tmp_path / "spy.keras"
    with zipfile.ZipFile(MODEL) as sound, zipfile.ZipFile(path, "w") as archive:
        for entry in sound.infolist():
            content = sound.read(entry)
            if entry.filename == "config.json":
                config = json.loads(content)
                config["config"]["layers"][1] |= {
                    "module": "os",
                    "class_name": "system",
                    "registered_name": None,
                    "config": {"command": f"touch {tmp_path / 'sprung'}"},
                }
                content = json.dumps(config)
            archive.writestr(entry.filename, content)
    with pytest.raises(InputError, match=r"spy\.keras"):
        load_model_file(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("damage", range(6))
def test_damaged_models_are_named(tmp_path, damage):
    content = bytearray(MODEL.read_bytes())
    dice = np.random.default_rng(damage)
    at = int(dice.integers(len(content) - 5000))
    content[at : at + 2000] = dice.bytes(2000)
    (tmp_path / "damaged.keras").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.keras"):
        load_model_file(tmp_path / "damaged.keras")


def test_a_flipped_bit_is_no_traceback(tmp_path):
    """In the directory of the archive, where zipfile is told of encryption and other methods."""
    sound = MODEL.read_bytes()
    start = sound.index(b"PK\x01\x02")
    dice = np.random.default_rng(0)
    refused = 0
    for at in dice.integers(start, len(sound), 12):
        content = bytearray(sound)
        content[at] ^= 1 << int(dice.integers(8))
        (tmp_path / "flipped.keras").write_bytes(content)
        try:
            load_model_file(tmp_path / "flipped.keras")
        except InputError as error:
            assert "flipped.keras" in str(error)
            refused += 1
    assert refused


def test_damaged_lists_and_trimaps_of_the_pets(tmp_path):
    for folder in ("images", "annotations/trimaps"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "annotations" / "list.txt").write_bytes(b"Bombay_1 1 1 1\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "Bombay_1.jpg")
    for content in (png(99_999, 99_999, (b"IDAT", BOMB)), png(9, 9), b"", b"\0" * 100):
        (tmp_path / "annotations" / "trimaps" / "Bombay_1.png").write_bytes(content)
        [found] = oxford_pet.read(tmp_path, "body")
        assert "the trimap cannot be decoded" in found.reason
    (tmp_path / "annotations" / "list.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"list\.txt: no text"):
        list(oxford_pet.read(tmp_path, "body"))


def test_pickled_arrays_are_not_loaded(synthetic_dataset, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(synthetic_dataset.path, folder, ignore=shutil.ignore_patterns("images"))
    content = io.BytesIO()
    np.save(content, np.array([Trap(tmp_path / "sprung")], object), allow_pickle=True)
    (folder / "images.npy").write_bytes(content.getvalue())
    with pytest.raises(InputError, match="damaged.*--overwrite"):
        open_dataset(folder)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "recipe",
    [
        "epochs: !!python/object/apply:os.system ['touch sprung']",
        "!!python/object/new:os.system ['touch sprung']",
        "weights: !!python/name:os.system ''",
        "a: &a [x, x]\nb: &b [*a, *a]\n" + "epochs: *b",
        "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [{f'*a{i},' * 10}]\n" for i in range(30)),
        "weights: [" * 3000,
    ],
    ids=["apply", "new", "name", "alias", "bomb", "deep"],
)
def test_recipes_run_nothing(tmp_path, run_script, recipe):
    (tmp_path / "recipe.yaml").write_text(recipe)
    done = run_script("train_model.py", "--data", "nowhere", "--recipe", "recipe.yaml")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-2000:]
    assert len(done.stderr) < 20_000
    assert ("aliases" in done.stderr) == ("*a" in recipe)
    assert os.listdir(tmp_path) == ["recipe.yaml"]


def test_postscript_is_not_run(tmp_path):
    path = tmp_path / "photo.jpg"
    header = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    path.write_bytes(header + b"(pwned) (w) file\nshowpage\n%%EOF\n")
    with pytest.raises(InputError, match="PostScript is a program"):
        read_photo(path)


def png(width, height, *chunks):
    """A PNG file of these chunks (type, data) after its header."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (header, *chunks, (b"IEND", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


BOMB = zlib.compress(bytes(200_000_000), 9)
LIMITED = """
import resource, sys
from localizer.errors import InputError
from localizer.images.photos import read_photo
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_photo(sys.argv[1])
except InputError:
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    "content",
    [
        png(8, 8, (b"zTXt", b"a\0\0" + BOMB), (b"IDAT", zlib.compress(bytes(200)))),
        png(8, 8, (b"iCCP", b"a\0\0" + BOMB), (b"IDAT", zlib.compress(bytes(200)))),
        png(8, 8, (b"IDAT", BOMB)),
        png(2**31 - 1, 2**31 - 1, (b"IDAT", BOMB)),
        png(0, 0, (b"IDAT", BOMB)),
    ],
    ids=["text", "profile", "pixels", "size", "nothing"],
)
def test_bombs_do_not_fill_the_memory(tmp_path, content):
    (tmp_path / "bomb.png").write_bytes(content)
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "bomb.png")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < 120, "MiB"


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links")
def test_links_to_nowhere_and_to_devices(tmp_path):
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "gone.jpg").symlink_to("nothing")
    for name in ("loop.jpg", "zero.jpg", "gone.jpg"):
        with pytest.raises(InputError, match=name):
            read_photo(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="no such names on Windows")
def test_awkward_names_from_the_table_to_the_report(tmp_path, run_script):
    """Every photo arrives under its own name, and nothing is written outside the folders."""
    photos = tmp_path / "photos"
    photos.mkdir()
    with open(photos / "boxes.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "xmin", "ymin", "xmax", "ymax", "breed"])
        for number, name in enumerate(NAMES):
            noise = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
            Image.fromarray(noise).resize((64, 48)).save(photos / name)
            table.writerow([name, 8, 8, 48, 40, "<b>bold</b>"])
    source = ["--source", "csv", "--root", "photos", "--fractions", 0, 0, 1]
    done = run_script("generate_dataset.py", *source, "--out", "data/mine")
    assert done.returncode == 0, done.stderr[-2000:]
    dataset = open_dataset(tmp_path / "data" / "mine")
    assert set(dataset.samples["image"]) == set(NAMES)
    assert all(dataset.read_photo(row).shape == (48, 64, 3) for row in range(len(NAMES)))
    models = ["--models", EXPORTED, "baseline:center"]
    done = run_script("evaluate_performance.py", "--split", "test", *models, "--out", "reports/it")
    assert done.returncode == 0, done.stderr[-2000:]
    page = (tmp_path / "reports" / "it" / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "<b>bold" not in page
    done = run_script("localize_images.py", "photos", "--out", "found", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    said = {json.loads(line)["image"] for line in done.stdout.splitlines()}
    assert said == {f"photos/{name}" for name in NAMES}
    assert set(os.listdir(tmp_path / "found")) == {f"{name}.box.jpg" for name in NAMES}
    assert set(os.listdir(tmp_path)) == {"photos", "data", "reports", "found"}


def test_a_name_too_long_for_its_picture_does_not_stop_the_others(tmp_path, run_script):
    long = "x" * 246 + ".png"
    for name in ("a.png", long, "z.png"):
        Image.new("RGB", (64, 48)).save(tmp_path / name)
    done = run_script("localize_images.py", "a.png", long, "z.png", "--out", "found", "--json")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in answer for answer in answers] == [False, True, False]
    assert "File name too long" in answers[1]["error"]
    assert sorted(os.listdir(tmp_path / "found")) == ["a.png.box.jpg", "z.png.box.jpg"]
