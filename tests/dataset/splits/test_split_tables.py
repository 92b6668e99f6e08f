"""Splits that somebody made: what a table may look like, and what becomes of the photos."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from localizer.dataset.dataset import open_dataset
from localizer.dataset.splits.split_tables import open_split, read_split_file
from localizer.errors import InputError

SCRIPT = "generate_dataset.py"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_may_have_other_columns_names_and_objects(tmp_path, separator):
    path = tmp_path / "splits.csv"
    lines = ["Split,xmin,Image", "train,3,a/rex.jpg", "VAL,4,./kit.png", "valid,,b.png"]
    lines += ["dev,,c.png", "Validation,,d.png", "test,,7", "", "train,9,a/rex.jpg"]
    path.write_text("\n".join(lines).replace(",", separator), encoding="utf-8-sig")
    held_out = dict.fromkeys(("kit.png", "b.png", "c.png", "d.png"), "validation")
    expected = {"a/rex.jpg": "train", "7": "test"} | held_out
    assert read_split_file(path).splits == expected
    split_by, file = open_split(str(path), None)
    assert split_by == file.identity == read_split_file(path).identity
    assert (open_split("name", None), open_split("official", [1, 0, 0])) == (
        ("name", None),
        ("official", None),
    )
    path.write_text(path.read_text().replace("test", "train"))
    assert open_split(path, None)[0] != split_by


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,split\na.png,train\nb.png,tset\n", "splits.csv line 3: the split is 'tset'.*test"),
        ("image,split\na.png\n", "line 2: 1 fields, but the header has 2"),
        ("split,image\ntrain,a.png\ntest\n", "line 3: 1 fields"),
        ("image,split\na.png,train\n,test\n", "line 3: there is no image"),
        ("image,split\na.png,train\nb.png,test\na.png,test\n", "line 4: a.png.* by line 2"),
        ("image,split\n../a.png,train\n", "line 2: .*leads out of the root"),
        ("image,part\na.png,train\n", "line 1: no column named split"),
        ("image,split\n", "line 1: there is no row"),
        ("", "line 1: the file is empty"),
        ('image,split\n"a.png,train\n', "line 2: .*check the quotes"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, content, message):
    (tmp_path / "splits.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        open_split(tmp_path / "splits.csv", None)


def make_photos(root, table):
    """Twelve photos, 3 and 5 smaller copies of 0 and 1; boxes and splits in one table."""
    root.mkdir()
    seeds = [0, 1, 2, 0, 4, 1, *range(6, 12)]
    for number, seed in enumerate(seeds):
        blobs = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
        size = (60, 40) if number in (3, 5) else (120, 80)
        Image.fromarray(blobs).resize(size, Image.Resampling.BICUBIC).save(root / f"{number}.png")
    rows = [f"{number}.png,.2,.2,.7,.6,{split}" for number, split in table.items()]
    (root / "boxes.csv").write_text("\n".join(["image,xmin,ymin,xmax,ymax,split", *rows]))
    return ["--source", "csv", "--root", root, "--box-format", "relative", "--image-size", 32]


def test_photos_go_where_the_table_says_and_copies_of_held_out_ones_are_left_out(
    tmp_path, run_script
):
    table = {0: "train", 1: "val", 2: "test", 3: "val", 4: "train", 5: "test", 6: "train"}
    source = make_photos(tmp_path / "photos", table)
    options = ["--split-by", "photos/boxes.csv", "--out", "one"]
    done = run_script(SCRIPT, *source, *options)
    assert done.returncode == 0, done.stderr
    one = open_dataset(tmp_path / "one")
    found = dict(zip(one.samples["image"], one.samples["split"], strict=True))
    assert found == {
        "2.png": "test",
        "3.png": "validation",
        "4.png": "train",
        "5.png": "test",
        "6.png": "train",
    }
    skipped = pd.read_csv(tmp_path / "one" / "skipped.csv").set_index("image")["reason"]
    place = "which is in the {} split of boxes.csv"
    assert skipped.to_dict() == {
        "0.png": "near-duplicate of 3.png, " + place.format("validation"),
        "1.png": "near-duplicate of 5.png, " + place.format("test"),
    }
    assert one.description["split_by"].startswith("file sha256:")
    assert "not used" not in done.stderr
    # The samples of a dataset are such a table: another dataset with the same split.
    done = run_script(SCRIPT, *source, "--split-by", "one/samples.csv", "--out", "two")
    assert done.returncode == 0 and "not used: split\n" in done.stderr, done.stderr
    two = open_dataset(tmp_path / "two")
    pd.testing.assert_frame_equal(two.samples[["image", "split"]], one.samples[["image", "split"]])
    reasons = pd.read_csv(tmp_path / "two" / "skipped.csv").set_index("image")["reason"]
    assert reasons.to_dict() == {
        "0.png": "near-duplicate of 3.png, which is in the validation split of samples.csv",
        "1.png": "near-duplicate of 5.png, which is in the test split of samples.csv",
    }


def test_the_table_of_splits_may_lie_beside_that_of_boxes_and_is_a_dataset_folder_too(
    tmp_path, run_script
):
    source = make_photos(tmp_path / "photos", {0: "train", 2: "test", 4: "test"})
    table = "image,split\n./0.png,train\n2.png,test\n4.png,train\n"
    (tmp_path / "photos" / "splits.csv").write_text(table)
    done = run_script(SCRIPT, *source, "--split-by", "photos/splits.csv", "--out", "one")
    assert done.returncode == 0 and "not used: split\n" in done.stderr, done.stderr
    assert "no photo is in the validation split; photos/splits.csv has no usable" in done.stdout
    one = open_dataset(tmp_path / "one")
    assert one.samples["split"].tolist() == ["train", "test", "train"]
    assert one.description["fractions"] is None
    assert one.description["split_file"] == "photos/splits.csv"
    with pytest.raises(InputError, match="a --split-by table that has usable photos for it"):
        one.indices("validation")
    (tmp_path / "photos" / "splits.csv").unlink()
    done = run_script(SCRIPT, *source, "--split-by", "one", "--out", "two")
    assert done.returncode == 0, done.stderr
    two = open_dataset(tmp_path / "two")
    pd.testing.assert_frame_equal(two.samples, one.samples)
    # A box that cannot be used is that photo's still, however its name is spelt.
    path = tmp_path / "photos" / "boxes.csv"
    path.write_text(path.read_text().replace("4.png,.2", "./4.png,x"))
    done = run_script(SCRIPT, *source, "--split-by", "one", "--out", "three")
    assert done.returncode == 0 and "lacks" not in done.stderr, done.stderr


def test_photos_that_one_of_both_lacks_are_named(tmp_path, run_script):
    source = make_photos(tmp_path / "photos", {0: "train", 2: "test", 4: "test"})
    (tmp_path / "mine.csv").write_text("image,split\n0.png,train\n2.png,test\nx/9.png,test\n")
    done = run_script(SCRIPT, *source, "--split-by", "mine.csv", "--out", "one")
    assert done.returncode == 0 and "lacks 1 of 3 photos, such as x/9.png" in done.stderr
    skipped = pd.read_csv(tmp_path / "one" / "skipped.csv", keep_default_na=False)
    assert skipped.to_numpy().tolist() == [["4.png", "not in mine.csv", ""]]
    # The same photos by other names, as a table of another machine has them.
    (tmp_path / "names.csv").write_text("image,split\nphotos/0.png,train\n/x/photos/2.PNG,test\n")
    done = run_script(SCRIPT, *source, "--split-by", "names.csv", "--out", "named")
    assert done.returncode == 0 and "lacks" not in done.stderr, done.stderr
    written = pd.read_csv(tmp_path / "named" / "samples.csv").set_index("image")["split"]
    assert written.to_dict() == {"0.png": "train", "2.png": "test"}
    done = run_script(SCRIPT, *source, "--out", "plain")
    hint = f"columns that are not used: split; --split-by {tmp_path}/photos/boxes.csv goes by its"
    assert done.returncode == 0 and hint in done.stderr
    for options, message in [
        (
            ["--split-by", "nothing.csv"],
            "nothing.csv: is no file; it is name, official, source, category, a CSV",
        ),
        (["--split-by", "mine.csv", "--fractions", 1, 0, 0], "mine.csv says which photo"),
        (["--split-by", "other.csv"], "has none of its photos. The table has 'other/0.png', the "),
    ]:
        (tmp_path / "other.csv").write_text("image,split\nother/0.png,train\n")
        done = run_script(SCRIPT, *source, *options, "--out", "two")
        assert done.returncode == 2 and message in done.stderr, done.stderr
        assert not (tmp_path / "two").exists()
