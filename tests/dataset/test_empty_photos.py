"""Photos without an object in a dataset folder: of the labels, of folders, and left out."""

import json

import numpy as np
import pandas as pd
import pytest

from localizer.dataset.dataset import open_dataset
from localizer.dataset.empty_photos import open_empty_folders
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.dataset.leaving_out import open_exclusion
from localizer.dataset.splits.splitting import split_of
from localizer.dataset.summary import summarize_dataset
from localizer.dataset.teacher import Teacher
from localizer.dataset.teacher_files import write_labels
from localizer.errors import InputError
from localizer.files.checksums import sha256_of
from localizer.predictors.constant import constant_predictor
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import no_object
from tests.dataset.test_generation import noise

BOX = (0.25, 0.25, 0.75, 0.5)
HALVES = (0.5, 0.25, 0.25)


@pytest.fixture
def root(tmp_path):
    for folder, first in (("photos", 0), ("photos/none", 20), ("elsewhere/deep", 40)):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(first, first + 8):
            noise(number).save(tmp_path / folder / f"dog_{number}.png")
    return tmp_path / "photos"


def labelled(**fields):
    return [AnnotatedImage(f"dog_{number}.png", BOX, **fields) for number in range(8)]


def generate(root, records, folders=(), out="data", **options):
    settings = GenerationSettings(
        "csv",
        "object",
        root=root,
        image_size=32,
        empty_folders=open_empty_folders(folders, root),
        **{"fractions": HALVES} | options,
    )
    return generate_dataset(lambda _: records, settings, root.parent / out, progress=False)


def test_photos_of_folders_are_named_split_by_name_and_found(root):
    folders = [root / "none", root.parent / "elsewhere"]
    # What is named in a source without a box gives way.
    records = [*labelled(category="pug"), Skipped("none/dog_20.png", "no annotation")]
    dataset = generate(root, records, folders)
    empty = dataset.samples[~dataset.has_object]
    names = [f"none/dog_{n}.png" for n in range(20, 28)]
    names += [f"empty/deep/dog_{n}.png" for n in range(40, 48)]
    assert empty["image"].tolist() == names and (empty["category"] == "").all()
    assert np.isnan(dataset.boxes_rel_xyxy[8:]).all()
    assert empty["split"].tolist() == [split_of(name, 0, HALVES) for name in names]
    assert dataset.description["empty_folders"] == {"empty": str(folders[1].resolve())}
    np.testing.assert_array_equal(dataset.read_photo(15), np.array(noise(27)))
    np.testing.assert_array_equal(dataset.read_photo(16), np.array(noise(40)))
    train = dataset.indices("train")
    assert set(train) == {*np.flatnonzero(dataset.samples["split"][:8] == "train")}
    rows = np.concatenate([dataset.empty_indices(s) for s in ("train", "validation", "test")])
    assert sorted(rows) == list(range(8, 24))
    counts = dataset.description["counts"]
    assert (counts["used"], counts["empty"], counts["train"]) == (24, 16, len(train))
    assert counts["empty_train"] == len(dataset.empty_indices("train"))
    assert f"{counts['empty_train']} train, " in summarize_dataset(dataset)
    assert "16 without an object" in repr(dataset)
    assert pd.read_csv(dataset.path / "skipped.csv").empty
    np.testing.assert_allclose(dataset.description["mean_box_rel_xyxy"], BOX)


def test_empty_photos_keep_out_their_copies(root):
    dataset = generate(root, labelled(), [root.parent / "elsewhere"])
    noise(40).save(root / "copy.png")
    exclude = (open_exclusion(str(dataset.path)),)
    records = [AnnotatedImage("copy.png", BOX), AnnotatedImage("none/dog_20.png", BOX)]
    other = generate(root, records, out="other", exclude=exclude)
    assert other.samples["image"].tolist() == ["none/dog_20.png"]


