"""Pictures that the project wrote are no photos of the next run; everything else is."""

import io
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.images.own_outputs import signed
from localizer.inference.localizer import Localization, LocalizedPhoto
from localizer.inference.output import PictureWriter
from localizer.inference.photo_listing import find_photos
from localizer.sources import folder
from localizer.sources.formats import pascal_voc
from localizer.sources.opening import open_source


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (200, 30, 30)).save(path)
    return path


@pytest.fixture
def root(tmp_path):
    """A photo, and below it a dataset, a run, pictures with boxes and photos with such names."""
    root = tmp_path / "photos"
    photo(root / "rex.jpg")
    read, _ = open_source("synthetic", None, "head", count=3, workers=1)
    settings = GenerationSettings("synthetic", "head", root=None, image_size=32)
    generate_dataset(read, settings, root / "data", progress=False)
    for name in ("config.yaml", "environment.json", "history.csv"):
        (root / "run").mkdir(exist_ok=True)
        (root / "run" / name).write_text("")
    photo(root / "run" / "curves.png")
    photo(root / "not a run" / "curves.png")
    (root / "not a run" / "config.yaml").write_text("")
    photo(root / "mine.box.jpg")
    photo(root / "not a run" / "contact_sheet.jpg")
    pixels = np.zeros((30, 40, 3), np.uint8)
    item = LocalizedPhoto(str(root / "rex.jpg"), pixels, Localization(1.0, 2.0, 20.0, 20.0), None)
    PictureWriter(root / "found", root, crops=True).write(item)
    return root


PHOTOS = ["mine.box.jpg", "not a run/contact_sheet.jpg", "not a run/curves.png", "rex.jpg"]


def below(paths, root):
    return sorted(os.path.relpath(path, root) for path in paths)


def test_every_walk_leaves_out_what_the_project_wrote(root, capsys, monkeypatch):
    assert sorted(p.name for p in (root / "found").iterdir()) == [
        "rex.jpg.box.jpg",
        "rex.jpg.crop.jpg",
    ]
    assert [one.image for one in folder.read(root)] == PHOTOS
    # Three scenes and a contact sheet, curves, a picture and a crop.
    assert "7 pictures are left out that this project wrote itself" in capsys.readouterr().err
    (root / "rex.xml").write_text("<annotation></annotation>")
    assert sorted(one.image for one in pascal_voc.read(root)) == PHOTOS
    assert capsys.readouterr().err.count("7 pictures are left out") == 1
    assert below(find_photos(str(root))[0], root) == PHOTOS
    assert below(find_photos(f"{root}/**/*.jpg")[0], root) == [
        name for name in PHOTOS if name.endswith("jpg")
    ]
    monkeypatch.chdir(root.parent)
    assert below(find_photos("photos")[0], "photos") == PHOTOS
    monkeypatch.chdir(root)
    assert below(find_photos(".")[0], ".") == PHOTOS


def test_what_is_asked_for_is_taken(root, capsys):
    scenes = below(find_photos(str(root / "data" / "images"))[0], root / "data")
    assert len(scenes) == 3
    assert below(find_photos(str(root / "data"))[0], root / "data") == scenes
    assert below(find_photos(f"{root}/data/images/*.jpg")[0], root / "data") == scenes
    assert len([*folder.read(root / "data")]) == 3
    assert below(find_photos(str(root / "run" / "curves.png"))[0], root) == ["run/curves.png"]
    sheet = str(root / "data" / "contact_sheet.jpg")
    assert find_photos(sheet)[0] == [sheet]
    with pytest.raises(InputError, match="no photos in this folder"):
        find_photos(str(root / "found"))


def test_pictures_of_an_earlier_version_below_out_are_no_photos(root):
    photo(root / "old" / "a.jpg.box.jpg")
    photo(root / "old" / "own.jpg")
    everything = sorted([*PHOTOS, "old/a.jpg.box.jpg", "old/own.jpg"])
    assert below(find_photos(str(root))[0], root) == everything
    everything.remove("old/a.jpg.box.jpg")
    assert below(find_photos(str(root), root / "old")[0], root) == everything
    everything.insert(2, "old/a.jpg.box.jpg")
    for out in (root, root.parent):  # Nothing tells these from photos.
        assert len(find_photos(str(root), out)[0]) == len(everything)


def test_a_signed_picture_is_the_same_picture():
    rng = np.random.default_rng(0)
    for suffix in (".jpg", ".jpeg"):
        _, jpeg = cv2.imencode(suffix, rng.integers(0, 256, (20, 30, 3), np.uint8))
        with Image.open(io.BytesIO(signed(jpeg))) as image, Image.open(io.BytesIO(jpeg)) as before:
            assert image.info["comment"].startswith(b"made by")
            assert image.info["jfif"] == before.info["jfif"]
            np.testing.assert_array_equal(image, before)
