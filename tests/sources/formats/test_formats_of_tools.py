"""One photo as each tool writes its labels: its box, its splits, empty photos, refusals."""

import json
from functools import partial

import pytest
from PIL import Image

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.formats import (
    coco,
    cvat,
    hugging_face,
    label_studio,
    labelme,
    pascal_voc,
    via,
)
from localizer.sources.formats.csv import table as csv_table
from localizer.sources.formats.yolo import label_files as yolo
from localizer.sources.opening import open_source, resolve_source
from localizer.sources.recognizing import recognize

BOX = (48 / 500, 29 / 375, 201 / 500, 180 / 375)
YOLO_BOX = f"0 {124.5 / 500} {104.5 / 375} {153 / 500} {151 / 375}"
PERCENT = {"x": 9.6, "y": 2900 / 375, "width": 30.6, "height": 15100 / 375, "rotation": 0}
RECTANGLE = {
    "id": "r1",
    "type": "rectanglelabels",
    "original_width": 500,
    "original_height": 375,
    "image_rotation": 0,
    "value": PERCENT | {"rectanglelabels": ["beagle"]},
}
CORNERS = [[48, 29], [201, 180]]
POLYGON = [[48, 29], [201, 29], [201, 180]]


def photo(path, size=(500, 375)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def cvat_xml(*shapes, name="rex.jpg", more=""):
    inside = "".join(shapes)
    image = f'<image id="0" name="{name}" width="500" height="375"{more}>{inside}</image>'
    return f"<annotations><version>1.1</version><meta/>{image}</annotations>"


CVAT_BOX = '<box label="beagle" occluded="0" xtl="48" ytl="29" xbr="201" ybr="180" z_order="0"/>'


def labelme_json(*shapes):
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "rex.jpg",
        "imageData": None,
        "imageHeight": 375,
        "imageWidth": 500,
    }


def labelme_shape(kind, points):
    return {"label": "beagle", "shape_type": kind, "points": points, "flags": {}}


def via_json(*regions):
    image = {"filename": "rex.jpg", "size": 4711, "regions": list(regions), "file_attributes": {}}
    return {"rex.jpg4711": image}


def region(**shape):
    return {"shape_attributes": shape, "region_attributes": {"class": "beagle"}}


RECT = region(name="rect", x=48, y=29, width=153, height=151)


def task(*results, image="/data/upload/1/1a2b3c4d-rex.jpg", **annotation):
    return {"id": 1, "data": {"image": image}, "annotations": [{"result": results, **annotation}]}


def hf(objects):
    return {"file_name": "rex.jpg", "objects": objects}


YAML = "path: ../pets\ntrain: images\nnames: [beagle, pug]\n"
FORMATS = {
    "yolo": (yolo, {"images/rex.jpg": None, "labels/rex.txt": YOLO_BOX, "data.yaml": YAML}),
    "yolo with confidence": (yolo, {"rex.jpg": None, "rex.txt": f"{YOLO_BOX} 0.9\n\n"}),
    "yolo polygon": (
        yolo,
        {
            "train/images/rex.jpg": None,
            "train/labels/rex.txt": "0 " + " ".join(f"{x / 500} {y / 375}" for x, y in POLYGON),
            "data.yaml": "names: {0: beagle}\ntrain: ../train/images\n",
        },
    ),
    "label-studio": (label_studio, {"rex.jpg": None, "project-1.json": [task(RECTANGLE)]}),
    "label-studio min": (
        label_studio,
        {
            "rex.jpg": None,
            "min.json": [
                {
                    "image": "/data/local-files/?d=pets/rex.jpg",
                    "id": 1,
                    "label": [RECTANGLE["value"] | {"original_width": 500, "original_height": 375}],
                    "annotator": 1,
                    "annotation_id": 1,
                }
            ],
        },
    ),
    "cvat": (cvat, {"images/rex.jpg": None, "annotations.xml": cvat_xml(CVAT_BOX)}),
    "cvat polygon": (
        cvat,
        {
            "images/Train/rex.jpg": None,
            "annotations.xml": cvat_xml(
                '<polygon label="beagle" points="48.0,29.0;201.0,29.0;201.0,180.0"/>',
                '<polyline label="pug" points="1,1;400,300"/>',
                more=' subset="Train"',
            ),
        },
    ),
    "labelme": (
        labelme,
        {"rex.jpg": None, "rex.json": labelme_json(labelme_shape("rectangle", CORNERS))},
    ),
    "labelme polygon": (
        labelme,
        {"a/rex.jpg": None, "a/rex.json": labelme_json(labelme_shape("polygon", POLYGON))},
    ),
    "via": (via, {"rex.jpg": None, "via_region_data.json": via_json(RECT)}),
    "via project": (
        via,
        {"rex.jpg": None, "p.json": {"_via_settings": {}, "_via_img_metadata": via_json(RECT)}},
    ),
    "hf": (
        hugging_face,
        {
            "train/rex.jpg": None,
            "train/metadata.jsonl": hf({"bbox": [[48, 29, 153, 151]], "categories": ["beagle"]}),
        },
    ),
    "hf csv": (
        hugging_face,
        {
            "rex.jpg": None,
            "metadata.csv": 'file_name,objects\nrex.jpg,"[{""bbox"": [48, 29, 153, 151], '
            '""category"": ""beagle""}]"\n',
        },
    ),
}


