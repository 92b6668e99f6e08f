"""Boxes of a teacher: on a folder of photos, in a file, and in a dataset's `unlabelled/` folder."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from localizer.commands.generate import open_teacher
from localizer.dataset.dataset import open_dataset
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.dataset.leaving_out import open_exclusion
from localizer.dataset.splits.split_tables import open_split
from localizer.dataset.teacher import Teacher, label_samples
from localizer.dataset.teacher_files import (
    check_labels_place,
    choose_labels,
    read_labels,
    write_labels,
)
from localizer.errors import InputError
from localizer.images.photos import read_photo
from localizer.images.reading_ahead import in_batches
from localizer.images.resizing import stretch
from localizer.predictors.predictor import Predictions, Predictor
from localizer.sources import folder
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from tests.dataset.test_dataset import write_samples
from tests.dataset.test_generation import noise

BOX = (0.25, 0.25, 0.75, 0.5)
TRAINED_ON = {
    "source": "oxford-pet",
    "target": "object",
    "seed": 0,
    "fractions": {"train": 0.5, "validation": 0.25, "test": 0.25},
}


class SizeTeacher(Predictor):
    """Answers with the photo's own size in thousands of pixels, and a score from its red."""

    name, trained_on = "size", TRAINED_ON

    def __init__(self, scores=True):
        self.batches = []
        self._scores = scores

    def predict(self, photos):
        self.batches.append(len(photos))
        boxes = [[0, 0, photo.shape[1] / 1000, photo.shape[0] / 1000] for photo in photos]
        boxes = np.float32(boxes)
        boxes[[photo[0, 0, 1] == 255 for photo in photos]] = np.nan
        red = [photo[0, 0, 0] / 255 if self._scores else np.nan for photo in photos]
        return Predictions(boxes, np.float32(red), [""] * len(photos))


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    return root


def save(root, name, number=0, red=255, green=0, size=(60, 40)):
    photo = noise(number, size)
    photo.putpixel((0, 0), (red, green, 0))
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    photo.save(root / name)


def label_folder(root, out="labelled", **options):
    teacher = Teacher(SizeTeacher(), options.pop("min_score", 0.0))
    settings = GenerationSettings(
        "folder",
        "object",
        root=root,
        image_size=32,
        fractions=(1, 0, 0),
        teacher=teacher,
        **options,
    )
    return generate_dataset(folder.read, settings, root.parent / out, True, progress=False)


def test_each_photo_gets_the_box_of_its_own_size_and_the_rest_a_reason(root):
    for number in range(70):  # More than two chunks.
        red = 51 if number == 40 else 255
        size = (100 + number, 80)
        save(root, f"{number:02}.png", number, red, 255 * (number == 5), size)
    (root / "33.png").write_bytes(b"damaged")
    save(root, "small.png", 90, size=(1, 1))
    dataset = label_folder(root, min_score=0.5)
    expected = [f"{n:02}.png" for n in range(70) if n not in (5, 33, 40)] + ["small.png"]
    assert dataset.samples["image"].tolist() == expected
    assert set(dataset.samples["split"]) == {"train"}
    assert set(dataset.samples["teacher"]) == {"size"}
    for index, row in enumerate(dataset.samples.itertuples()):
        assert (row.xmax, row.ymax) == pytest.approx((row.width / 1000, row.height / 1000))
        pixels = stretch(read_photo(root / row.image), 32)
        np.testing.assert_array_equal(dataset.images[index], pixels)
        assert row.score == pytest.approx(1.0)
    skipped = pd.read_csv(dataset.path / "skipped.csv").set_index("image")["reason"]
    assert skipped["05.png"] == "the teacher found no object"
    assert skipped["40.png"] == "score 0.2000 is below --min-score 0.5"
    assert len(skipped) == 3 and "not an image" in skipped["33.png"]
    assert not dataset.has_true_labels
    labels = dataset.description["labels"]
    assert (labels["teacher"], labels["sha256"], labels["min_score"]) == ("size", None, 0.5)
    assert labels["trained_on"] == TRAINED_ON | {"split_by": None}


