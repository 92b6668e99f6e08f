"""A dataset folder that is not as it was generated: noticed when it is opened, or on request."""

import json
import shutil

import pytest

from localizer.dataset.dataset import open_dataset, verify_dataset
from localizer.errors import InputError


@pytest.fixture
def folder(synthetic_dataset, tmp_path):
    """A copy that a test may damage, with another dataset inside."""
    without_photos = shutil.ignore_patterns("images")
    shutil.copytree(synthetic_dataset.path, tmp_path / "copy", ignore=without_photos)
    shutil.copytree(tmp_path / "copy", tmp_path / "inner")
    shutil.move(tmp_path / "inner", tmp_path / "copy" / "unlabelled")
    return tmp_path / "copy"


def flip_bit(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def test_an_edited_table_is_noticed_when_it_is_opened(folder):
    table = (folder / "samples.csv").read_text()
    (folder / "samples.csv").write_text(table.replace(",0.3", ",0.4", 1))
    with pytest.raises(InputError, match=r"samples\.csv: not as it was.*--overwrite"):
        open_dataset(folder)


@pytest.mark.parametrize("change", [lambda c: c + b"\0", lambda c: c[:-1]])
def test_another_size_is_noticed_when_it_is_opened(folder, change):
    path = folder / "images.npy"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match="damaged|bytes instead of") as caught:
        open_dataset(folder)
    assert "--overwrite" in str(caught.value)


@pytest.mark.parametrize("place", [".", "unlabelled"])
def test_one_wrong_bit_is_noticed_on_request(folder, place):
    verify_dataset(folder)
    flip_bit(folder / place / "images.npy", 1_000_000)
    open_dataset(folder)
    with pytest.raises(InputError, match=r"images\.npy: not as it was generated.*--overwrite"):
        verify_dataset(folder)


def test_the_script_says_so(folder, run_script):
    done = run_script("generate_dataset.py", "--verify", folder)
    assert (done.returncode, done.stdout) == (
        0,
        f"{folder}: 240 images, all files as they were generated\n",
    )
    flip_bit(folder / "images.npy", -1)
    done = run_script("generate_dataset.py", "--verify", folder)
    assert done.returncode == 2 and "images.npy: not as it was generated" in done.stderr


def test_checksums_of_another_kind_are_no_traceback(folder):
    path = folder / "dataset.json"
    description = json.loads(path.read_text())
    for wrong in ("text", ["samples.csv"], 7, {"samples.csv": "0"}, {}, None):
        path.write_text(json.dumps(description | {"sha256": wrong}))
        with pytest.raises(InputError, match="--overwrite"):
            open_dataset(folder)
    sums = description["sha256"] | {"images.npy": None}
    path.write_text(json.dumps(description | {"sha256": sums}))
    with pytest.raises(InputError, match="--overwrite"):
        verify_dataset(folder)
