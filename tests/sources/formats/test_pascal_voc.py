"""Pascal VOC folders: layouts, hostile and broken XML, the choice of one object."""

import os
import re
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.formats.pascal_voc import VocObject, parse_annotation, read


def voc_xml(filename="rex.jpg", size=(500, 400), objects=(("beagle", (51, 41, 250, 200)),)):
    size = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in zip(("width", "height"), size))
    body = ""
    for name, corners in objects:
        box = zip(("xmin", "ymin", "xmax", "ymax"), corners)
        box = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in box)
        body += f"<object><name>{escape(name)}</name><bndbox>{box}</bndbox></object>"
    name = f"<filename>{escape(filename)}</filename>"
    return f"<annotation>{name}<size>{size}</size>{body}</annotation>"


def bndbox(*corners):
    names = ("xmin", "ymin", "xmax", "ymax")
    return "<bndbox>" + "".join(f"<{k}>{v}</{k}>" for k, v in zip(names, corners)) + "</bndbox>"


def put(path: Path, content: str = "") -> Path:
    """A file; a tiny photo unless it has text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if content:
        path.write_text(content, encoding="utf-8")
    else:
        Image.new("RGB", (5, 4)).save(path, format="PNG")
    return path


def test_official_layout_by_hand(tmp_path):
    put(tmp_path / "JPEGImages" / "rex.jpg")
    put(tmp_path / "SegmentationClass" / "rex.png")
    put(tmp_path / "Annotations" / "rex.xml", voc_xml())
    [found] = read(tmp_path)
    assert (found.image, found.width, found.height) == ("JPEGImages/rex.jpg", 500, 400)
    assert (found.supercategory, found.category) == ("", "beagle")
    # 1-based inclusive: columns 51..250 of 500 are the continuous span 50..250.
    assert found.box_rel_xyxy == pytest.approx((0.1, 0.1, 0.5, 0.5), abs=1e-6)
    assert all(type(value) is float for value in found.box_rel_xyxy)


@pytest.mark.parametrize(
    "name",
    ["two words.jpg", 'it\'s "x" & <y>.png', "Žofie 犬.jpeg", "line\nbreak.jpg", "a;b,c.JPG"],
)
def test_side_by_side_with_odd_names(tmp_path, name):
    put(tmp_path / "deep" / name)
    put(tmp_path / "deep" / "._macos.xml", "\0\0")
    put(tmp_path / "deep" / "any.XML", voc_xml(name))
    [found] = read(tmp_path)
    assert isinstance(found, AnnotatedImage) and found.image == f"deep/{name}"


def test_the_name_of_the_xml_decides_when_filename_is_stale_or_missing(tmp_path):
    put(tmp_path / "rex.png")
    put(tmp_path / "rex.txt", "no photo")
    for filename in ("", "before_it_was_renamed.jpg"):
        put(tmp_path / "rex.xml", voc_xml(filename))
        [found] = read(tmp_path)
        assert isinstance(found, AnnotatedImage) and found.image == "rex.png"


def test_photos_of_phones_are_found(tmp_path):
    put(tmp_path / "rex.HEIC")
    put(tmp_path / "rex.xml", voc_xml("rex.HEIC"))
    assert [one.image for one in read(tmp_path)] == ["rex.HEIC"]


def test_equal_names_go_to_the_nearest_photo(tmp_path):
    for split, right in (("train", 100), ("val", 300)):
        put(tmp_path / split / "images" / "rex.jpg")
        xml = voc_xml(objects=[("beagle", (1, 1, right, 400))])
        put(tmp_path / split / "labels" / "rex.xml", xml)
    found = {one.image: one.box_rel_xyxy[2] for one in read(tmp_path)}
    assert found == pytest.approx({"train/images/rex.jpg": 0.2, "val/images/rex.jpg": 0.6})


def test_doubtful_matches_are_left_out(tmp_path):
    put(tmp_path / "a" / "rex.jpg")
    put(tmp_path / "b" / "rex.jpg")
    put(tmp_path / "rex.xml", voc_xml())
    put(tmp_path / "c" / "one.jpg")
    put(tmp_path / "c" / "one.xml", voc_xml("one.jpg"))
    put(tmp_path / "c" / "two.xml", voc_xml("one.jpg"))
    found = list(read(tmp_path))
    reasons = {one.image: one.reason for one in found}
    places = {one.image: one.place for one in found}
    assert "several photos match, among them a/rex.jpg and b/rex.jpg" in reasons["rex.xml"]
    assert "several annotations claim it" in reasons["c/one.jpg"]
    assert places["c/one.jpg"] == "c/one.xml and c/two.xml"


def test_what_is_left_out_is_reported_once_with_a_reason(tmp_path):
    put(tmp_path / "alone.jpg")
    put(tmp_path / "broken.jpg")
    put(tmp_path / "broken.xml", "<annotation><size>")
    put(tmp_path / "gone.xml", voc_xml("gone.jpg"))
    put(tmp_path / "out.xml", voc_xml("../../etc/out.jpg"))
    put(tmp_path / "abs.xml", voc_xml("/etc/abs.jpg"))
    found = list(read(tmp_path))
    assert all(isinstance(one, Skipped) for one in found)
    reasons = {one.image: one.reason for one in found}
    assert len(reasons) == len(found) == 5
    assert reasons["alone.jpg"] == "no annotation"
    assert "not readable as XML" in reasons["broken.jpg"]
    assert "no such file" in reasons["gone.xml"]
    places = {one.image: one.place for one in found}
    assert places == {"alone.jpg": "", "broken.jpg": "broken.xml"} | {
        name: name for name in ("gone.xml", "out.xml", "abs.xml")
    }
    assert "leads out of the root" in reasons["out.xml"]
    assert "leads out of the root" in reasons["abs.xml"]


@pytest.mark.skipif(os.name == "nt", reason="names on Windows are Unicode")
def test_a_name_that_is_not_utf8_is_left_out_in_words_that_can_be_written(tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    try:
        put(odd)
    except OSError:
        pytest.skip("this file system refuses such names")
    put(odd.with_suffix(".xml"), voc_xml("x.jpg"))
    [found] = read(tmp_path)
    assert isinstance(found, Skipped) and "UTF-8" in found.reason
    (found.image + found.reason).encode("utf-8")


BOMB = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>' + voc_xml().replace(
    "beagle", "&c;"
)
SPY = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>' + voc_xml().replace(
    "beagle", "&b;"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "entities"),
        (SPY, "entities"),
        ("not xml", "not readable as XML"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "not readable as XML"),
        ('<?xml version="1.0" encoding="shift_jis"?><annotation/>', "no <object>"),
        ("<html/>", "<html>, expected <annotation>"),
        ("<annotation/>", "no <object>"),
        (voc_xml(size=(500, -4)), "<size/height>: '-4' is not a whole number"),
        (voc_xml(size=(500, "10.5")), "<size/height>: '10.5' is not a whole number"),
        (voc_xml(size=("1e999", 4)), "<size/width>: '1e999' is not a whole number"),
        (voc_xml(size=("nan", 4)), "<size/width>: 'nan' is not a whole number"),
        (voc_xml(objects=()), "no <object>"),
    ],
)
def test_bad_xml_is_refused_naming_file_and_field(tmp_path, content, message):
    path = put(tmp_path / "rex.xml", content)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        parse_annotation(path)
    assert str(caught.value).startswith(f"{path}: ")
    put(tmp_path / "rex.jpg")
    [found] = read(tmp_path)
    assert (found.image, found.place) == ("rex.jpg", "rex.xml")
    if message == "no <object>":
        assert found.is_empty and found.box_rel_xyxy is None
    else:
        assert f"{path}: {found.reason}" == str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (voc_xml(objects=[("cat", (1, 2, 3, "NaN"))]), "<bndbox/ymax>: 'NaN'"),
        (voc_xml(objects=[("a", (1, 2, 3))]), "<bndbox/ymax> is missing or empty"),
        (voc_xml(objects=[("cat", ("left", 2, 3, 4))]), "'left' is not a number"),
        (voc_xml(objects=[("cat", (1, 2, 3e30, 4))]), "'3e+30' cannot be"),
        (voc_xml(objects=[("", (1, 2, 3, 4))]), "<name> is missing or empty"),
    ],
)
def test_an_unreadable_object_counts_and_is_chosen_only_if_all_are_such(tmp_path, content, message):
    put(tmp_path / "rex.jpg")
    put(tmp_path / "rex.xml", content)
    [found] = read(tmp_path)
    assert (found.image, found.place) == ("rex.jpg", "rex.xml: object 1")
    assert message in found.reason
    sound = "<object><name>pug</name>" + bndbox(1, 1, 50, 60) + "</object></annotation>"
    put(tmp_path / "rex.xml", content.replace("</annotation>", sound))
    [found] = read(tmp_path)
    assert found.category == "pug" and found.place == "rex.xml: object 2"
    [found] = read(tmp_path, multiple="skip")
    assert found == Skipped("rex.jpg", "2 objects in one photo")


def test_float_text_and_parts_of_an_object(tmp_path):
    xml = voc_xml(size=("500.0", " 400 "), objects=[("cat", ("48.0", 2, 1e2, "\n30.25 "))])
    part = "<part><name>head</name><bndbox><xmin>7</xmin></bndbox></part></object>"
    annotation = parse_annotation(put(tmp_path / "a.xml", xml.replace("</object>", part)))
    assert (annotation.filename, annotation.width, annotation.height) == ("rex.jpg", 500, 400)
    assert annotation.objects == [VocObject("cat", (48.0, 2.0, 100.0, 30.25))]


def test_largest_takes_the_largest_sound_box_and_skip_takes_none(tmp_path):
    put(tmp_path / "rex.jpg")
    objects = [
        ("inverted", (450, 350, 1, 1)),
        ("outside", (600, 1, 9000, 400)),
        ("small", (1, 1, 50, 50)),
        ("large", (1, 1, 60, 60)),
        # Clipped to the photo it is 10 pixels wide.
        ("mostly outside", (491, 1, 900, 60)),
    ]
    put(tmp_path / "rex.xml", voc_xml(objects=objects))
    assert [one.category for one in read(tmp_path)] == ["large"]
    [left_out] = read(tmp_path, multiple="skip")
    assert left_out == Skipped("rex.jpg", "5 objects in one photo")
    put(tmp_path / "rex.xml", voc_xml(objects=objects[:1]))
    assert [one.category for one in read(tmp_path, multiple="skip")] == ["inverted"]
    with pytest.raises(InputError, match="smallest"):
        list(read(tmp_path, multiple="smallest"))


def test_a_root_without_xml_says_what_is_expected(tmp_path):
    put(tmp_path / "rex.jpg")
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="JPEGImages/rex.jpg and Annotations/rex.xml"):
            list(read(root))


SIDES = st.integers(1, 20_000)
UNIT = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(width=SIDES, height=SIDES, corners=st.tuples(UNIT, UNIT, UNIT, UNIT))
def test_round_trip(tmp_path_factory, width, height, corners):
    root = tmp_path_factory.mktemp("voc")
    put(root / "rex.jpg")
    voc = np.multiply(corners, [width, height, width, height]) + [1, 1, 0, 0]
    box = [("cat", [repr(float(value)) for value in voc])]
    put(root / "rex.xml", voc_xml(size=(width, height), objects=box))
    if voc.max() <= 1:  # Not to be told from parts of the image's size.
        with pytest.raises(InputError, match="--source csv --box-format relative"):
            list(read(root))
        return
    [found] = read(root)
    assert found.box_rel_xyxy == pytest.approx(corners, rel=1e-5, abs=1e-7)


@pytest.mark.skipif("OXFORD_PET_ROOT" not in os.environ, reason="needs OXFORD_PET_ROOT")
def test_oxford_pet_agrees_with_regular_expressions():
    xmls = sorted(Path(os.environ["OXFORD_PET_ROOT"], "annotations", "xmls").glob("*.xml"))
    assert xmls
    for xml in xmls:
        annotation, text = parse_annotation(xml), xml.read_text()
        numbers = re.findall(r"<([xy]m\w\w|width|height)>(\d+)<", text)
        boxes = [one.box_voc_xyxy for one in annotation.objects]
        flat = [annotation.width, annotation.height, *np.ravel(boxes).astype(int).tolist()]
        assert flat == [int(value) for _, value in numbers]
        assert [key for key, _ in numbers[2:6]] == ["xmin", "ymin", "xmax", "ymax"]