def test_chunks_are_bounded_by_number_and_by_pixels(root, monkeypatch):
    samples = [{"image": f"{number}.png"} for number in range(40)]
    for number in range(40):
        save(root, f"{number}.png", number, size=(20, 10))
    teacher = SizeTeacher()
    label_samples(samples, Teacher(teacher), root, progress=False)
    assert teacher.batches == [32, 8]
    smaller = partial(in_batches, most_pixels=1000)
    monkeypatch.setattr("localizer.dataset.teacher.in_batches", smaller)
    label_samples(samples, Teacher(teacher), root, progress=False)
    assert teacher.batches[2:] == [5] * 8


def test_a_photo_that_went_away_does_not_shift_the_answers(root):
    save(root, "a.png", size=(100, 50))
    save(root, "c.png", size=(300, 50))
    samples = [{"image": f"{name}.png"} for name in "abc"]
    first, gone, last = label_samples(samples, Teacher(SizeTeacher()), root, progress=False)
    assert gone == Skipped("b.png", "no such file")
    assert (first["xmax"], last["xmax"]) == pytest.approx((0.1, 0.3))


def test_a_teacher_without_scores(root):
    save(root, "a.png")
    samples = [{"image": "a.png"}]
    [label] = label_samples(samples, Teacher(SizeTeacher(scores=False)), root, progress=False)
    assert np.isnan(label["score"])
    with pytest.raises(InputError, match="size gives no scores"):
        label_samples(samples, Teacher(SizeTeacher(scores=False), 0.1), root, progress=False)
    with pytest.raises(InputError, match="nothing to teach"):
        open_teacher("baseline:center")


def written(root):
    """A file of labels of twelve photos of `root`: images/0.png to images/11.png."""
    for number in range(12):
        save(root, f"images/{number}.png", number, red=100 + number)
    dataset = label_folder(root / "images", out="teacher")
    path = root.parent / "labels" / "mine.csv"
    write_labels(dataset, path, "python x.py")
    return dataset, path


def settings_for(root, **changes):
    options = {"fractions": (0.5, 0.25, 0.25), "image_size": 32, "root": root} | changes
    return GenerationSettings("oxford-pet", options.pop("target", "object"), **options)


def test_a_file_of_labels_gives_back_what_was_written(root):
    dataset, path = written(root)
    labels = read_labels(path)
    assert [one.image for one in labels.labels] == dataset.samples["image"].tolist()
    boxes = [one.box_rel_xyxy for one in labels.labels]
    np.testing.assert_allclose(boxes, dataset.boxes_rel_xyxy, atol=6e-6)
    np.testing.assert_allclose(
        [one.score for one in labels.labels], dataset.samples["score"], atol=6e-6
    )
    said = json.loads(path.with_suffix(".json").read_text())
    assert said["teacher"] == {"name": "size", "sha256": None, "command": "python x.py"}
    assert {fact: said[fact] for fact in TRAINED_ON} == TRAINED_ON


def test_labels_fit_only_the_split_that_the_teacher_was_trained_with(root):
    _, path = written(root)
    labels = read_labels(path)
    assert labels.misfit(settings_for(root)) == ""
    for change in (
        {"seed": 1},
        {"fractions": (0.8, 0.1, 0.1)},
        {"split_by": "official"},
        {"target": "head"},
    ):
        assert labels.misfit(settings_for(root, **change)) != ""
        with pytest.raises(InputError, match="--teacher-labels"):
            choose_labels(str(path), settings_for(root, **change))
    said = json.loads(path.with_suffix(".json").read_text())
    said |= {"source": None, "seed": None, "fractions": None}
    path.with_suffix(".json").write_text(json.dumps(said))
    assert read_labels(path).misfit(settings_for(root, seed=1)) == ""
    assert read_labels(path).misfit(settings_for(root, target="head")) != ""