def test_labels_without_an_object_and_what_leaves_them_out(root):
    records = [*labelled(), no_object("none/dog_20.png", "boxes.csv line 9", (120, 80))]
    dataset = generate(root, records)
    assert dataset.samples.iloc[8][["width", "height"]].tolist() == [120, 80]
    same = generate(root, records, [root / "none"], "same")
    assert same.samples.set_index("image").loc["none/dog_20.png", "width"] == 120
    assert (~same.has_object).sum() == 8 and same.samples["image"].is_unique
    without = generate(root, records, out="without", leave_out_empty=True)
    assert without.has_object.all() and len(without.samples) == 8
    plain = generate(root, labelled(), out="plain")
    for name in ("samples.csv", "images.npy", "contact_sheet.jpg"):
        assert sha256_of(without.path / name) == sha256_of(plain.path / name)
    skipped = pd.read_csv(without.path / "skipped.csv")
    assert skipped["reason"].tolist() == ["no object annotated"]
    assert "1 photos have no object" in summarize_dataset(without)


def test_categories_and_tables_leave_empty_photos_to_their_names(root):
    records = [
        AnnotatedImage(f"dog_{number}.png", BOX, category=f"kind {number}") for number in range(8)
    ]
    empty = no_object("none/dog_21.png")
    dataset = generate(root, [*records, empty], split_by="category")
    assert dataset.samples["split"].iloc[8] == split_of(empty.image, 0, HALVES)
    assert dataset.classes("category") == [f"kind {number}" for number in range(8)]
    listed = [AnnotatedImage(one.image, BOX, official_split="train") for one in records]
    folders = [root.parent / "elsewhere"]
    dataset = generate(root, [*listed, empty], folders, "listed", split_by="source")
    assert set(dataset.samples["split"][:8]) == {"train"} and len(dataset.samples) == 16
    assert dataset.samples["split"][8:].tolist() == [
        split_of(name, 0, HALVES) for name in dataset.samples["image"][8:]
    ]


def test_a_teacher_makes_no_empty_photo_and_labels_none(root):
    class Blind(type(constant_predictor("baseline:center", None))):
        def predict(self, photos):
            found = super().predict(photos)
            found.boxes_rel_xyxy[[photo[0, 0, 0] == blind for photo in photos]] = np.nan
            return found

    blind = np.array(noise(3))[0, 0, 0]
    teacher = Teacher(Blind("teacher", BOX))
    records = [AnnotatedImage(f"dog_{number}.png", None) for number in range(8)]
    settings = GenerationSettings(
        "folder",
        "object",
        root=root,
        image_size=32,
        fractions=(1, 0, 0),
        teacher=teacher,
        empty_folders=open_empty_folders([root / "none"], root),
    )
    dataset = generate_dataset(lambda _: records, settings, root.parent / "out", progress=False)
    skipped = pd.read_csv(dataset.path / "skipped.csv").set_index("image")["reason"]
    assert skipped["dog_3.png"] == "the teacher found no object"
    assert (~dataset.has_object).sum() == 8
    teachers = dataset.samples["teacher"]
    assert (teachers[~dataset.has_object] == "").all()
    assert (teachers[dataset.has_object] == "teacher").all()
    write_labels(dataset, root.parent / "labels.csv", "command")
    labels = pd.read_csv(root.parent / "labels.csv")
    assert labels["image"].tolist() == dataset.samples["image"][dataset.has_object].tolist()


def test_what_cannot_be_is_refused(root):
    with pytest.raises(InputError, match="--empty .*gone: no such folder"):
        open_empty_folders([root / "gone"], root)
    with pytest.raises(InputError, match="given twice"):
        open_empty_folders([root / "none", root / "none"], root)
    with pytest.raises(InputError, match="photos of --root are in it"):
        open_empty_folders([root.parent], root)
    (root / "nothing").mkdir()
    with pytest.raises(InputError, match="nothing: no photo below it"):
        generate(root, labelled(), [root / "nothing"])
    boxed = AnnotatedImage("none/dog_22.png", BOX, place="boxes.csv line 3")
    with pytest.raises(InputError, match=r"dog_22.png has an annotated object \(boxes.csv line 3"):
        generate(root, [boxed], [root / "none"])
    with pytest.raises(InputError, match="none of 1 images has an object"):
        generate(root, [no_object("none/dog_20.png")])


def test_a_box_with_some_corners_is_damage(root):
    dataset = generate(root, labelled())
    table = dataset.path / "samples.csv"
    table.write_text(table.read_text().replace(",0.25,0.25,0.75,0.5,", ",0.25,,0.75,0.5,", 1))
    description = json.loads((dataset.path / "dataset.json").read_text())
    description["sha256"]["samples.csv"] = sha256_of(table)
    (dataset.path / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="row 1: a box with 3 of 4 corners"):
        open_dataset(dataset.path)
