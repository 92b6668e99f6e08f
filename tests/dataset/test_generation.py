"""Making a dataset folder: what is stored, which photos are left out, and folders that stand."""

import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from localizer.dataset import generation as dataset_generation
from localizer.dataset.dataset import open_dataset
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.dataset.leaving_out import open_exclusion
from localizer.dataset.splits.splitting import leader, official_split_of, position, split_of
from localizer.errors import InputError
from localizer.images.photos import read_photo
from localizer.images.resizing import stretch
from localizer.sources.annotated_image import AnnotatedImage, Skipped

BOX = (0.25, 0.25, 0.75, 0.5)


def noise(seed, size=(60, 40)):
    """A photo with structure of its own, unlike those of other seeds."""
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
    return Image.fromarray(blobs).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    for number in range(12):
        noise(number).save(root / f"dog_{number}.png")
    return root


def generate(root, records, out="data", overwrite=False, **options):
    settings = GenerationSettings("csv", "object", root=root, image_size=32, **options)
    read = records if callable(records) else lambda folder: records
    return generate_dataset(read, settings, root.parent / out, overwrite, progress=False)


def photos(count, **fields):
    return [AnnotatedImage(f"dog_{number}.png", BOX, **fields) for number in range(count)]


@pytest.mark.parametrize("workers", [1, 3])
def test_rows_and_pixels_belong_together(root, workers):
    dataset = generate(root, photos(12, category="pug"), workers=workers, seed=4)
    assert dataset.samples["image"].tolist() == [f"dog_{number}.png" for number in range(12)]
    for index, row in enumerate(dataset.samples.itertuples()):
        expected = stretch(read_photo(root / row.image), 32)
        np.testing.assert_array_equal(dataset.images[index], expected)
        assert (row.width, row.height, row.category, row.supercategory) == (60, 40, "pug", "")
        assert row.split == split_of(row.image, 4, (0.8, 0.1, 0.1)) and row.group == row.image
    np.testing.assert_allclose(dataset.boxes_rel_xyxy, np.tile(BOX, (12, 1)))


def test_copies_take_the_split_of_their_leader_also_where_it_has_no_box(root):
    for number in range(6):
        noise(number, (120, 80)).save(root / f"dog_{number + 50}.jpg", quality=60)
    pairs = [(f"dog_{number}.png", f"dog_{number + 50}.jpg") for number in range(6)]
    for hidden in (0, 1):  # Which of the two is annotated.
        records = [AnnotatedImage(pair[1 - hidden], BOX) for pair in pairs]
        records += [Skipped(pair[hidden], "no annotation") for pair in pairs]
        dataset = generate(root, records, f"hidden{hidden}", fractions=(0.5, 0.25, 0.25))
        for row, pair in zip(dataset.samples.itertuples(), pairs, strict=True):
            assert row.group == leader(pair)
            assert row.split == split_of(leader(pair), 0, (0.5, 0.25, 0.25))
        assert dataset.description["counts"]["near_duplicate_groups"] == 6
    alone = generate(root, records, "alone", find_duplicates=False)
    assert alone.samples["group"].tolist() == alone.samples["image"].tolist()


def test_what_cannot_be_used_is_left_out_with_a_reason(root):
    (root / "broken.png").write_bytes((root / "dog_0.png").read_bytes()[:90])
    unusable = {
        "gone.png": AnnotatedImage("gone.png", BOX),
        "broken.png": AnnotatedImage("broken.png", BOX),
        "dog_1.png": AnnotatedImage("dog_1.png", (0.5, 0.5, 0.5, 0.9)),
        "dog_2.png": AnnotatedImage("dog_2.png", (1.5, 0.5, 1.9, 0.9)),
        "dog_3.png": AnnotatedImage("dog_3.png", BOX, width=40, height=60),
        "dog_4.png": Skipped("dog_4.png", f"{root / 'x.xml'}: no <object> in it"),
        "x" * 300: Skipped("x" * 300, "no such file"),
    }
    used = [
        AnnotatedImage("dog_5.png", BOX, width=600, height=402),
        AnnotatedImage("dog_6.png", (-0.1, 0.25, 0.5, 1.3)),
    ]
    dataset = generate(root, [*unusable.values(), *used])
    skipped = pd.read_csv(dataset.path / "skipped.csv")
    assert skipped["image"].tolist() == list(unusable)
    words = ["no such file", "cannot be decoded", "empty or inverted", "outside the image"]
    words += ["not the same picture", "x.xml: no <object> in it", "no such file"]
    for word, reason in zip(words, skipped["reason"], strict=True):
        assert word in reason and str(root) not in reason
    places = skipped.set_index("image")["place"].dropna()
    assert places.to_dict() == {"dog_3.png": "annotated as 40x60, shown as 60x40"}
    assert dataset.samples[["width", "height"]].to_numpy().tolist() == [[600, 402], [60, 40]]
    np.testing.assert_allclose(dataset.boxes_rel_xyxy[1], [0, 0.25, 0.5, 1])
    counts = dataset.description["counts"]
    assert (counts["listed"], counts["used"], counts["clipped_boxes"]) == (9, 2, 1)


