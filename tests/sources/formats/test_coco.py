"""COCO files: layouts, hostile and broken JSON, the choice of one object."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.formats.coco import read

CATEGORIES = [{"id": 3, "name": "beagle", "supercategory": "dog"}, {"id": 4, "name": "pug"}]


def image(identity=1, file_name="rex.jpg", width=500, height=400):
    return {"id": identity, "file_name": file_name, "width": width, "height": height}


def annotation(identity=1, image_id=1, bbox=(50, 40, 200, 160), category_id=3, **more):
    bbox = list(bbox) if isinstance(bbox, tuple) else bbox
    return {"id": identity, "image_id": image_id, "category_id": category_id, "bbox": bbox, **more}


def write(root, images, annotations, categories=CATEGORIES, name="annotations.json"):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    coco = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(coco), encoding="utf-8")
    return path


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4)).save(path, format="PNG")


def test_by_hand(tmp_path):
    photo(tmp_path / "images" / "rex.jpg")
    write(tmp_path, [image()], [annotation()])
    [found] = read(tmp_path)
    assert (found.image, found.width, found.height) == ("images/rex.jpg", 500, 400)
    assert (found.supercategory, found.category) == ("dog", "beagle")
    assert found.box_rel_xyxy == pytest.approx((0.1, 0.1, 0.5, 0.5), abs=1e-6)
    assert all(type(value) is float for value in found.box_rel_xyxy)


@pytest.mark.parametrize(
    "name",
    ["two words.jpg", 'it\'s "x" & <y>.png', "Žofie 犬.jpeg", "line\nbreak.jpg", "sub/a;b.JPG"],
)
@pytest.mark.parametrize("folder", ["", "images", "deep/er"])
def test_photos_are_found_whatever_their_name(tmp_path, name, folder):
    photo(tmp_path / folder / name)
    write(tmp_path, [image(file_name=name)], [annotation()])
    [found] = read(tmp_path)
    assert isinstance(found, AnnotatedImage)
    assert found.image == f"{folder}/{name}".lstrip("/")


def test_the_usual_places_come_before_others(tmp_path):
    photo(tmp_path / "backup" / "rex.jpg")
    photo(tmp_path / "images" / "rex.jpg")
    write(tmp_path, [image()], [annotation()])
    assert [one.image for one in read(tmp_path)] == ["images/rex.jpg"]
    photo(tmp_path / "rex.jpg")
    assert [one.image for one in read(tmp_path)] == ["rex.jpg"]


@pytest.mark.parametrize("name", ["annotations.json", "labels.json", "annotations/any name.json"])
def test_the_only_json_file_is_found(tmp_path, name):
    photo(tmp_path / "rex.jpg")
    write(tmp_path, [image()], [annotation()], name=name)
    (tmp_path / "._labels.json").write_bytes(b"\0")
    assert [one.image for one in read(tmp_path)] == ["rex.jpg"]


def test_several_json_files_need_the_option(tmp_path):
    photo(tmp_path / "rex.jpg")
    write(tmp_path, [image()], [annotation()], name="annotations/train.json")
    chosen = write(tmp_path, [image()], [annotation(category_id=4)], name="annotations/val.json")
    with pytest.raises(InputError, match="train.json, annotations/val.json.*--annotations FILE"):
        list(read(tmp_path))
    [found] = read(tmp_path, annotations=chosen)
    assert (found.supercategory, found.category) == ("", "pug")


def test_photos_that_are_left_out_and_why(tmp_path):
    for name in ("alone.jpg", "crowd.jpg", "a/twice.jpg", "b/twice.jpg", "same.jpg", "flat.jpg"):
        photo(tmp_path / name)
    photo(tmp_path.parent / "outside.jpg")
    names = ["alone.jpg", "crowd.jpg", "twice.jpg", "same.jpg", "./same.jpg", "gone.jpg"]
    names += ["../outside.jpg", str(tmp_path / "alone.jpg"), "images\\rex.jpg", "nul\0.jpg"]
    names += ["x" * 5000, "lone\ud800.jpg"]
    images = [image(number, name) for number, name in enumerate(names)]
    images.append(image(100, "flat.jpg", height=0))
    annotations = [annotation(1, 1, iscrowd=1), annotation(2, 3), annotation(3, 77)]
    write(tmp_path, images, [*annotations, annotation(4, 77)])
    found = list(read(tmp_path))
    left_out = [one for one in found if isinstance(one, Skipped)]
    used = [one.image for one in found if one not in left_out]
    assert used == ["alone.jpg", "crowd.jpg", "same.jpg"] and found[0].is_empty
    reasons = {one.image: f"{one.reason} [{one.place}]" for one in left_out}
    assert len(reasons) == len(left_out) == len(images) - 3 + 1
    json.dumps(reasons, ensure_ascii=False).encode("utf-8")
    expected = {
        "twice.jpg": "a/twice.jpg and b/twice.jpg",
        "./same.jpg": "same photo as another entry: remove the wrong one [annotations.json: "
        "images[4] and images[3]]",
        "gone.jpg": "no such file below the root folder [annotations.json: images[5]]",
        "../outside.jpg": "leads out of the root",
        str(tmp_path / "alone.jpg"): "images[7] and images[0]",
        "images\\rex.jpg": "write / between folders",
        "nul\0.jpg": "no such file",
        "x" * 1000 + "... (5,000 characters)": "no such file",
        "lone\\ud800.jpg": "no such file",
        "flat.jpg": "only one of width and height is a number of pixels above 0, and it is not the "
        "photo's: write both [annotations.json: images[12]]",
        "image_id 77": "no image has this id [annotations.json: annotations[2].image_id]",
    }
    assert set(expected) == set(reasons)
    for name, reason in expected.items():
        assert reason in reasons[name]


@pytest.mark.parametrize(
    "bbox",
    [
        None,
        "50 40 200 160",
        {},
        (1, 2, 3),
        (1, 2, 3, "4"),
        (1, 2, True, 4),
        (1, 2, 3, None),
        (float("nan"), 2, 3, 4),
        (1, float("inf"), 3, 4),
        (1, 2, -3, 4),
        (1, 2, 3, 0),
        (1, 2, 10**400, 4),
    ],
)
def test_an_unusable_bbox_names_its_entry_and_never_wins(tmp_path, bbox):
    photo(tmp_path / "rex.jpg")
    write(tmp_path, [image()], [annotation(bbox=bbox)])
    [found] = read(tmp_path)
    assert (found.image, found.place) == ("rex.jpg", "annotations.json: annotations[0]")
    assert found.reason.startswith("bbox: expected [xmin, ymin, width")
    write(tmp_path, [image()], [annotation(1, bbox=bbox), annotation(2, bbox=(0, 0, 5, 4))])
    [found] = read(tmp_path)
    assert found.box_rel_xyxy == pytest.approx((0, 0, 0.01, 0.01))
    [found] = read(tmp_path, multiple="skip")
    assert found == Skipped("rex.jpg", "2 objects in one photo")


def test_largest_takes_the_largest_sound_box(tmp_path):
    photo(tmp_path / "rex.jpg")
    boxes = [(600, 0, 9000, 400), (0, 0, 50, 50), (0, 0, 60, 60), (490, 0, 400, 60)]
    annotations = [annotation(number, bbox=box) for number, box in enumerate(boxes)]
    annotations.append(annotation(9, bbox=(0, 0, 500, 400), iscrowd=1))
    write(tmp_path, [image()], annotations)
    [found] = read(tmp_path)
    assert found.box_rel_xyxy == pytest.approx((0, 0, 0.12, 0.15))
    write(tmp_path, [image()], annotations[-2:])
    [found] = read(tmp_path, multiple="skip")  # A crowd is no second object.
    assert isinstance(found, AnnotatedImage)


@pytest.mark.parametrize("category", [99, None, "03", True, 3.0, [3]])
def test_an_unknown_category_leaves_the_object_out(tmp_path, category):
    photo(tmp_path / "rex.jpg")
    write(tmp_path, [image()], [annotation(category_id=category)])
    [found] = read(tmp_path)
    assert "category_id: no category has the id" in found.reason
    assert found.place == "annotations.json: annotations[0]"


@pytest.mark.parametrize(
    ("images", "annotations", "categories", "message"),
    [
        ({}, [], [], "no list 'images'"),
        ([], None, [], "no list 'annotations'"),
        ([], [], "dog", "no list 'categories'"),
        (["rex.jpg"], [], [], "images[0] is not an object"),
        ([image(), image(True)], [], [], "images[1].id: expected an id"),
        ([image(), image([])], [], [], "images[1].id: expected an id"),
        ([image(), image()], [], [], "images[1].id: 1 is also the id of images[0]"),
        ([image(file_name=7)], [], [], "images[0].file_name: expected text, found 7"),
        ([image()], [annotation(), annotation()], CATEGORIES, "annotations[1].id: 1 is also"),
        ([image()], [annotation(image_id=1.0)], CATEGORIES, "annotations[0].image_id: expected"),
        ([], [], [{"id": 1}], "categories[0].name: expected text"),
        ([], [], [{"id": 1, "name": "\ud800"}], "categories[0]: the name is not valid"),
        ([], [], [{"id": 1, "name": "a", "supercategory": [1]}], "categories[0].supercategory"),
        ([], [], [*CATEGORIES, CATEGORIES[0]], "categories[2].id: 3 is also"),
    ],
)
def test_a_broken_structure_is_named(tmp_path, images, annotations, categories, message):
    path = write(tmp_path, images, annotations, categories)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        list(read(tmp_path))
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe{", b"[" * 100_000, b'{"images": [' + b"9" * 10_000 + b"]}", b"[]"],
    ids=["empty", "cut", "not UTF-8", "deep", "huge number", "a list"],
)
def test_an_unreadable_file_is_named(tmp_path, content):
    path = tmp_path / "annotations.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(str(path))):
        list(read(tmp_path))


def test_annotations_without_ids_and_a_byte_order_mark(tmp_path):
    photo(tmp_path / "rex.jpg")
    annotations = [annotation(), annotation(bbox=(0, 0, 1, 1))]
    for one in annotations:
        del one["id"]
    path = write(tmp_path, [image("a")], [{**one, "image_id": "a"} for one in annotations])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [one.image for one in read(tmp_path)] == ["rex.jpg"]


def test_a_root_without_json_says_what_is_expected(tmp_path):
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match='"bbox": '):
            list(read(root))
    with pytest.raises(InputError, match="none.json: cannot be read"):
        list(read(tmp_path, annotations=tmp_path / "none.json"))


SIDES = st.integers(1, 20_000)
UNIT = st.floats(0, 1)
SPAN = st.floats(1e-6, 1)


@settings(max_examples=60, deadline=None)
@given(width=SIDES, height=SIDES, low=st.tuples(UNIT, UNIT), span=st.tuples(SPAN, SPAN))
def test_round_trip(tmp_path_factory, width, height, low, span):
    root = tmp_path_factory.mktemp("coco")
    photo(root / "rex.jpg")
    bbox = np.multiply([*low, *span], [width, height, width, height]).tolist()
    write(root, [image(width=width, height=height)], [annotation(bbox=bbox)])
    if max(bbox) <= 1:  # Not to be told from parts of the image's size.
        with pytest.raises(InputError, match="--source csv --box-format relative"):
            list(read(root))
        return
    [found] = read(root)
    expected = (*low, low[0] + span[0], low[1] + span[1])
    assert found.box_rel_xyxy == pytest.approx(expected, rel=1e-5, abs=1e-7)
