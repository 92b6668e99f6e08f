"""Photos without boxes below a folder: which files count, and folders that are of no use."""

import os

import pytest
from PIL import Image

from localizer.errors import InputError
from localizer.images.photos import SUFFIXES
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.folder import read
from localizer.sources.opening import open_source


def test_every_photo_below_the_root_sorted(tmp_path):
    photos = ["b.JPG", "a/deep/er/x.png", "a/x.png", "c d.webp"]
    others = ["notes.txt", "a/x.mat", ".hidden.jpg", ".git/x.jpg", "._b.JPG", "jpg"]
    for name in (*photos, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = list(read(tmp_path))
    assert [one.image for one in found] == sorted(photos)
    assert all(isinstance(one, AnnotatedImage) and one.box_rel_xyxy is None for one in found)


def test_every_ending_is_a_format_that_pillow_reads():
    assert set(SUFFIXES) <= set(Image.registered_extensions())


@pytest.mark.skipif(os.name == "nt", reason="needs file names that are bytes")
def test_a_name_that_is_no_text_is_left_out(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg"), "wb"):
        pass
    [found] = read(tmp_path)
    assert isinstance(found, Skipped) and "rename it" in found.reason
    found.image.encode("utf-8")


def test_folders_and_options_that_are_of_no_use(tmp_path):
    with pytest.raises(InputError, match="no photo below it.*jpg"):
        list(read(tmp_path))
    with pytest.raises(
        InputError, match="--source folder .*--teacher.*voc, coco, yolo, .* and csv"
    ):
        open_source("folder", tmp_path, "object")
    with pytest.raises(InputError, match="voc has boxes of its own"):
        open_source("voc", tmp_path, "object", teacher="runs/first")
    for source, option in (
        ("voc", {"annotations": "a.json"}),
        ("coco", {"box_format": "relative"}),
        ("csv", {"count": 0}),
        ("synthetic", {"multiple": "skip"}),
    ):
        [name] = option
        with pytest.raises(InputError, match=f"--{name.replace('_', '-')} is for .*not {source}"):
            open_source(source, tmp_path, "head", **option)
    with pytest.raises(InputError, match="coco has no lists.*--split-by name"):
        open_source("coco", tmp_path, "object", split_by="official")
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="is a file"):
        open_source("folder", tmp_path / "a.jpg", "object", teacher="runs/first")
    read_photos, root = open_source("folder", tmp_path, "object", teacher="runs/first")
    assert [one.image for one in read_photos(root)] == ["a.jpg"]