def test_nothing_to_use(root):
    with pytest.raises(InputError, match="no image at all"):
        generate(root, [])
    with pytest.raises(InputError, match="none of 1 images is usable.*a.jpg: no annotation"):
        generate(root, [Skipped("a.jpg", "no annotation")])
    assert os.listdir(root.parent) == ["photos"]


def failing(error):
    def read(folder):
        yield from photos(3)
        raise error

    return read


@pytest.mark.parametrize("error", [InputError("bad"), OSError(28, "No space left"), SystemExit(1)])
def test_a_failure_keeps_what_stood_there(root, error):
    before = generate(root, photos(3)).description
    expected = SystemExit if isinstance(error, SystemExit) else InputError
    with pytest.raises(expected):
        generate(root, failing(error), overwrite=True)
    assert sorted(os.listdir(root.parent)) == ["data", "photos"]
    assert open_dataset(root.parent / "data").description == before


def test_the_old_folder_comes_back_when_the_new_one_cannot_be_moved(root, monkeypatch):
    before = generate(root, photos(3)).description
    replace = os.replace

    def refuse_the_new_one(source, target):
        if os.path.basename(source) == "dataset":
            raise PermissionError(13, "Permission denied", str(target))
        replace(source, target)

    monkeypatch.setattr(dataset_generation.os, "replace", refuse_the_new_one)
    with pytest.raises(InputError, match="Permission denied"):
        generate(root, photos(5), overwrite=True)
    assert sorted(os.listdir(root.parent)) == ["data", "photos"]
    assert open_dataset(root.parent / "data").description == before


def test_only_dataset_folders_are_replaced(root):
    (root.parent / "precious").mkdir()
    (root.parent / "precious" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="choose another --out"):
        generate(root, photos(3), "precious", overwrite=True)
    assert os.listdir(root.parent / "precious") == ["thesis.txt"]
    generate(root, photos(3))
    with pytest.raises(InputError, match="--overwrite replaces it"):
        generate(root, photos(3))
    assert len(generate(root, photos(5), overwrite=True).samples) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fractions": (0.5, 0.5, 0.5)}, "add up to 1"),
        ({"fractions": (1.5, -0.5, 0)}, "not be negative"),
        ({"fractions": (float("nan"), 0.5, 0.5)}, "add up to 1"),
    ],
)
def test_bad_settings(root, options, message):
    with pytest.raises(InputError, match=message):
        generate(root, photos(3), **options)


def skipped_in(dataset):
    return pd.read_csv(dataset.path / "skipped.csv").set_index("image")["reason"].to_dict()


def test_photos_of_other_datasets_and_copies_of_them_are_kept_out(root):
    other = generate(root, photos(6), "other", fractions=(0.5, 0.25, 0.25))
    split = dict(zip(other.samples["image"], other.samples["split"], strict=True))
    for number in (1, 4):
        noise(number, (120, 80)).save(root / f"dog_{number + 50}.jpg", quality=60)
    Image.new("RGB", (60, 40)).save(root / "dog_3.png")  # Blank by now, but the same file.
    records = photos(12) + [AnnotatedImage(f"dog_{number}.jpg", BOX) for number in (51, 54)]
    exclude = (open_exclusion(str(root.parent / "other")),)
    dataset = generate(root, records, exclude=exclude)
    assert dataset.samples["image"].tolist() == [f"dog_{number}.png" for number in range(6, 12)]
    for index, row in enumerate(dataset.samples.itertuples()):
        np.testing.assert_array_equal(dataset.images[index], stretch(dataset.read_photo(index), 32))
        assert row.split == split_of(row.image, 0, (0.8, 0.1, 0.1))
    reasons = skipped_in(dataset)
    for name in split:
        words = f"the same photo as {name} in {root.parent / 'other'}: {split[name]}"
        assert reasons[name] == words
    for number in (1, 4):
        name = f"dog_{number}.png"
        words = f"near-duplicate of {name} in {root.parent / 'other'}: {split[name]}"
        assert reasons[f"dog_{number + 50}.jpg"] == words
    assert len(reasons) == 8 and dataset.description["counts"]["near_duplicate_groups"] == 0


