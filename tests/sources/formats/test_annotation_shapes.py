"""What tools write where a box, a size, an id or UTF-8 is expected: the same in all sources."""

import math

import numpy as np
import pytest
from faster_coco_eval import mask as coco_mask
from PIL import Image

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.sources.annotated_image import Skipped
from localizer.sources.extents import extent_of_rotated, extent_of_runs
from localizer.sources.formats import coco, pascal_voc
from localizer.sources.formats.csv import table as csv_table
from localizer.sources.pixels import written_side
from tests.sources.formats.csv.test_table import HEADER, table
from tests.sources.formats.test_coco import annotation, image, write
from tests.sources.formats.test_pascal_voc import voc_xml

SIZE = (500, 400)
BOX = pytest.approx((0.1, 0.1, 0.5, 0.5), abs=1e-6)  # 50, 40, 250, 200 in continuous pixels.


@pytest.fixture
def root(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)
    Image.fromarray(noise).resize(SIZE).save(tmp_path / "rex.jpg")
    return tmp_path


def voc(root, size=SIZE, objects=(("beagle", (51, 41, 250, 200)),), change=("", "")):
    (root / "rex.xml").write_text(voc_xml(size=size, objects=objects).replace(*change))
    return list(pascal_voc.read(root))


SHAPES = {
    "robndbox": "<robndbox><cx>150</cx><cy>120</cy><w>160</w><h>200</h><angle>1.5707963</angle>"
    "</robndbox>",
    "numbered": "<polygon><x1>50</x1><y1>200</y1><x2>250</x2><y2>90</y2><x3>60</x3><y3>40</y3>"
    "</polygon>",
    "labelme": "<polygon><pt><x>50</x><y>200</y></pt><pt><x>250</x><y>40</y></pt></polygon>",
    "text": "<points>50,200; 250.0,40</points>",
    "quadrilateral": "<bndbox><x1>50</x1><y1>40</y1><x2>250</x2><y2>41</y2><x3>250</x3><y3>200</y3>"
    "</bndbox>",
    "decimal comma": "<bndbox><xmin>51,0</xmin><ymin>41,00</ymin><xmax>2.5e2</xmax>"
    "<ymax>200,0</ymax></bndbox>",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_voc_count_by_their_extents(root, shape):
    whole = voc_xml(size=SIZE)
    start, end = whole.index("<bndbox>"), whole.index("</object>")
    [found] = voc(root, change=(whole[start:end], SHAPES[shape]))
    assert found.box_rel_xyxy == BOX


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (SHAPES["robndbox"].replace("1.5707963", "90"), "in radians"),
        (SHAPES["robndbox"].replace("<h>200</h>", "<h>-2</h>"), "empty"),
        (SHAPES["robndbox"].replace("<w>160</w>", ""), "<robndbox/w> is missing"),
        (SHAPES["numbered"].replace("<y1>200</y1>", ""), "<polygon>: the points have 3 x and 2 y"),
        ("<points>a,b</points>", "<points>: 'a' is not a number"),
        ("<polygon><x1>nan</x1><y1>1</y1></polygon>", "<polygon>: 'nan' cannot be"),
        (SHAPES["decimal comma"].replace("51,0<", "1,234<"), "<bndbox/xmin>: '1,234' is not"),
    ],
)
def test_shapes_that_cannot_be_read_are_refused(root, shape, reason):
    whole = voc_xml(size=SIZE)
    start, end = whole.index("<bndbox>"), whole.index("</object>")
    [found] = voc(root, change=(whole[start:end], shape))
    assert isinstance(found, Skipped) and reason in found.reason