def put(root, files):
    for name, content in files.items():
        photo(root / name) if content is None else write(root / name, content)
    return root


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_says_the_same_box_and_is_recognised(tmp_path, name, capsys):
    source, files = FORMATS[name]
    [found] = source.read(put(tmp_path, files))
    assert isinstance(found, AnnotatedImage), found
    assert found.box_rel_xyxy == pytest.approx(BOX, abs=1e-6) and found.image.endswith("rex.jpg")
    assert found.category == ("0" if name == "yolo with confidence" else "beagle")
    capsys.readouterr()
    assert recognize(tmp_path) == name.split()[0]
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("note: labels: ") and "--source NAME for another reading" in line
    read, root = open_source(name.split()[0], tmp_path, "object")
    assert [*read(root)] == [found]


EMPTY = {
    "yolo": (yolo, {"rex.jpg": None, "rex.txt": "", "kit.jpg": None}, 2),
    "label-studio": (label_studio, {"rex.jpg": None, "p.json": [task()]}, 1),
    "cvat": (cvat, {"rex.jpg": None, "a.xml": cvat_xml()}, 1),
    "labelme": (labelme, {"rex.jpg": None, "rex.json": labelme_json()}, 1),
    "via": (via, {"rex.jpg": None, "p.json": via_json()}, 1),
    "hf": (hugging_face, {"rex.jpg": None, "metadata.jsonl": hf({"bbox": []})}, 1),
    "voc": (
        pascal_voc,
        {"rex.jpg": None, "rex.xml": "<annotation><filename>rex.jpg</filename></annotation>"},
        1,
    ),
    "coco": (
        coco,
        {
            "rex.jpg": None,
            "a.json": {
                "images": [{"id": 1, "file_name": "rex.jpg", "width": 500, "height": 375}],
                "annotations": [],
                "categories": [],
            },
        },
        1,
    ),
    "csv": (csv_table, {"rex.jpg": None, "b.csv": "image,xmin,ymin,xmax,ymax\nrex.jpg,,,,\n"}, 1),
}


@pytest.mark.parametrize("name", EMPTY)
def test_photos_without_an_object(tmp_path, name):
    source, files, count = EMPTY[name]
    root = put(tmp_path / "in", files)
    found = list(source.read(root))
    assert len(found) == count and all(one.is_empty and one.box_rel_xyxy is None for one in found)
    photo(root / "boxed.jpg")
    records = [*found, AnnotatedImage("boxed.jpg", BOX)]
    settings = GenerationSettings(name, "object", root, 32)
    dataset = generate_dataset(lambda _: records, settings, tmp_path / "out", progress=False)
    assert dataset.has_object.tolist() == [False] * count + [True]