def test_only_the_named_splits_are_kept_out_also_where_the_photos_are_gone(root):
    other = generate(root, photos(12), "other", fractions=(0.4, 0.3, 0.3))
    moved = root.rename(root.parent / "elsewhere")
    exclude = (open_exclusion(f"{other.path}:validation,test"),)
    dataset = generate(moved, photos(12), find_duplicates=False, exclude=exclude)
    train = other.samples.loc[other.samples["split"] == "train", "image"]
    assert 0 < len(train) < 12
    assert dataset.samples["image"].tolist() == train.tolist()
    with pytest.raises(InputError, match="none of 12 images is usable.*near-duplicate of dog_0"):
        generate(moved, photos(12), "none", exclude=(open_exclusion(str(other.path)),))


def test_exclusions_that_cannot_be_opened(root):
    generate(root, photos(3), fractions=(1, 0, 0))
    for text, message in [
        ("data:tets", "no split 'tets'; there are train, validation, test"),
        ("data:test", "test split is empty"),
        ("nowhere", "not a dataset folder"),
        ("nowhere:test", "nowhere: not a dataset folder"),
    ]:
        with pytest.raises(InputError, match=message):
            open_exclusion(str(root.parent / text))


def test_the_official_test_list_stays_and_its_copies_are_not_trained_on(root):
    for number in range(4):
        noise(number, (120, 80)).save(root / f"dog_{number + 50}.jpg", quality=60)
    lists = ["trainval"] * 6 + ["test"] * 5 + [""]
    records = [
        AnnotatedImage(f"dog_{number}.png", BOX, official_split=split)
        for number, split in enumerate(lists)
    ]
    records += [  # Copies: of two photos for training, one in each list; and one without a box.
        AnnotatedImage("dog_50.jpg", BOX, official_split="test"),
        AnnotatedImage("dog_51.jpg", BOX, official_split="trainval"),
        Skipped("dog_52.jpg", "no box", "test"),
        Skipped("dog_53.jpg", "no box", "trainval"),
    ]
    dataset = generate(root, records, split_by="official", fractions=(0.3, 0.3, 0.4))
    splits = dict(zip(dataset.samples["image"], dataset.samples["split"], strict=True))
    tests = [f"dog_{number}.png" for number in range(6, 11)] + ["dog_50.jpg"]
    assert [image for image, split in splits.items() if split == "test"] == tests
    for image, first in [
        ("dog_1.png", leader(["dog_1.png", "dog_51.jpg"])),
        ("dog_51.jpg", leader(["dog_1.png", "dog_51.jpg"])),
        ("dog_3.png", leader(["dog_3.png", "dog_53.jpg"])),
        ("dog_4.png", "dog_4.png"),
        ("dog_5.png", "dog_5.png"),
    ]:
        assert splits[image] == ("train" if position(first, 0) < 0.5 else "validation")
    assert len(splits) == 6 + 5
    reasons = skipped_in(dataset)
    for image, test in [("dog_0.png", "dog_50.jpg"), ("dog_2.png", "dog_52.jpg")]:
        assert reasons[image] == f"near-duplicate of {test}, which is in the official test list"
    assert reasons["dog_11.png"] == "in no official list"
    assert dataset.description["split_by"] == "official"


def test_the_official_training_list_is_divided_in_proportion():
    names = [f"dog_{number}" for number in range(1000)]
    divided = [official_split_of(name, "trainval", 0, (0.6, 0.2, 0.2)) for name in names]
    assert divided.count("train") == pytest.approx(750, abs=5)
    assert divided.count("validation") == 1000 - divided.count("train")
    only = {official_split_of(name, "trainval", 0, (0.0, 0.1, 0.9)) for name in names}
    assert only == {"validation"}


def test_official_lists_that_give_no_test(root):
    boxless = [*photos(3, official_split="trainval"), Skipped("dog_4.png", "no box", "test")]
    with pytest.raises(InputError, match="none of the 1 photos .* object box.*--split-by name"):
        generate(root, boxless, split_by="official")
    with pytest.raises(InputError, match="no official test list.*--split-by name"):
        generate(root, photos(3), split_by="official")
    with pytest.raises(InputError, match="train or validation"):
        generate(root, boxless, split_by="official", fractions=(0, 0, 1))