def test_a_rotated_box_by_hand():
    half = 10 / math.sqrt(2)
    expected = (50 - half, 60 - half, 50 + half, 60 + half)
    assert extent_of_rotated(50, 60, 20, 0.0001, math.pi / 4) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    "value", [0, 0.0, "0", "", None, "unknown", True, [], {}, "１２x", " ", "None"]
)
def test_sizes_that_say_nothing(root, capsys, value):
    assert written_side(value) is None
    write(root, [image(width=value, height=value)], [annotation()])
    [found] = coco.read(root)
    assert found.box_rel_xyxy == BOX and (found.width, found.height) == SIZE
    assert found.own_size and "1 annotations have no usable width" in capsys.readouterr().err
    if isinstance(value, str):
        [found] = voc(root, (value, value))
        assert found.box_rel_xyxy == BOX and (found.width, found.height) == SIZE
        assert found.own_size and "1 annotations have no usable width" in capsys.readouterr().err
        header = HEADER + ",width,height"
        table(root, f"rex.jpg,50,40,250,200,{value},{value}", header=header)
        [found] = csv_table.read(root)
        assert found.box_rel_xyxy == BOX and (found.width, found.height) == SIZE
        assert found.own_size and ("1 annotations" in capsys.readouterr().err) == bool(
            value.strip()
        )


@pytest.mark.parametrize("value", [-1, "-1", 10.5, "10.5", "nan", float("nan"), 1e999, "1e9"])
def test_sizes_that_no_image_has_are_refused(root, value):
    with pytest.raises(InputError, match="not a whole number of pixels above 0"):
        written_side(value)
    write(root, [image(width=value)], [annotation()])
    assert "width: " in next(coco.read(root)).reason
    assert "<size/width>: " in voc(root, (value, 400))[0].reason


def test_one_side_alone_must_be_the_photos_own(root):
    write(root, [image(width=0)], [annotation()])
    [found] = coco.read(root)
    assert found.box_rel_xyxy == BOX
    write(root, [image(width=0, height=200)], [annotation()])
    [found] = coco.read(root)
    assert "only one of width and height" in found.reason
    assert "only one of width and height" in voc(root, (0, 200))[0].reason


def test_a_missing_size_element(root):
    [found] = voc(root, change=("<size><width>500</width><height>400</height></size>", ""))
    assert found.box_rel_xyxy == BOX and (found.width, found.height) == SIZE


def mask_rle(compressed):
    mask = np.zeros((400, 500), np.uint8, order="F")
    mask[40:200, 50:250] = 1
    mask[100:120, 60:70] = 0  # A hole.
    rle = coco_mask.encode(mask)
    if compressed:
        counts = rle["counts"]
        return {
            "size": [400, 500],
            "counts": counts if isinstance(counts, str) else counts.decode(),
        }
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    return {"size": [400, 500], "counts": np.diff([0, *edges, flat.size]).tolist()}


POLYGONS = [[50, 40, 250, 40, 250, 120], [60, 200, 70, 190, 50.0, 180]]


@pytest.mark.parametrize("bbox", ["missing", None, [], [0, 0, 0, 0]])
@pytest.mark.parametrize(
    "shape", [POLYGONS, [50, 200, 250, 40, 60, 60], mask_rle(True), mask_rle(False)]
)
def test_the_extent_of_a_segmentation_is_the_box(root, bbox, shape):
    one = annotation(bbox=bbox, segmentation=shape)
    if bbox == "missing":
        del one["bbox"]
    write(root, [image()], [one])
    [found] = coco.read(root)
    assert found.box_rel_xyxy == BOX


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ([[50, 40, 250]], "the points have 2 x and 1 y"),
        ([[50, "40"]], "expected polygons"),
        ("50 40", "expected polygons"),
        ([[float("nan"), 1, 2, 3]], "expected polygons"),
        ({}, "the size of the mask is not"),
        ({"size": [500, 400], "counts": [1, 2]}, "the size of the mask is not"),
        ({"size": [400, 500], "counts": None}, "neither numbers nor text"),
        ({"size": [400, 500], "counts": [5, 5]}, "do not fill its size"),
        ({"size": [400, 500], "counts": [200_001, -1]}, "do not fill its size"),
        ({"size": [400, 500], "counts": [200_000]}, "the mask is empty"),
        ({"size": [400, 500], "counts": "~~~"}, "damaged"),
        ({"size": [400, 500], "counts": "ooooooooooooooooooo"}, "damaged"),
        ({"size": [400, 500], "counts": ""}, "do not fill its size"),
    ],
)
def test_segmentations_that_cannot_be_used(root, shape, reason):
    write(root, [image()], [annotation(bbox=None, segmentation=shape)])
    [found] = coco.read(root)
    assert isinstance(found, Skipped) and "segmentation: " in found.reason
    assert reason in found.reason and found.place == "annotations.json: annotations[0]"


