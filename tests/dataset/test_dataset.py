"""Dataset folders: arrays that grow on disk, opening, and folders that are none."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from localizer.dataset.dataset import open_dataset
from localizer.dataset.finding import default_dataset, find_dataset
from localizer.dataset.identity import identity, rows_sha256
from localizer.errors import InputError
from localizer.files.arrays_on_disk import ArrayOnDisk, GrowingArray, keep_items
from localizer.files.checksums import sha256_of
from localizer.images.photos import read_photo
from localizer.images.resizing import stretch


@pytest.fixture
def folder(synthetic_dataset, tmp_path):
    """A copy that a test may damage."""
    copy = tmp_path / "copy"
    shutil.copytree(synthetic_dataset.path, copy, ignore=shutil.ignore_patterns("images"))
    return copy


def write_samples(folder, samples):
    """Replace samples.csv as if the dataset had been generated so."""
    samples.to_csv(folder / "samples.csv", index=False)
    description = json.loads((folder / "dataset.json").read_text())
    description["sha256"]["samples.csv"] = sha256_of(folder / "samples.csv")
    (folder / "dataset.json").write_text(json.dumps(description))


def as_before(folder):
    """Make a dataset one of the version that called two columns species and breed; opens it."""
    table = folder / "samples.csv"
    header, rows = table.read_bytes().split(b"\n", 1)
    header = header.replace(b",supercategory,category", b",species,breed")
    table.write_bytes(header + b"\n" + rows)
    description = json.loads((folder / "dataset.json").read_text())
    del description["sha256"]["rows"]
    description["sha256"]["samples.csv"] = sha256_of(table)
    (folder / "dataset.json").write_text(json.dumps(description))
    return open_dataset(folder)


@pytest.mark.parametrize("count", [0, 1, 300])
def test_a_growing_array_is_a_npy_file(tmp_path, count):
    items = np.random.default_rng(0).integers(0, 256, (count, 3, 5), np.uint8)
    with GrowingArray(tmp_path / "a.npy", (3, 5)) as array:
        for item in items:
            array.append(item)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), items)
    on_disk = ArrayOnDisk(tmp_path / "a.npy")
    assert len(on_disk) == count
    np.testing.assert_array_equal(on_disk[1:20], items[1:20])
    with pytest.raises(IndexError):
        on_disk[count]


@pytest.mark.parametrize("rows", [[], [0, 2, 299], list(range(299, -1, -1))])
def test_some_items_of_an_array_are_kept(tmp_path, rows):
    items = np.random.default_rng(0).integers(0, 256, (300, 3, 5), np.uint8)
    np.save(tmp_path / "a.npy", items)
    keep_items(tmp_path / "a.npy", rows)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), items[rows])
    assert os.listdir(tmp_path) == ["a.npy"]


def test_whose_labels_they_are(folder):
    path = folder / "dataset.json"
    description = json.loads(path.read_text())
    assert description["labels"] == "truth" and open_dataset(folder).has_true_labels
    path.write_text(json.dumps(description | {"labels": {"teacher": "hub"}}))
    assert not open_dataset(folder).has_true_labels
    del description["labels"]  # Folders of before there were teachers.
    path.write_text(json.dumps(description))
    assert open_dataset(folder).has_true_labels


def test_the_dataset_inside_a_dataset(folder, tmp_path):
    assert open_dataset(folder).unlabelled is None
    shutil.copytree(folder, tmp_path / "inner")
    shutil.move(tmp_path / "inner", folder / "unlabelled")
    assert len(open_dataset(folder).unlabelled.samples) == 240
    (folder / "unlabelled" / "samples.csv").unlink()
    with pytest.raises(InputError, match="unlabelled: not a dataset folder"):
        _ = open_dataset(folder).unlabelled


def test_an_opened_dataset(synthetic_dataset):
    dataset = synthetic_dataset
    assert (dataset.name, dataset.target, dataset.image_size) == ("synthetic-head", "head", 160)
    assert isinstance(dataset.images, np.memmap) and not dataset.images.flags.writeable
    assert dataset.images.shape == (240, 160, 160, 3) and len(dataset.samples) == 240
    assert dataset.boxes_rel_xyxy.dtype == np.float32 and dataset.boxes_rel_xyxy.shape == (240, 4)
    splits = [dataset.indices(split) for split in ("train", "validation", "test")]
    assert sorted(np.concatenate(splits).tolist()) == list(range(240))
    assert (dataset.samples["split"].iloc[splits[2]] == "test").all()
    for index in (0, 239):
        photo = read_photo(dataset.root / dataset.samples["image"][index])
        np.testing.assert_array_equal(dataset.read_photo(index), photo)
        np.testing.assert_array_equal(stretch(photo, 160), dataset.images[index])
    assert dataset.classes("supercategory") == ["cat", "dog"]
    checksums = dict(dataset.description["sha256"])
    assert checksums.pop("rows") == rows_sha256(dataset.path / "samples.csv")
    for name, checksum in checksums.items():
        assert sha256_of(dataset.path / name) == checksum
    with pytest.raises(InputError, match="no split 'dev'"):
        dataset.indices("dev")


def test_names_that_look_like_numbers_stay_names(folder):
    samples = pd.read_csv(folder / "samples.csv", dtype=str)
    samples["category"], samples["image"] = "007", [f"{i:04}" for i in range(len(samples))]
    samples.loc[0, "supercategory"] = "NA"
    write_samples(folder, samples)
    opened = open_dataset(folder).samples
    assert set(opened["category"]) == {"007"} and opened["image"][1] == "0001"
    assert opened["supercategory"][0] == "NA"


def test_a_dataset_with_the_former_names_of_columns_is_the_same_one(folder):
    before = open_dataset(folder)
    former = as_before(folder)
    assert before.description["sha256"]["rows"] == sha256_of(folder / "samples.csv")
    assert former.samples.equals(before.samples)
    assert identity(former.description["sha256"]) == identity(before.description["sha256"])
    assert find_dataset(before.description["sha256"], folder.parent).path == folder


def test_missing_classes_and_empty_splits(folder):
    samples = pd.read_csv(folder / "samples.csv")
    samples["split"], samples["category"] = "train", "beagle"
    samples.loc[3, "supercategory"] = ""
    write_samples(folder, samples)
    dataset = open_dataset(folder)
    with pytest.raises(InputError, match="test split is empty.*--fractions"):
        dataset.indices("test")
    for column in ("supercategory", "category"):
        with pytest.raises(InputError, match=f"two or more names in column '{column}'"):
            dataset.classes(column)


def test_folders_that_are_no_dataset(folder, tmp_path):
    with pytest.raises(InputError, match="dataset.json is missing.*generate_dataset.py"):
        open_dataset(tmp_path / "nowhere")
    (folder / "images.npy").unlink()
    with pytest.raises(InputError, match="images.npy is missing"):
        open_dataset(folder)


DAMAGE = {
    "empty images": ("images.npy", lambda content: b"", "damaged"),
    "half the images": ("images.npy", lambda content: content[: len(content) // 2], "damaged"),
    "no array": ("images.npy", lambda content: b"PK\x03\x04" + content, "damaged"),
    "a row too few": ("samples.csv", lambda c: c[: c.rindex(b"\n", 0, -1) + 1], "239 rows"),
    "no table": ("samples.csv", lambda content: b"", "damaged"),
    "no width": ("samples.csv", lambda c: c.replace(b"width", b"breadth", 1), "column 'width'"),
    "no number": ("samples.csv", lambda c: c.replace(b",0.", b",zero.", 1), "damaged"),
    "not text": ("samples.csv", lambda c: c.replace(b"images", b"\xff\xfe", 1), "damaged"),
    "half the JSON": ("dataset.json", lambda c: c[: len(c) // 2], "damaged"),
    "other JSON": ("dataset.json", lambda c: json.dumps([1]).encode(), "dataset.json"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_folders(folder, damage):
    name, change, message = DAMAGE[damage]
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        open_dataset(folder)
    assert str(folder) in str(caught.value) and "--overwrite" in str(caught.value)


def test_the_default_dataset_is_the_newest_or_that_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"generate_dataset\.py"):
        default_dataset()
    for age, name in enumerate(("older", "newer")):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "dataset.json").write_text("{}")
        os.utime(tmp_path / "data" / name / "dataset.json", (age, age))
    assert default_dataset().name == "newer"
    (tmp_path / "data" / "newer" / "dataset.json").write_text('{"labels": {"teacher": "t"}}')
    assert default_dataset().name == "older"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("data: data/older")
    assert default_dataset(["baseline:mean", "run"]).name == "older"


@pytest.mark.parametrize(
    "change",
    [
        lambda images: np.zeros((240, 160, 160, 4), np.uint8),
        lambda images: np.zeros((240, 160, 50, 3), np.uint8),
        lambda images: np.asfortranarray(images),
    ],
    ids=["RGBA", "not square", "Fortran"],
)
def test_images_that_are_no_square_rgb_images_in_order(folder, change):
    images = change(np.load(folder / "images.npy"))
    np.save(folder / "images.npy", images)
    with pytest.raises(InputError, match=r"images\.npy.*not square RGB images.*--overwrite"):
        open_dataset(folder)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (3, "path of its folder or a Dataset, not int"),
        (None, "not NoneType"),
        ("photos", "--root .*photos --out data/NAME"),
        ("nowhere", "generate_dataset.py --out .*nowhere"),
    ],
)
def test_what_is_no_dataset_is_told_what_to_do(tmp_path, path, words):
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match=words):
        open_dataset(tmp_path / path if isinstance(path, str) else path)