def test_auto_takes_the_shipped_file_where_it_fits(root, monkeypatch):
    _, path = written(root)
    for old in (path, path.with_suffix(".json")):
        old.rename(old.with_name(f"oxford_pet_object{old.suffix}"))
    monkeypatch.setattr("localizer.dataset.teacher_files.shipped_folder", lambda kind: path.parent)
    labels, note = choose_labels("auto", settings_for(root))
    assert len(labels.labels) == 12 and note == ""
    labels, note = choose_labels("auto", settings_for(root, seed=3))
    assert labels is None and "seed 0, not 3" in note and "\n" not in note
    assert choose_labels("auto", settings_for(root, target="body")) == (None, "")
    assert choose_labels("none", settings_for(root)) == (None, "")
    others = GenerationSettings("csv", "object", root=root)
    with pytest.raises(InputError, match="is for oxford-pet, not for csv"):
        choose_labels("labels.csv", others)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("csv", "ymax", "height", "line 1: no column 'ymax'"),
        ("csv", "\n10.png,0", "\n10.png,7", "line 4: .*inverted"),
        ("csv", "\n10.png,0", "\n10.png,x", "line 4: "),
        ("json", "{", "", "damaged"),
        ("json", '"seed"', '"seat"', "does not say all of .*seed"),
        ("json", '"name": "size"', '"called": "size"', "teacher has no name"),
    ],
)
def test_damaged_labels(root, file, old, new, message):
    _, path = written(root)
    damaged = path.with_suffix(f".{file}")
    text = damaged.read_text()
    assert old in text
    damaged.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        read_labels(path)
    assert str(path.stem) in str(caught.value)


def test_labels_that_are_missing_and_boxes_that_are_true(root):
    with pytest.raises(InputError, match="nowhere.json: no such file.*--write-labels"):
        read_labels(root / "nowhere.csv")
    save(root, "a.png")
    settings = GenerationSettings("csv", "object", root=root, image_size=32)
    records = [AnnotatedImage("a.png", BOX)]
    dataset = generate_dataset(lambda _: records, settings, root.parent / "true", progress=False)
    assert dataset.has_true_labels and dataset.unlabelled is None
    with pytest.raises(InputError, match="people drew"):
        write_labels(dataset, root / "x.csv", "")


def with_companion(root, path, records, **options):
    settings = settings_for(root, companion=read_labels(path), **options)
    out = root.parent / "main"
    return generate_dataset(lambda _: records, settings, out, overwrite=True, progress=False)


def test_the_companion_has_what_neither_is_used_nor_shows_what_is_evaluated_on(root):
    """Twelve photos with a teacher's label; the first four and copies of four are annotated."""
    _, path = written(root)
    used = [f"images/{number}.png" for number in range(4)]
    copies = [f"images/{number + 50}.jpg" for number in range(4, 8)]
    for number in range(4, 8):
        noise(number, (120, 80)).save(root / f"images/{number + 50}.jpg", quality=80)
    others = [f"images/{number}.png" for number in range(4, 11)]  # 11.png is unknown to it.
    records = [AnnotatedImage(name, BOX) for name in used + copies]
    records += [Skipped(name, "no annotation") for name in others]
    dataset = with_companion(root, path, records)
    splits = dict(zip(dataset.samples["image"], dataset.samples["split"], strict=True))
    held = {i for i in range(4, 8) if splits[f"images/{i + 50}.jpg"] != "train"}
    assert 0 < len(held) < 4  # Both cases are there.

    added = dataset.unlabelled
    kept = [f"images/{i}.png" for i in (4, 5, 6, 7, 8, 9, 10) if i not in held]
    assert sorted(added.samples["image"]) == sorted(kept)
    assert set(added.samples["split"]) == {"train"} and set(added.samples["teacher"]) == {"size"}
    # These photos are called "4" and so on; the real ones "Abyssinian_4".
    assert set(added.samples["supercategory"]) == {"dog"}
    assert added.samples["category"].tolist() == [name[7:-4] for name in added.samples["image"]]
    assert not added.has_true_labels and dataset.has_true_labels and added.unlabelled is None
    assert added.description["labels"]["teacher"] == "size" and added.root == dataset.root
    for index, row in enumerate(added.samples.itertuples()):
        number = int(row.image[7:-4])
        assert row.score == pytest.approx((100 + number) / 255, abs=1e-5)
        np.testing.assert_array_equal(
            added.images[index], stretch(read_photo(root / row.image), 32)
        )
    reasons = pd.read_csv(added.path / "skipped.csv").set_index("image")["reason"]
    assert reasons["11.png"] == "no such photo below the root"
    assert all("has it, with a true box" in reasons[name] for name in used)
    for number in held:
        copy = f"images/{number + 50}.jpg"
        words = f"near-duplicate of {copy} in the {splits[copy]} split"
        assert reasons[f"images/{number}.png"] == words

    alone = settings_for(root)
    plain = generate_dataset(lambda _: records, alone, root.parent / "plain", progress=False)
    assert plain.description == dataset.description and plain.unlabelled is None