def test_runs_agree_with_the_library_on_random_masks():
    random = np.random.default_rng(1)
    for _ in range(50):
        height, width = random.integers(1, 20, 2)
        mask = np.asfortranarray((random.random((height, width)) < 0.2).astype(np.uint8))
        if not mask.any():
            continue
        rle = coco_mask.encode(mask)
        counts = rle["counts"] if isinstance(rle["counts"], str) else rle["counts"].decode()
        rows, columns = np.nonzero(mask)
        expected = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert extent_of_runs(counts, height, width) == expected


def test_crowds_count_where_they_are_all_there_is(root, capsys):
    crowd = annotation(1, iscrowd=1, segmentation={"counts": [5, 5], "size": [10, 1]})
    write(root, [image()], [crowd])
    [found] = coco.read(root)
    assert found.box_rel_xyxy == BOX
    assert "note: in 1 photos, such as rex.jpg, only crowds" in capsys.readouterr().err
    write(root, [image()], [crowd, annotation(2, bbox=(0, 0, 50, 40))])
    [found] = coco.read(root)
    assert found.box_rel_xyxy == pytest.approx((0, 0, 0.1, 0.1))
    assert not capsys.readouterr().err


@pytest.mark.parametrize(("image_id", "written"), [(0, "0"), ("7", 7), ("a", "a")])
@pytest.mark.parametrize(("category_id", "given"), [(0, "0"), ("3", 3)])
def test_ids_that_are_text_here_and_numbers_there(root, image_id, written, category_id, given):
    categories = [{"id": category_id, "name": "beagle"}]
    one = annotation(image_id=written, category_id=given)
    write(root, [image(image_id)], [one], categories)
    [found] = coco.read(root)
    assert (found.box_rel_xyxy, found.category) == (BOX, "beagle")


def test_ids_that_are_both_text_and_numbers_mean_themselves(root):
    Image.new("RGB", SIZE).save(root / "kit.jpg")
    images = [image(1), image("1", "kit.jpg")]
    write(root, images, [annotation(1, 1), annotation(2, "1", (0, 0, 50, 40))])
    rex, kit = coco.read(root)
    assert rex.box_rel_xyxy == BOX and kit.box_rel_xyxy[2] == pytest.approx(0.1)
    write(root, images, [annotation(1, "01")])
    assert [*coco.read(root)][-1].reason == "no image has this id"


def test_relative_boxes_are_refused_by_every_source(root):
    box = (0.1, 0.1, 0.5, 0.5)
    write(root, [image()], [annotation(bbox=(0.1, 0.1, 0.4, 0.4))])
    table(root, "rex.jpg,0.1,0.1,0.5,0.5")
    (root / "rex.xml").write_text(voc_xml(objects=[("cat", box)]))
    for source, remedy in ((coco, "--source csv"), (pascal_voc, "--source csv"), (csv_table, "")):
        with pytest.raises(InputError, match=f"not pixels; .*{remedy}.*--box-format relative"):
            list(source.read(root))


def generate(root, source, **settings):
    out = root.parent / f"{root.name}-out"
    settings = GenerationSettings("test", "object", root, 32, (1, 0, 0), **settings)
    return generate_dataset(source.read, settings, out, overwrite=True, progress=False)


@pytest.mark.parametrize("source", [coco, pascal_voc, csv_table])
def test_a_relative_box_among_pixels_is_left_out(root, source):
    noise = np.random.default_rng(1).integers(0, 256, (8, 10, 3), np.uint8)
    Image.fromarray(noise).resize(SIZE).save(root / "kit.jpg")
    sound, small = (50, 40, 250, 200), (0.1, 0.1, 0.5, 0.5)
    write(
        root,
        [image(), image(2, "kit.jpg")],
        [annotation(), annotation(2, 2, (0.1, 0.1, 0.4, 0.4))],
    )
    for name, box in (("rex", sound), ("kit", small)):
        xml = voc_xml(f"{name}.jpg", SIZE, [("cat", box)])
        (root / f"{name}.xml").write_text(xml)
    table(root, "rex.jpg,50,40,250,200", "kit.jpg,0.1,0.1,0.5,0.5")
    dataset = generate(root, source)
    assert dataset.samples["image"].tolist() == ["rex.jpg"]
    assert "the box is below one pixel" in (dataset.path / "skipped.csv").read_text()


