"""Annotations: every reader answers with usable boxes, listed skips or an InputError."""

import contextlib
import itertools
import json
import re
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from localizer.dataset.samples import checked_box
from localizer.dataset.teacher_files import read_labels
from localizer.errors import InputError
from localizer.images.boxes import usable_rel_xyxy
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
from localizer.sources.recognizing import recognize
from tests.fuzzing import MUTANTS, fuzzed
from tests.fuzzing.damage import damaged, mutants, naming

ODD_NUMBERS = ["0", "-0", "1", "10", "48", "48.0", "1e3", "1e999", "-1e999", "nan", "inf", "-inf"]
ODD_NUMBERS += ["0x10", "1_0", "٣", "99999999999999999999", "1,5", " 7 ", "+3"]
NUMBERS = st.one_of(
    st.sampled_from(ODD_NUMBERS), st.integers(-5, 70).map(str), st.floats().map(str)
)
ODD_TEXTS = ["a.jpg", "b.jpg", "", "../a.jpg", "/etc/passwd", "C:\\a.jpg", "a\0.jpg", "x" * 300]
ODD_TEXTS += ["sub/a.jpg", "a.jpg\n", "<b>", "\ud800", "é.jpg", ".", "-", "\\", "a\rb"]
TEXTS = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=5))
CELLS = st.one_of(NUMBERS, TEXTS)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with two photos of 64 x 48 pixels, to which a test adds its annotations."""
    folder = tmp_path_factory.mktemp("fuzzed")
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (64, 48)).save(folder / name)
    return folder


def check(read):
    """Whatever `read` gives can be used by the store, and its reasons can be written."""
    try:
        records = list(read())
    except InputError as error:
        assert str(error)
        return
    for one in records:
        assert isinstance(one, (AnnotatedImage, Skipped)) and isinstance(one.image, str)
        if isinstance(one, Skipped):
            (one.image + one.reason + one.place).encode("utf-8")
            assert one.reason
            continue
        (one.image + one.supercategory + one.category).encode("utf-8")
        if one.is_empty:
            assert one.box_rel_xyxy is None
            continue
        assert not one.image.startswith("/") and ".." not in one.image.split("/")
        try:
            box = checked_box(one.box_rel_xyxy)
        except InputError:
            continue
        assert 0 <= box["xmin"] < box["xmax"] <= 1 and 0 <= box["ymin"] < box["ymax"] <= 1


def xml_of(filename, size, objects):
    parts = [f"<filename>{escape(filename)}</filename>"]
    parts += [f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"]
    for name, box in objects:
        corners = "".join(
            f"<{tag}>{escape(text)}</{tag}>"
            for tag, text in zip(("xmin", "ymin", "xmax", "ymax"), box)
        )
        parts += [f"<object><name>{escape(name)}</name><bndbox>{corners}</bndbox></object>"]
    return f"<annotation>{''.join(parts)}</annotation>".encode("utf-8", "replace")


XML = st.builds(
    xml_of,
    TEXTS,
    st.one_of(st.just(("64", "48")), st.tuples(NUMBERS, NUMBERS)),
    st.lists(st.tuples(TEXTS, st.tuples(*[CELLS] * 4)), max_size=3),
)
XML_TOKENS = [
    b'<!DOCTYPE a [<!ENTITY b "c">]>',
    b"&b;",
    b"&#0;",
    b"&lt;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b'<?xml version="1.0" encoding="utf-16"?>',
    b'<?xml version="1.0" encoding="x"?>',
    b"<object>",
    b"</object>",
    b"<size/>",
    b"<annotation>" * 50,
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\0",
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    b"<bndbox/>",
    b"xmlns='x'",
]

SOUND_XML = [
    xml_of("a.jpg", ("64", "48"), [("cat", ("1", "2", "30", "40"))]),
    xml_of("b.jpg", ("64", "48"), [("cat", ("1", "2", "30", "40")), ("dog", ("5", "5", "9", "9"))]),
]
SHAPES = [
    b"<robndbox><cx>30</cx><cy>20</cy><w>20</w><h>10</h><angle>0.3</angle></robndbox>",
    b"<polygon><x1>1</x1><y1>2</y1><x2>30</x2><y2>9</y2><x3>5</x3><y3>40</y3></polygon>",
    b"<points>1,2 30,9; 5,40</points>",
]
SOUND_XML += [SOUND_XML[0].replace(b"</object>", shape + b"</object>") for shape in SHAPES]
SOUND_XML += [
    re.sub(b"<bndbox>.*</bndbox>", shape, SOUND_XML[0]).replace(b">64<", b">0<") for shape in SHAPES
]
VALUES = [text.encode("utf-8", "surrogatepass") for text in [*ODD_NUMBERS, *ODD_TEXTS]]


def read_xml(root, content):
    (root / "a.xml").write_bytes(content)
    check(lambda: pascal_voc.read(root))


@fuzzed
@given(content=damaged(XML, XML_TOKENS))
def test_xml(root, content):
    read_xml(root, content)


def test_xml_mutants(root):
    for content in mutants(SOUND_XML, MUTANTS, VALUES, XML_TOKENS):
        with naming(content):
            read_xml(root, content)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
    st.just(10**400),
    st.sampled_from([[], {}, [[]], [1, 2, 3], [10, 10, 20, 20], {"id": 1}]),
)
IDS = st.one_of(st.integers(0, 2), SCALARS)


def entries(**fields):
    """Lists of objects with these fields, some missing, some of another kind."""
    kinds = {name: st.one_of(usual, usual, SCALARS) for name, usual in fields.items()}
    return st.one_of(
        st.lists(st.fixed_dictionaries({}, optional=kinds), max_size=3),
        st.lists(st.fixed_dictionaries(kinds), max_size=3),
        SCALARS,
    )


COCO = st.fixed_dictionaries(
    {
        "images": entries(id=IDS, file_name=TEXTS, width=st.just(64), height=st.just(48)),
        "annotations": entries(
            id=IDS,
            image_id=IDS,
            category_id=IDS,
            iscrowd=st.integers(0, 1),
            bbox=st.lists(st.one_of(st.integers(-5, 70), st.floats()), min_size=4, max_size=4),
        ),
        "categories": entries(id=IDS, name=TEXTS, supercategory=TEXTS),
    }
)


SOUND_COCO = json.dumps(
    {
        "images": [
            {"id": i, "file_name": f"{n}.jpg", "width": 64, "height": 48}
            for i, n in enumerate("ab")
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 30, 40]} for i in range(2)
        ],
        "categories": [{"id": 1, "name": "beagle", "supercategory": "dog"}],
    }
).encode()
JSON_TOKENS = [b"[" * 5000, b"NaN", b"1e999", b"null", b"true", b"{}", b"[]", b'"', b"\\ud800"]


SOUND_SHAPES = [
    SOUND_COCO.replace(b'"bbox": [1, 2, 30, 40]', b'"segmentation": ' + shape)
    for shape in (
        b"[[1, 2, 30, 2, 30, 40]]",
        b'{"size": [48, 64], "counts": [50, 20, 2000, 2, 1000]}',
        b'{"size": [48, 64], "counts": "b1d0n0Pn1"}',
    )
]


def read_coco(root, content):
    path = root / "fuzzed.json"
    path.write_bytes(content)
    check(lambda: coco.read(root, annotations=path))


@fuzzed
@given(content=damaged(COCO.map(lambda c: json.dumps(c).encode()), JSON_TOKENS))
def test_coco(root, content):
    read_coco(root, content)


def test_coco_mutants(root):
    for content in mutants(
        [SOUND_COCO, *SOUND_SHAPES], MUTANTS, [*VALUES, *JSON_TOKENS], JSON_TOKENS
    ):
        with naming(content):
            read_coco(root, content)


YOLO_YAML = b"path: .\ntrain: images/train\nval: [a.jpg]\nnames: {0: cat, 1: dog}\n"
SHAPE = {"label": "cat", "shape_type": "circle", "points": [[20, 20], [25, 20]]}
REGION = {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 9, "height": 9}}
VALUE = {"x": 1, "y": 2, "width": 9, "height": 9, "rotation": 30, "rectanglelabels": ["cat"]}
RESULT = {"original_width": 64, "original_height": 48, "value": VALUE}
LABEL_STUDIO = [{"data": {"image": "/a.jpg"}, "annotations": [{"id": 1, "result": [RESULT]}]}]
LINE = {"file_name": "a.jpg", "objects": {"bbox": [[1, 2, 30, 40]], "categories": ["cat"]}}
TOOLS = {
    "yolo": (yolo, "a.txt", [b"0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.5 0.1 0.5 0.5 0.9\n"]),
    "data.yaml": (yolo, "data.yaml", [YOLO_YAML]),
    "cvat": (
        cvat,
        "a.xml",
        [
            b'<annotations><image name="a.jpg" width="64" height="48"><box label="cat" xtl="1" '
            b'ytl="2" xbr="30" ybr="40" rotation="9"/><ellipse cx="9" cy="9" rx="3" ry="4"/>'
            b'<polygon points="1,2;3,4;5,6"/><mask left="1" top="1" width="3" height="3"/></image>'
            b"</annotations>"
        ],
    ),
    "labelme": (
        labelme,
        "a.json",
        [json.dumps({"shapes": [SHAPE], "imagePath": "a.jpg", "imageWidth": 64}).encode()],
    ),
    "via": (
        via,
        "a.json",
        [json.dumps({"a.jpg1": {"filename": "a.jpg", "regions": [REGION]}}).encode()],
    ),
    "label-studio": (label_studio, "a.json", [json.dumps(LABEL_STUDIO).encode()]),
    "hf": (hugging_face, "metadata.jsonl", [json.dumps(LINE).encode()]),
}


@pytest.mark.parametrize("name", TOOLS)
def test_labels_of_tools_mutants(tmp_path, name):
    source, file, sound = TOOLS[name]
    for photo in ("a.jpg", "b.jpg"):
        Image.new("RGB", (64, 48)).save(tmp_path / photo)
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.2 0.2")
    tokens = XML_TOKENS if source is cvat else JSON_TOKENS
    for content in mutants(sound, MUTANTS, VALUES, tokens):
        with naming(content):
            (tmp_path / file).write_bytes(content)
            check(lambda: source.read(tmp_path))
            with contextlib.suppress(InputError):
                recognize(tmp_path)


def csv_of(names, rows, separator):
    lines = [separator.join(names), *(separator.join(row) for row in rows)]
    return "\r\n".join(lines).encode("utf-8", "surrogatepass")


HEADERS = st.one_of(
    st.just(
        ["image", "xmin", "ymin", "xmax", "ymax", "width", "height", "supercategory", "category"]
    ),
    st.permutations(["image", "xmin", "ymin", "xmax", "ymax"]),
    st.lists(
        st.sampled_from(["image", "xmin", "ymin", "xmax", "ymax", "width", "", '"']), max_size=8
    ),
)
ROWS = st.lists(
    st.one_of(
        st.tuples(TEXTS, *[NUMBERS] * 4).map(list),
        st.tuples(st.just("a.jpg"), *[NUMBERS] * 6, TEXTS, TEXTS).map(list),
        st.lists(CELLS, max_size=9),
    ),
    max_size=4,
)
CSV = st.builds(csv_of, HEADERS, ROWS, st.sampled_from(",;\t"))


CSV_TOKENS = [b'"', b'""', b"\n", b"\r", b"\0", b"\xef\xbb\xbf", b"x" * 140_000]
SOUND_CSV = [
    b"image,xmin,ymin,xmax,ymax,breed\na.jpg,1,2,30,40,cat\nb.jpg,1,2,30,40,dog\n",
    b"image;xmin;ymin;xmax;ymax;width;height\na.jpg;1;2;30;40;64;48\nb.jpg;1;2;30;40;;\n",
    b"image\txmin\tymin\txmax\tymax\na.jpg\t0.1\t0.2\t0.5\t0.9\n",
]


def read_csv(root, content, box_format, multiple):
    path = root / "fuzzed.csv"
    path.write_bytes(content)
    check(lambda: csv_table.read(path, multiple, box_format))


@fuzzed
@given(
    content=damaged(CSV, CSV_TOKENS),
    box_format=st.sampled_from(["pixels", "relative"]),
    multiple=st.sampled_from(["largest", "skip"]),
)
def test_csv(root, content, box_format, multiple):
    read_csv(root, content, box_format, multiple)


def test_csv_mutants(root):
    formats = itertools.cycle(itertools.product(["pixels", "relative"], ["largest", "skip"]))
    for content, options in zip(mutants(SOUND_CSV, MUTANTS, VALUES, CSV_TOKENS), formats):
        with naming(content):
            read_csv(root, content, *options)


LABELS = b"image,xmin,ymin,xmax,ymax,score\na.jpg,0.1,0.1,0.5,0.5,0.9\nb.jpg,0,0,1,1,\n"
SAID = {"target": "head", "source": None, "seed": 0, "fractions": {}, "teacher": {"name": "t"}}


LABEL_TOKENS = [b"nan", b"inf", b"1e999", b'"', b"\0", b",,,,", b"../"]


def open_labels(root, content, said):
    (root / "labels.csv").write_bytes(content)
    (root / "labels.json").write_bytes(said)
    try:
        labels = read_labels(root / "labels.csv")
    except InputError as error:
        assert str(error)
        return
    for label in labels.labels:
        usable_rel_xyxy(label.box_rel_xyxy)


@fuzzed
@given(
    content=damaged(LABELS, LABEL_TOKENS),
    said=damaged(json.dumps(SAID).encode(), [b"[", b"null", b"NaN", b"{}"]),
)
def test_labels_of_a_teacher(root, content, said):
    open_labels(root, content, said)


def test_labels_of_a_teacher_mutants(root):
    for content in mutants([LABELS], MUTANTS, VALUES, LABEL_TOKENS):
        with naming(content):
            open_labels(root, content, json.dumps(SAID).encode())