def test_the_companion_leaves_out_the_official_test_list(root):
    _, path = written(root)
    splits = ["trainval"] * 4 + ["test"] * 8
    records = [AnnotatedImage(f"images/{i}.png", BOX, official_split=splits[i]) for i in (0, 4, 5)]
    records += [
        Skipped(f"images/{i}.png", "none", splits[i]) for i in range(12) if i not in (0, 4, 5)
    ]
    dataset = with_companion(root, path, records, split_by="official")
    assert sorted(dataset.unlabelled.samples["image"]) == [f"images/{i}.png" for i in (1, 2, 3)]


def test_labels_beside_a_split_file_take_what_it_does_not_hold_out(root, capsys):
    _, path = written(root)
    table = root.parent / "splits.csv"
    records = [AnnotatedImage(f"images/{i}.png", BOX) for i in (0, 1, 4)]
    records += [Skipped(f"images/{i}.png", "none") for i in range(12) if i not in (0, 1, 4)]

    def made(held_out):
        rows = ["images/0.png,train", *(f"images/{i}.png,test" for i in held_out)]
        table.write_text("\n".join(["image,split", *rows]))
        split_by, file = open_split(table, None)
        return with_companion(root, path, records, split_by=split_by, split_file=file)

    # 1 has a box and no split: left out on purpose.
    kept = {f"images/{i}.png" for i in range(12) if i not in (0, 1, 4, 7)}
    assert set(made([4, 7]).unlabelled.samples["image"]) == kept
    assert capsys.readouterr().err == ""
    assert made(range(4, 12)).unlabelled is not None
    assert made([*range(2, 12)]).unlabelled is None
    said = capsys.readouterr().err
    assert "none of the" in said and "can be used, such as images/" in said


def test_the_companion_leaves_out_what_the_dataset_excludes(root):
    _, path = written(root)
    other = GenerationSettings("csv", "object", root=root, image_size=32)
    kept_apart = [AnnotatedImage(f"images/{number}.png", BOX) for number in (6, 7)]
    other = generate_dataset(lambda _: kept_apart, other, root.parent / "other", progress=False)
    records = [AnnotatedImage("images/0.png", BOX)]
    records += [Skipped(f"images/{number}.png", "no annotation") for number in range(1, 12)]
    exclude = (open_exclusion(str(other.path)),)
    added = with_companion(root, path, records, exclude=exclude).unlabelled
    expected = {f"images/{number}.png" for number in range(1, 12) if number not in (6, 7)}
    assert set(added.samples["image"]) == expected
    reasons = pd.read_csv(added.path / "skipped.csv").set_index("image")["reason"]
    assert "the same photo as images/6.png in " in reasons["images/6.png"]


def test_without_a_photo_to_add_there_is_no_companion(root):
    _, path = written(root)
    records = [AnnotatedImage(f"images/{number}.png", BOX) for number in range(12)]
    assert with_companion(root, path, records).unlabelled is None
    assert open_dataset(root.parent / "main").has_true_labels


def test_scores_may_be_missing_and_names_stay_text(root):
    save(root, "007.png")
    dataset = label_folder(root)
    table = pd.read_csv(dataset.path / "samples.csv", dtype=str)
    table["score"], table["teacher"] = "", "007"
    write_samples(dataset.path, table)
    samples = open_dataset(dataset.path).samples
    assert np.isnan(samples["score"][0]) and samples["teacher"][0] == "007"


def test_labels_do_not_replace_what_is_not_theirs(tmp_path):
    with pytest.raises(InputError, match="name a .csv file"):
        check_labels_place(tmp_path / "photo.jpg", overwrite=True)
    (tmp_path / "a.json").write_text("precious")
    with pytest.raises(InputError, match="a.json exists already"):
        check_labels_place(tmp_path / "a.csv", overwrite=False)
    check_labels_place(tmp_path / "a.csv", overwrite=True)