BAD = {
    "in pixels": (yolo, {"rex.jpg": None, "rex.txt": "0 48 29 20 18"}, "rex.txt line 1", "0 to 1"),
    "a wrong count": (yolo, {"rex.jpg": None, "rex.txt": "\n0 0.1 0.2"}, "rex.txt line 2", "3 num"),
    "an unknown class": (
        yolo,
        {"rex.jpg": None, "rex.txt": "7 0.5 0.5 0.1 0.1", "data.yaml": YAML},
        "rex.txt line 1",
        "data.yaml has no class 7",
    ),
    "no photo": (yolo, {"a.jpg": None, "a.txt": "", "gone.txt": ""}, "gone.txt", "no such file"),
    "a cancelled task": (
        label_studio,
        {"rex.jpg": None, "p.json": [task(RECTANGLE, was_cancelled=True)]},
        "p.json: task 1",
        "cancelled",
    ),
    "a brush": (
        label_studio,
        {"rex.jpg": None, "p.json": [task({"id": "1", "value": {"rle": [1], "format": "rle"}})]},
        "p.json: task 1, region 1",
        "a brush is not read",
    ),
    "only a line": (
        cvat,
        {"rex.jpg": None, "a.xml": cvat_xml('<polyline points="1,1;4,4"/>')},
        "a.xml: image 1, polyline 1",
        "has no box",
    ),
    "a broken number": (
        cvat,
        {"rex.jpg": None, "a.xml": cvat_xml('<box xtl="x" ytl="1" xbr="2" ybr="3"/>')},
        "a.xml: image 1, box 1",
        "xtl: 'x' is not a number",
    ),
    "a point": (
        labelme,
        {"rex.jpg": None, "rex.json": labelme_json(labelme_shape("point", [[1, 2]]))},
        "rex.json: shapes[0]",
        "a point has no box",
    ),
    "no region": (
        via,
        {"rex.jpg": None, "p.json": via_json(region(name="rect", x=1))},
        "p.json: 'rex.jpg4711': regions[0]",
        "no box can be made",
    ),
    "no size": (
        hugging_face,
        {"rex.jpg": None, "metadata.jsonl": hf({"bbox": [[9, 9, 0, 9]], "category": [1]})},
        "metadata.jsonl line 1: bbox[0]",
        "not above 0",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_photos_that_are_left_out_say_where_and_why(tmp_path, name):
    source, files, place, reason = BAD[name]
    found = list(source.read(put(tmp_path, files)))[-1]
    assert isinstance(found, Skipped) and found.place == place and reason in found.reason, found


REFUSED = {
    "a video": (cvat, {"a.xml": "<annotations><track id='0'/></annotations>"}, "for images 1.1"),
    "via 3": (via, {"p.json": {"project": {}, "config": {}, "file": {}}}, "VIA 3.*--source coco"),
    "no list of tasks": (label_studio, {"p.json": {}}, "no list of tasks"),
    "no objects": (hugging_face, {"metadata.jsonl": {"file_name": "a"}}, "jsonl line 1: .*objects"),
    "all below 1": (
        hugging_face,
        {"rex.jpg": None, "metadata.jsonl": hf({"bbox": [[0.1, 0.1, 0.2, 0.2]]})},
        "these are not pixels",
    ),
    "a broken yaml": (yolo, {"a.txt": "", "data.yaml": "names: ["}, "data.yaml line 1"),
    "no labels of LabelMe": (labelme, {"a.json": {}}, "a.json: there is no list 'shapes'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_as_a_whole(tmp_path, name):
    source, files, message = REFUSED[name]
    with pytest.raises(InputError, match=f"(?s){message}"):
        list(source.read(put(tmp_path, files)))


def test_turned_rectangles(tmp_path):
    # 60 x 20 pixels around (100, 100), turned by a quarter: 20 x 60.
    expected = pytest.approx((90 / 500, 70 / 375, 110 / 500, 130 / 375), abs=1e-6)
    turned = '<box label="a" xtl="70" ytl="90" xbr="130" ybr="110" rotation="90"/>'
    [found] = cvat.read(put(tmp_path / "a", {"rex.jpg": None, "a.xml": cvat_xml(turned)}))
    assert found.box_rel_xyxy == expected
    # Label Studio turns clockwise around the upper left corner: that is (110, 70) then.
    value = {"x": 22, "y": 7000 / 375, "width": 12, "height": 2000 / 375, "rotation": 90}
    files = {"rex.jpg": None, "p.json": [task(RECTANGLE | {"value": value})]}
    [found] = label_studio.read(put(tmp_path / "b", files))
    assert found.box_rel_xyxy == expected


def test_the_newest_of_several_annotations(tmp_path, capsys):
    old, new = (
        {"result": [RECTANGLE | {"value": PERCENT | {"labels": [name]}}], "updated_at": time}
        for name, time in (("pug", "2026-11-01"), ("beagle", "2026-11-02"))
    )
    one = task() | {"annotations": [new, old]}
    [found] = label_studio.read(put(tmp_path, {"rex.jpg": None, "p.json": [one]}))
    assert found.category == "beagle" and found.objects == 1
    assert "1 photos have several annotations" in capsys.readouterr().err
    one["annotations"][1]["ground_truth"] = True
    [found] = label_studio.read(put(tmp_path, {"p.json": [one]}))
    assert found.category == "pug"


def coco_json(name):
    return {
        "images": [{"id": 1, "file_name": name, "width": 500, "height": 375}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [48, 29, 153, 151]}],
        "categories": [{"id": 1, "name": "beagle"}],
    }


def of_splits(name, folder="{split}/images/{stem}.jpg", labels="{split}/labels/{stem}.txt"):
    files = {}
    for split, stem in (("train", "a"), ("valid", "b"), ("test", "c")):
        files[folder.format(split=split, stem=stem)] = None
        files[labels.format(split=split, stem=stem)] = name(stem)
    return files


SPLITS = {
    "roboflow yolo": (yolo, of_splits(lambda _: YOLO_BOX)),
    "ultralytics": (
        yolo,
        of_splits(lambda _: YOLO_BOX, "images/{split}/{stem}.jpg", "labels/{split}/{stem}.txt"),
    ),
    "roboflow coco": (
        coco,
        of_splits(
            lambda stem: coco_json(f"{stem}.jpg"),
            "{split}/{stem}.jpg",
            "{split}/_annotations.coco.json",
        ),
    ),
    "coco 2017": (
        coco,
        of_splits(
            lambda stem: coco_json(f"{stem}.jpg"),
            "{split}2017/{stem}.jpg",
            "annotations/instances_{split}2017.json",
        ),
    ),
    "hf": (
        hugging_face,
        of_splits(
            lambda stem: {"file_name": f"{stem}.jpg", "objects": {"bbox": [[48, 29, 153, 151]]}},
            "{split}/{stem}.jpg",
            "{split}/metadata.jsonl",
        ),
    ),
}


@pytest.mark.parametrize("name", SPLITS)
def test_splits_that_come_with_the_labels(tmp_path, name):
    source, files = SPLITS[name]
    found = {one.image[-5]: one for one in source.read(put(tmp_path, files))}
    assert [found[stem].official_split for stem in "abc"] == ["train", "validation", "test"]
    assert found["b"].box_rel_xyxy == pytest.approx(BOX, abs=1e-6)


def test_lists_of_photos_in_data_yaml(tmp_path):
    lists = {"data.yaml": "names: [a]\ntrain: train.txt\nval: val.txt", "train.txt": "./pics/a.jpg"}
    lists["val.txt"] = "/home/someone/pics/b.jpg\n"
    files = {
        f"pics/{stem}.{end}": {"txt": YOLO_BOX}.get(end) for stem in "ab" for end in ("jpg", "txt")
    }
    found = list(yolo.read(put(tmp_path, lists | files)))
    assert [one.official_split for one in found] == ["train", "validation"]


def test_label_files_are_recognised_behind_empty_ones_and_a_byte_order_mark(tmp_path):
    for number in range(25):
        photo(tmp_path / f"images/a{number:02}.jpg")
        write(tmp_path / f"labels/a{number:02}.txt", "")
    photo(tmp_path / "images/rex.jpg")
    write(tmp_path / "labels/rex.txt", f"\ufeff{YOLO_BOX}\r\n")
    assert recognize(tmp_path) == "yolo"
    rex = list(yolo.read(tmp_path))[-1]
    assert (rex.image, rex.box_rel_xyxy) == ("images/rex.jpg", pytest.approx(BOX, abs=1e-6))


def test_what_cannot_be_recognised(tmp_path):
    photo(tmp_path / "rex.jpg")
    with pytest.raises(InputError, match="1 photos, 0 other files.*yolo.*--teacher"):
        recognize(tmp_path)
    put(tmp_path, {"rex.txt": YOLO_BOX, "rex.json": labelme_json()})
    with pytest.raises(InputError, match="YOLO .rex.txt.: --source yolo"):
        recognize(tmp_path)
    resolve = partial(resolve_source, None)
    assert resolve(tmp_path, teacher="m.keras") == "folder"
    assert resolve_source("yolo", tmp_path) == "yolo"
    with pytest.raises(InputError, match="--source auto needs --root"):
        resolve_source("auto", None)


def test_several_objects_are_counted(tmp_path):
    lines = f"{YOLO_BOX}\n0 0.5 0.5 0.01 0.01\n"
    files = put(tmp_path, {"rex.jpg": None, "rex.txt": lines})
    [found] = yolo.read(files)
    assert found.objects == 2 and found.place == "rex.txt line 1"
    [found] = yolo.read(files, multiple="skip")
    assert found.reason == "2 objects in one photo"
