"""--split-by source and category, and photos of which the labels say that nothing is in them."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from localizer.dataset.dataset import open_dataset
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage

SCRIPT = "generate_dataset.py"


def photo(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    Image.fromarray(blobs).resize((60, 60)).save(path)


def test_a_yolo_set_with_its_own_splits(tmp_path, run_script):
    for seed, name in enumerate(("train/images/a", "train/images/b", "valid/images/c")):
        photo(tmp_path / "mine" / f"{name}.png", seed)
        label = tmp_path / "mine" / f"{name.replace('images', 'labels')}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text("0 0.5 0.5 0.4 0.4\n0 0.5 0.5 0.1 0.1\n")
    # One picture on both sides, and one without an object.
    photo(tmp_path / "mine/test/images/a.png", 0)
    (tmp_path / "mine/test/labels").mkdir()
    (tmp_path / "mine/test/labels/a.txt").write_text("0 0.5 0.5 0.4 0.4")
    photo(tmp_path / "mine/test/images/none.png", 9)
    done = run_script(SCRIPT, "--root", "mine", "--split-by", "source", "--image-size", 32)
    assert done.returncode == 0, done.stderr
    assert "note: labels: YOLO" in done.stderr and "1 photos have no label file" in done.stderr
    dataset = open_dataset(tmp_path / "data" / "yolo-object")
    splits = dataset.samples.set_index("image")["split"].to_dict()
    assert splits == {
        "train/images/b.png": "train",
        "valid/images/c.png": "validation",
        "test/images/a.png": "test",
        "test/images/none.png": "test",
    }
    skipped = pd.read_csv(dataset.path / "skipped.csv").set_index("image")["reason"]
    assert dataset.samples["image"][~dataset.has_object].tolist() == ["test/images/none.png"]
    assert "which is in the test split of the labels" in skipped["train/images/a.png"]
    counts = dataset.description["counts"]
    assert (counts["empty"], counts["several_objects"]) == (1, 3)
    assert dataset.description["fractions"] is None
    assert (
        "without an object: 0 train, 0 validation, 1 test" in done.stdout
        and "3 photos have several" in done.stdout
    )


def test_whole_categories_are_held_out(tmp_path):
    records = []
    for number in range(24):
        photo(tmp_path / f"{number}.png", number)
        category = f"kind {number % 8}"
        records.append(AnnotatedImage(f"{number}.png", (0.1, 0.1, 0.5, 0.5), category=category))
    settings = GenerationSettings(
        "csv", "object", tmp_path, 32, (0.5, 0.25, 0.25), seed=1, split_by="category"
    )
    dataset = generate_dataset(lambda _: records, settings, tmp_path / "out", progress=False)
    table = dataset.samples
    assert len(table) == 24 and table["split"].nunique() == 3
    assert (table.groupby("category")["split"].nunique() == 1).all()
    with pytest.raises(InputError, match="--split-by category .* have 1. Use --split-by name"):
        one = [record for record in records if record.category == "kind 1"]
        generate_dataset(lambda _: one, settings, tmp_path / "one", progress=False)


def test_a_source_without_splits_is_refused(tmp_path, run_script):
    photo(tmp_path / "mine" / "rex.png", 0)
    (tmp_path / "mine" / "rex.txt").write_text("0 0.5 0.5 0.4 0.4")
    done = run_script(SCRIPT, "--root", "mine", "--split-by", "source")
    assert done.returncode == 2 and "--split-by source finds no splits in the labels" in done.stderr
    done = run_script(SCRIPT, "--root", "mine", "--split-by", "source", "--fractions", 1, 0, 0)
    assert done.returncode == 2 and "--fractions: the labels say" in done.stderr