DECLARED = '<?xml version="1.0" encoding="{}"?>\n'


@pytest.mark.parametrize(
    ("codec", "declared", "name"),
    [
        ("utf-8", "UTF-8", "Žofie 犬"),
        ("utf-8-sig", "utf-8", "Žofie 犬"),
        ("utf-8", "", "Žofie 犬"),
        ("cp1252", "windows-1252", "café €"),
        ("latin-1", "ISO-8859-1", "café"),
        ("utf-16", "utf-16", "Žofie 犬"),
        ("utf-16-le", "UTF-16", "Žofie 犬"),
        ("utf-16-be", "UTF-16", "Žofie 犬"),
        ("utf-8", "utf-16", "Žofie 犬"),
        ("gbk", "GBK", "柴犬"),
        ("gb18030", "GB2312", "柴犬镕"),
        ("cp932", "Shift_JIS", "柴犬①"),
        ("euc_kr", "EUC-KR", "진돗개"),
        ("koi8_r", "KOI8-R", "хаски"),
    ],
)
def test_xml_in_any_encoding(root, codec, declared, name):
    text = voc_xml(size=SIZE, objects=[(name, (51, 41, 250, 200))])
    text = (DECLARED.format(declared) if declared else "") + text
    (root / "rex.xml").write_bytes(text.encode(codec))
    [found] = pascal_voc.read(root)
    assert (found.category, found.box_rel_xyxy) == (name, BOX)


@pytest.mark.parametrize(
    ("codec", "declared", "reason"),
    [
        ("cp1252", "utf-8", "it is not written in utf-8"),
        ("cp1252", "", "it is not written in utf-8"),
        ("utf-8", "ascii", "it is not written in ascii"),
        ("utf-8", "nonsense", "unknown encoding 'nonsense'"),
        ("utf-8", "zlib", "unknown encoding 'zlib'"),
    ],
)
def test_xml_in_another_encoding_than_it_declares(root, codec, declared, reason):
    text = voc_xml(size=SIZE, objects=[("café", (51, 41, 250, 200))])
    text = (DECLARED.format(declared) if declared else "") + text
    (root / "rex.xml").write_bytes(text.encode(codec))
    with pytest.raises(InputError, match=f"rex.xml: not readable as XML .*{reason}"):
        pascal_voc.parse_annotation(root / "rex.xml")


@pytest.mark.parametrize("codec", ["utf-16", "gbk", "utf-7"])
def test_entities_are_refused_in_any_encoding(root, codec):
    bomb = DECLARED.format(codec) + '<!DOCTYPE a [<!ENTITY b "ha">]>' + voc_xml()
    (root / "rex.xml").write_bytes(bomb.encode(codec))
    with pytest.raises(InputError, match="entities|not readable as XML"):
        pascal_voc.parse_annotation(root / "rex.xml")


def test_reasons_hold_nothing_that_differs_from_photo_to_photo(root):
    for number in range(3):
        Image.new("RGB", SIZE).save(root / f"p{number}.jpg")
        bad = voc_xml(f"p{number}.jpg", SIZE, [("cat", (1, 2, 3, "x"))])
        (root / f"p{number}.xml").write_text(bad)
    images = [image(number, f"gone{number}.jpg") for number in range(3)]
    write(root, images, [annotation(bbox=(number, 0, 0, 0)) for number in range(1)])
    table(root, *(f"gone{number}.jpg,1,2,3,4" for number in range(3)))
    for source, places in (
        (pascal_voc, [f"p{number}.xml: object 1" for number in range(3)]),
        (coco, [f"annotations.json: images[{number}]" for number in range(3)]),
        (csv_table, [f"boxes.csv line {number + 2}" for number in range(3)]),
    ):
        found = [one for one in source.read(root) if getattr(one, "place", "")]
        assert [one.place for one in found][:3] == places
        assert len({one.reason for one in found[:3]}) == 1
