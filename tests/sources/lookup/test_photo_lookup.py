"""The photo that an annotation means: names of other machines and tools, copies, links, doubts."""

import os
import unicodedata

import pytest
from PIL import Image

from localizer.errors import InputError
from localizer.inference.photo_listing import find_photos
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.formats import coco, pascal_voc
from localizer.sources.formats.csv import table as csv_table
from localizer.sources.lookup.listing import list_files
from localizer.sources.lookup.photo_lookup import PhotoLookup
from tests.sources.formats.csv.test_table import HEADER, table
from tests.sources.formats.test_coco import annotation, image, write
from tests.sources.formats.test_pascal_voc import voc_xml


def photo(path, size=(50, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path, format="PNG")
    return path


NFC = unicodedata.normalize("NFC", "Žofie.jpg")
NFD = unicodedata.normalize("NFD", "Žofie.jpg")


@pytest.mark.parametrize(
    ("file", "name", "doubt"),
    [
        ("a/rex.jpg", "a/rex.jpg", ""),
        ("a/rex.jpg", "a\\rex.jpg", ""),
        ("a/rex.jpg", ".\\a/./rex.jpg", ""),
        ("a/rex.jpg", "b/../a/rex.jpg", ""),
        ("a/rex.jpg", " a/rex.jpg ", ""),
        ("images/rex.jpg", "rex.jpg", ""),
        ("images/rex.jpg", "Rex.jpeg", "ending"),
        ("a/rex.jpg", "rex.jpg", "bare"),
        ("a/rex.jpg", "REX", "bare"),
        ("a/rex.jpg", "/home/someone/a/rex.jpg", "prefix"),
        ("a/rex.jpg", r"C:\Users\someone\a\rex.jpg", "prefix"),
        ("a/rex.jpg", r"\\server\share\a\rex.jpg", "prefix"),
        ("a/rex.jpg", "../../a/rex.jpg", ""),
        ("a/rex.jpg", "file:///C:/someone/a/rex.jpg", "prefix"),
        ("a/rex.jpg", "s3://bucket/a/rex.jpg?version=2#x", "prefix"),
        ("a/rex.jpg", "/data/local-files/?d=a%2Frex.jpg", ""),
        ("rex.jpg", "../root/rex.jpg", ""),
        ("rex.jpg", "/home/someone/root/rex.jpg", "prefix"),
        ("two words.jpg", "two%20words.jpg", ""),
        ("two%20words.jpg", "two words.jpg", ""),
        ("two%20words.jpg", "two%20words.jpg", ""),
        (NFC, NFD, ""),
        (NFD, NFC, ""),
        ("a/rex.jpg", "a/rex", "ending"),
        ("a/rex.jpg", "A/REX.JPG", "ending"),
        ("a/rex.JPG", "a/rex.jpeg", "ending"),
        ("a/rex.v2.jpg", "a/rex.v2", "ending"),
        ("a/rex.jpg", "/data/upload/1/rex.jpg", "bare"),
        ("a/rex.jpg", r"..\..\label-studio\media\upload\4\rex.jpg", "bare"),
        ("a/ab12cd34-rex.jpg", "http://localhost:8080/data/upload/1/ab12cd34-rex.jpg", "bare"),
        ("a/rex.jpg", "http://localhost:8080/data/upload/1/ab12cd34-rex.jpg", "bare"),
        ("a/rex.jpg", r"images\1/rex.jpg", "bare"),
        ("a/rex.jpg", "/rex.jpg", "bare"),
        ("a/rex.jpg", "/home/someone/b/REX", "bare"),
    ],
)
def test_names_as_tools_write_them(tmp_path, file, name, doubt):
    root = tmp_path / "root"
    photo(root / file)
    photo(root / "a" / "other.jpg")
    (root / "a" / "rex.txt").write_text("no photo")
    found = PhotoLookup(root, folders=("", "images")).find(name, size=(500, 400))
    assert (found.photo, found.doubt) == (file, doubt)


def test_an_absolute_path_below_the_root_is_one(tmp_path, monkeypatch):
    photo(tmp_path / "root" / "rex.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "root")
    for root, name in (
        ("root", "root/rex.jpg"),
        ("link", "root/rex.jpg"),
        ("link", "link/rex.jpg"),
    ):
        assert PhotoLookup(tmp_path / root).find(str(tmp_path / name)).photo == "rex.jpg"
    monkeypatch.chdir(tmp_path)
    assert PhotoLookup("root").find(str(tmp_path / "root" / "rex.jpg")).photo == "rex.jpg"


def test_the_longest_common_path_wins_and_then_the_nearest_folder(tmp_path):
    for name in ("train/a/1.jpg", "val/a/1.jpg", "val/b/1.jpg"):
        photo(tmp_path / name)
    lookup = PhotoLookup(tmp_path)
    assert lookup.find("/home/someone/val/a/1.jpg").photo == "val/a/1.jpg"
    assert lookup.find("1.jpg", near="val/b/1.xml").photo == "val/b/1.jpg"
    with pytest.raises(InputError, match="train/a/1.jpg and val/a/1.jpg"):
        lookup.find("a/1.jpg")
    # A folder that contradicts is no small matter.
    with pytest.raises(InputError, match="several photos match"):
        lookup.find("test/c/1.jpg", size=(50, 40))


def test_a_bare_name_counts_only_with_the_shape_of_the_annotated_image(tmp_path):
    photo(tmp_path / "a" / "1.jpg", (50, 40))
    lookup = PhotoLookup(tmp_path)
    assert lookup.find("b/1.jpg", size=(500, 400)).doubt == "bare"
    with pytest.raises(InputError, match=r"there is a/1.jpg, but its shape"):
        lookup.find("b/1.jpg", size=(400, 400))
    with pytest.raises(InputError, match=r"there is a/1.jpg, and no width and height"):
        lookup.find("b/1.jpg")
    assert lookup.find("/home/someone/b/1.jpg").doubt == "bare"
    assert lookup.find("1.jpg").doubt == "bare"  # No folder contradicts.
    with pytest.raises(InputError, match="its shape"):
        lookup.find("1.jpg", size=(40, 40))


@pytest.mark.parametrize(
    "name",
    ["../secret.jpg", "a/../../secret.jpg", "{above}/secret.jpg", "..\\secret.jpg", "..", ""],
)
def test_nothing_outside_the_root_is_found(tmp_path, name):
    photo(tmp_path / "secret.jpg")
    photo(tmp_path / "root" / "rex.jpg")
    with pytest.raises(InputError, match="leads out of the root folder|no such file"):
        PhotoLookup(tmp_path / "root").find(name.format(above=tmp_path))


def test_a_photo_in_doubt_is_not_taken_from_another_annotation(tmp_path, capsys):
    photo(tmp_path / "rex.jpg")
    photo(tmp_path / "kit.jpg")
    rows = ["rex.jpg,1,1,30,30", "/data/a/rex.jpg,9,9,20,20"]
    table(tmp_path, *rows, "/data/a/kit.jpg,1,1,9,9", "/data/b/kit.jpg,9,9,20,20")
    found = {one.place: one for one in csv_table.read(tmp_path)}
    assert isinstance(found["boxes.csv line 2"], AnnotatedImage)
    assert len(found) == 4
    for line in (3, 4, 5):
        assert "means it, too" in found[f"boxes.csv line {line}"].reason
    assert "note" not in capsys.readouterr().err
    photo(tmp_path / "root" / "rex.jpg")
    rows = ["/home/a/root/rex.jpg,1,1,30,30", "/home/b/root/rex.jpg,9,9,20,20"]
    table(tmp_path / "root", *rows)
    assert all("means it, too" in one.reason for one in csv_table.read(tmp_path / "root"))
    rows = ["rex.jpg,1,1,9,9", ".\\rex.jpg,1,1,30,30", " rex.jpg,1,1,20,20"]
    table(tmp_path / "root", *rows)
    [found] = csv_table.read(tmp_path / "root")
    assert found.place == "boxes.csv line 3"  # Three objects, of which it is the largest.
    rows = ["rex.jpg,1,1,30,30"]
    table(tmp_path, *rows[:1], "/data/a/kit.jpg,1,1,9,9", "/data/a/kit.jpg,9,9,30,30")
    assert [one.image for one in csv_table.read(tmp_path)] == ["rex.jpg", "kit.jpg"]
    said = capsys.readouterr().err
    assert "note: 1 photos were found by their bare name" in said and "kit.jpg" in said


def pairs(root, **inside):
    """Photos and their XML files; `inside` is what the file names."""
    for number, (stem, name) in enumerate(inside.items(), 1):
        photo(root / f"{stem}.jpg")
        xml = voc_xml(name, (50, 40), [("cat", (1, 1, 10 * number, 10))])
        (root / f"{stem}.xml").write_text(xml)


def test_the_photo_beside_goes_before_another_one_that_is_named_inside(tmp_path, capsys):
    pairs(tmp_path, a="a.jpg", b="a.jpg", c="gone.jpg")
    found = {one.image: one.box_rel_xyxy[2] for one in pascal_voc.read(tmp_path)}
    assert found == pytest.approx({"a.jpg": 0.2, "b.jpg": 0.4, "c.jpg": 0.6})
    assert "1 photos were taken for the one that their annotation file is named after" in (
        capsys.readouterr().err
    )
    (tmp_path / "a.xml").unlink()
    found = {one.image: one for one in pascal_voc.read(tmp_path)}
    assert found["a.jpg"] == Skipped("a.jpg", "no annotation")
    assert found["b.jpg"].box_rel_xyxy[2] == pytest.approx(0.4)


def test_a_copy_of_another_annotation_is_refused(tmp_path, capsys):
    pairs(tmp_path, a="a.jpg", b="a.jpg", c="a.jpg")
    for stem in "bc":
        (tmp_path / f"{stem}.xml").write_text((tmp_path / "a.xml").read_text())
    found = {one.image: one for one in pascal_voc.read(tmp_path)}
    assert isinstance(found["a.jpg"], AnnotatedImage)
    for stem in "bc":
        assert "a copy of" in found[f"{stem}.jpg"].reason and found[f"{stem}.jpg"].place
    (tmp_path / "a.xml").unlink()
    assert all(isinstance(one, Skipped) for one in pascal_voc.read(tmp_path))


def test_a_far_photo_of_the_files_own_name_does_not_contradict(tmp_path, capsys):
    photo(tmp_path / "labels" / "frame.jpg")
    photo(tmp_path / "elsewhere" / "1.jpg")
    (tmp_path / "labels" / "1.xml").write_text(voc_xml("frame.jpg", (50, 40)))
    found = {one.image: one for one in pascal_voc.read(tmp_path)}
    assert isinstance(found["labels/frame.jpg"], AnnotatedImage)
    assert isinstance(found["elsewhere/1.jpg"], Skipped)


def test_the_path_in_an_xml_file_helps_where_it_names_no_file(tmp_path):
    photo(tmp_path / "rex.jpg")
    xml = voc_xml("", (50, 40)).replace("<size>", r"<path>D:\pics\rex.jpg</path><size>")
    (tmp_path / "1.xml").write_text(xml)
    assert [one.image for one in pascal_voc.read(tmp_path)] == ["rex.jpg"]


def test_of_two_entries_of_one_photo_none_is_taken_if_both_have_boxes(tmp_path):
    photo(tmp_path / "rex.jpg")
    photo(tmp_path / "kit.jpg")
    images = [image(1), image(2, "./rex.jpg"), image(3, "kit.jpg"), image(4, "kit.jpg")]
    write(tmp_path, images, [annotation(1, 1), annotation(2, 2), annotation(3, 4)])
    found = list(coco.read(tmp_path))
    assert [isinstance(one, AnnotatedImage) for one in found] == [False, False, False, True]
    assert {one.reason for one in found[:3]} == {
        "the same photo as another entry: remove the wrong one"
    }
    assert found[0].place == "annotations.json: images[0] and images[1]"


@pytest.fixture
def linked(tmp_path):
    """A root with two links to one folder elsewhere, in which links lead in circles."""
    photo(tmp_path / "disk" / "deep" / "rex.jpg")
    root = tmp_path / "root"
    photo(root / "own" / "kit.jpg")
    for link, target in {
        root / "photos": tmp_path / "disk",
        root / "twice": tmp_path / "disk",
        root / "own" / "up": root,
        root / "above": tmp_path,
        tmp_path / "disk" / "own": root / "own",
        tmp_path / "disk" / "deep" / "loop": tmp_path / "disk",
        root / "gone": tmp_path / "nowhere",
    }.items():
        link.symlink_to(target)
    return root


def test_links_to_folders_are_followed_once(linked):
    assert list_files(linked, linked) == ["gone", "own/kit.jpg", "photos/deep/rex.jpg"]
    photos, _ = find_photos(str(linked))
    assert [os.path.relpath(one, linked) for one in photos] == [
        "own/kit.jpg",
        "photos/deep/rex.jpg",
    ]
    (linked / "1.xml").write_text(voc_xml("rex.jpg", (50, 40)))
    write(linked, [image(1, "deep/rex.jpg", 50, 40)], [annotation(bbox=(1, 1, 9, 9))])
    (linked / "boxes.csv").write_text(f"{HEADER}\nphotos/deep/rex.jpg,1,1,9,9")
    for source in (pascal_voc, coco, csv_table):
        used = [one for one in source.read(linked) if isinstance(one, AnnotatedImage)]
        assert [one.image for one in used] == ["photos/deep/rex.jpg"]


def test_a_root_that_is_a_link_itself(linked, tmp_path):
    (tmp_path / "to_root").symlink_to(linked)
    assert "own/kit.jpg" in list_files(tmp_path / "to_root", tmp_path / "to_root")
