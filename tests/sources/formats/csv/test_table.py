"""Tables of boxes: separators and encodings, bad rows, sizes from photos, one object of several."""

import csv
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from localizer.errors import InputError
from localizer.images.photos import read_photo
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.formats.csv.table import read

HEADER = "image,xmin,ymin,xmax,ymax"


def photo(path, size=(500, 400), orientation=None, file_format="JPEG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.new("RGB", size).save(path, format=file_format, exif=exif)


def table(root, *lines, header=HEADER):
    path = root / "boxes.csv"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    return path


def test_by_hand(tmp_path, capsys):
    photo(tmp_path / "photos" / "rex.jpg")
    path = table(
        tmp_path,
        "9,dog,photos/rex.jpg,25,20,125,100,250,200, beagle ",
        header="score,Species, image,xmin,ymin,xmax,ymax,width,height,breed",
    )
    for root in (tmp_path, path):
        [found] = read(root)
        assert (found.image, found.width, found.height) == ("photos/rex.jpg", 250, 200)
        assert (found.supercategory, found.category) == ("dog", "beagle")
        assert found.box_rel_xyxy == pytest.approx((0.1, 0.1, 0.5, 0.5), abs=1e-6)
        assert all(type(value) is float for value in found.box_rel_xyxy)
        assert f"{path}: columns that are not used: score\n" in capsys.readouterr().err


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_line_ends_and_byte_order_mark(tmp_path, separator, start, end):
    photo(tmp_path / "a b.jpg")
    lines = [HEADER, "", "a b.jpg, 50,40.0,250,2e2", ",,,,", "no.jpg,1,2,3,4"]
    text = end.join(lines).replace(",", separator)
    (tmp_path / "boxes.csv").write_bytes((start + text).encode("utf-8"))
    left_out, found = read(tmp_path)
    assert (left_out.image, left_out.place) == ("no.jpg", "boxes.csv line 5")
    assert "there is no such file" in left_out.reason
    assert found == AnnotatedImage("a b.jpg", found.box_rel_xyxy, 500, 400)
    assert found.box_rel_xyxy == pytest.approx((0.1, 0.1, 0.5, 0.5), abs=1e-6)


@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_the_size_is_the_one_a_viewer_shows(tmp_path, orientation, file_format):
    photo(tmp_path / "rex.jpg", (50, 40), orientation, file_format)
    table(tmp_path, "rex.jpg,4,5,20,25")
    [found] = read(tmp_path)
    height, width, _ = read_photo(tmp_path / "rex.jpg").shape
    assert (found.width, found.height) == (width, height)
    expected = (4 / width, 5 / height, 20 / width, 25 / height)
    assert found.box_rel_xyxy == pytest.approx(expected)


def test_sizes_may_be_missing_in_some_rows_only(tmp_path):
    photo(tmp_path / "rex.jpg")
    photo(tmp_path / "kit.jpg")
    rows = ["rex.jpg,5,4,10,8,50,40", "kit.jpg,50,40,100,80,,", "rex.jpg,1,2,3,4,50,"]
    table(tmp_path, *rows, "rex.jpg,1,2,3,4,50,0", header=HEADER + ",width,height")
    no_height, flat, *found = read(tmp_path)
    assert (no_height.place, flat.place) == ("boxes.csv line 4", "boxes.csv line 5")
    assert "only one of width and height" in no_height.reason
    assert flat.reason == no_height.reason
    assert [(one.image, one.width) for one in found] == [("rex.jpg", 50), ("kit.jpg", 500)]
    for one in found:
        assert one.box_rel_xyxy == pytest.approx((0.1, 0.1, 0.2, 0.2))


def test_bad_rows_are_left_out_with_their_line(tmp_path):
    photo(tmp_path / "rex.jpg")
    photo(tmp_path.parent / "outside.jpg")
    (tmp_path / "text.jpg").write_text("no photo")
    bad = [
        ("rex.jpg,1,2,3", "4 fields, but the header has 5"),
        ("rex.jpg,1,2,3,4,5", "6 fields, but the header has 5"),
        ('rex.jpg,"1,5",2,3,4', "xmin: '1,5' is not a number"),
        ("rex.jpg,1,2,3,nan", "ymax: 'nan' cannot be a coordinate"),
        ("rex.jpg,1,2,-inf,4", "xmax: '-inf' cannot be a coordinate"),
        ("rex.jpg,1,2,3,1e40", "ymax: '1e40' cannot be a coordinate"),
        ("rex.jpg,1,2,3,", "ymax: '' is not a number"),
        (",1,2,3,4", "there is no such file"),
        ("gone.jpg,1,2,3,4", "there is no such file"),
        ("a\\rex.jpg,1,2,3,4", "write / between folders"),
        ("../outside.jpg,1,2,3,4", "leads out of the root"),
        (f"{tmp_path / 'gone.jpg'},1,2,3,4", "there is no such file"),
        ("text.jpg,1,2,3,4", "the photo's size cannot be read"),
        ("nul\0.jpg,1,2,3,4", "there is no such file"),
    ]
    table(tmp_path, '"gone\nand broken.jpg",1,2,3,4', *(line for line, _ in bad))
    first, *found = read(tmp_path)
    assert (first.image, first.place) == ("gone\nand broken.jpg", "boxes.csv line 2")
    assert len(found) == len(bad)
    for line, (one, (_, reason)) in enumerate(zip(found, bad), start=4):
        assert isinstance(one, Skipped)
        assert one.place == f"boxes.csv line {line}" and reason in one.reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: the file is empty"),
        (b"\xef\xbb\xbf \n", "line 1: the file is empty"),
        (HEADER.encode() + b"\n\n", "line 1: there is no row after the header"),
        (b"image,xmin,ymin,xmax\nrex.jpg,1,2,3", "line 1: no column named ymax; expected a table"),
        (b"rex.jpg,1,2,3,4", "line 1: no column named image, xmin, ymin, xmax, ymax"),
        (HEADER.encode() + b",XMIN\n1,2", "line 1: several columns named xmin"),
        (HEADER.encode() + b"\nrex.jpg,1,2,3,4\ncaf\xe9.jpg,1,2,3,4", "line 3: not UTF-8"),
        (HEADER.encode("utf-16"), "line 1: there is no row after the header"),
        (HEADER.encode("utf-16-le"), "line 1: UTF-16 without a byte order mark"),
        (HEADER.encode("utf-16") + b"\0", "line 1: not UTF-16"),
        (b"sep=;\n" + HEADER.encode() + b"\nrex.jpg,1,2,3,4", "line 2: no column named image"),
        (b"sep=;\n\n", "line 3: there is no header"),
        (b"rex.jpg,1,2,3,4\n" * 2, "line 1: no column named image"),
        (HEADER.encode() + b'\nrex.jpg,1,2,3,4\n"rex.jpg,1,2,3,4\n', "line 3: unexpected end"),
        (b"x" * 200_000, "line 1: field larger than field limit"),
    ],
)
def test_an_unusable_table_is_refused_naming_file_and_line(tmp_path, content, message):
    (tmp_path / "boxes.csv").write_bytes(content)
    with pytest.raises(InputError, match=re.escape(f"boxes.csv {message}")):
        list(read(tmp_path))


def test_the_root_holds_exactly_one_table(tmp_path):
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="photos/rex.jpg,48,29,201,180"):
            list(read(root))
    photo(tmp_path / "rex.jpg")
    path = table(tmp_path, "rex.jpg,1,2,3,4")
    (tmp_path / "._boxes.csv").write_bytes(b"\0")
    assert len(list(read(tmp_path))) == 1
    (tmp_path / "other.CSV").write_text(HEADER)
    with pytest.raises(InputError, match="boxes.csv, other.CSV.*give one of them as the root"):
        list(read(tmp_path))
    assert len(list(read(path))) == 1


def test_relative_boxes_are_never_taken_for_pixels_nor_pixels_for_relative(tmp_path):
    photo(tmp_path / "rex.jpg")
    photo(tmp_path / "kit.jpg")
    table(tmp_path, "rex.jpg,0,0.25,1,0.75", "kit.jpg,0.1,0.1,0.2,0.2")
    with pytest.raises(InputError, match="--box-format relative"):
        list(read(tmp_path))
    rex, _ = read(tmp_path, box_format="relative")
    assert rex == AnnotatedImage("rex.jpg", (0.0, 0.25, 1.0, 0.75))
    table(tmp_path, "rex.jpg,0,0,300,200", "kit.jpg,0,0,1,1")
    assert all(isinstance(one, AnnotatedImage) for one in read(tmp_path))
    pixels, kit = read(tmp_path, box_format="relative")
    assert pixels.image == "rex.jpg" and "--box-format pixels" in pixels.reason
    assert kit.image == "kit.jpg"
    with pytest.raises(InputError, match="'percent'"):
        list(read(tmp_path, box_format="percent"))


def test_rows_of_one_photo_are_several_objects(tmp_path):
    photo(tmp_path / "rex.jpg")
    photo(tmp_path / "kit.jpg")
    table(
        tmp_path,
        "rex.jpg,450,350,0,0,inverted",
        "rex.jpg,600,0,9000,400,outside",
        "kit.jpg,0,0,10,10,kitten",
        "./rex.jpg,0,0,60,60,large",
        "rex.jpg,0,0,50,50,small",
        "rex.jpg,490,0,900,60,mostly outside",
        header=HEADER + ",breed",
    )
    assert [(one.image, one.category) for one in read(tmp_path)] == [
        ("rex.jpg", "large"),
        ("kit.jpg", "kitten"),
    ]
    left_out, kit = read(tmp_path, multiple="skip")
    assert left_out == Skipped("rex.jpg", "5 objects in one photo")
    assert kit.category == "kitten"


BY_HAND = (0.1, 0.1, 0.5, 0.5)  # Of 500 x 400 pixels: 50, 40, 250, 200.
OTHER_WORDS = {
    "filename,width,height,class,xmin,ymin,xmax,ymax": "rex.jpg,500,400,egg,50,40,250,200",
    "file_name,category,supercategory,x,y,w,h": "rex.jpg,egg,food,50,40,200,160",
    "ImageID,LabelName,XMin,XMax,YMin,YMax": "rex.jpg,egg,50,250,40,200",
    "img_path,image_width,image_height,bbox_x,bbox_y,bbox_width,bbox_height,label": (
        "rex.jpg,1000,800,100,80,400,320,egg"
    ),
    "path,x1,y1,x2,y2,width,height,name": "rex.jpg,50,40,250,200,500,400,egg",
    "image name,left,top,right,bottom,breed,label": "rex.jpg,50,40,250,200,egg,7",
    "image_id,file,left,top,width,height,class_id,class": "3,rex.jpg,50,40,200,160,1,egg",
    "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path": "500,400,50,40,250,200,egg,rex.jpg",
    "image,filename,x0,y0,x1,y1,class": "rex.jpg,no.jpg,50,40,250,200,egg",
    "rex.jpg,50,40,250,200,egg": "rex.jpg,,,,,",  # Without a header.
    (
        "filename,file_size,region_shape_attributes,region_attributes"
    ): """rex.jpg,1,"{""name"":""rect"",""x"":50,""y"":40,""width"":200,""height"":160}","""
    '''"{""kind"":""egg""}"''',
}


@pytest.mark.parametrize("header", OTHER_WORDS, ids=lambda header: header[:30])
def test_columns_in_the_words_of_other_tools(tmp_path, header, capsys):
    photo(tmp_path / "rex.jpg")
    table(tmp_path, OTHER_WORDS[header], header=header)
    found = [one for one in read(tmp_path) if isinstance(one, AnnotatedImage)]
    assert [(one.image, one.category) for one in found] == [("rex.jpg", "egg")]
    assert found[0].supercategory == ("food" if "super" in header else "")
    assert found[0].box_rel_xyxy == pytest.approx(BY_HAND, abs=1e-6)
    said = capsys.readouterr().err
    assert " read " in said or header.startswith("image,filename,x0")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("filename,path,xmin,ymin,xmax,ymax", "filename and path could both be meant by image"),
        ("image,x1,y1,x2,y2,x,y,w,h", "x1, y1, x2, y2 and x, y, w, h could both be the box"),
        ("image,left,top,right,bottom,x_min,y_min,x_max,y_max", "could both be the box"),
        # Not the box's width and height: its right edge is there.
        ("image,xmin,ymin,xmax,width,height", "no column named ymax"),
    ],
)
def test_columns_that_could_both_be_meant_are_refused(tmp_path, header, message):
    photo(tmp_path / "rex.jpg")
    table(tmp_path, ",".join(["9"] * len(header.split(","))), header=header)
    with pytest.raises(InputError, match=f"boxes.csv line 1: {message}|line 1: .*{message}"):
        list(read(tmp_path))


def test_of_two_classes_none_is_taken(tmp_path, capsys):
    photo(tmp_path / "rex.jpg")
    table(tmp_path, "rex.jpg,50,40,250,200,a,b", header=HEADER + ",class,label")
    [found] = read(tmp_path)
    assert (
        found.category == ""
        and "class and label could both be the class" in capsys.readouterr().err
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("first", ["", "sep=;\r\n", "\r\n"])
def test_what_excel_writes(tmp_path, encoding, first):
    photo(tmp_path / "käfer.jpg")
    text = first + "image;xmin;ymin;xmax;ymax\r\nkäfer.jpg;50,0;40,25;250,0;200\r\nno.jpg;1;1;9;9"
    text = "\ufeff" + text if encoding == "utf-16-le" else text
    (tmp_path / "boxes.csv").write_bytes(text.encode(encoding))
    missing, found = read(tmp_path)
    assert found.image == "käfer.jpg"
    assert found.box_rel_xyxy == pytest.approx((0.1, 40.25 / 400, 0.5, 0.5), abs=1e-6)
    assert f"line {4 if first else 3}" in missing.reason + missing.place


def test_decimal_commas_are_no_thousands(tmp_path):
    photo(tmp_path / "rex.jpg", (5000, 4000))
    header = HEADER.replace(",", ";")
    table(tmp_path, "rex.jpg;0,125;0,25;0,750;0,5", header=header)
    [found] = read(tmp_path, box_format="relative")
    assert found.box_rel_xyxy == pytest.approx((0.125, 0.25, 0.75, 0.5))
    for row in ("1,000;400;2,500;2000", "12,5;40.25;250;200"):
        table(tmp_path, f"rex.jpg;{row}", header=header)
        with pytest.raises(InputError, match="line 2: .*for decimals or for thousands"):
            list(read(tmp_path))
    table(tmp_path, "rex.jpg;1_000;400;2500;2000", "rex.jpg;1.000,5;4;25;20", header=header)
    assert ["is not a number" in one.reason for one in read(tmp_path)] == [True, True]


SIDES = st.integers(1, 20_000)
UNIT = st.floats(0, 1)
NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\\\0"), min_size=1, max_size=40
).filter(lambda name: name not in (".", "..", "boxes.csv"))


@settings(max_examples=100, deadline=None)
@given(
    name=NAMES,
    separator=st.sampled_from(",;\t"),
    width=SIDES,
    height=SIDES,
    corners=st.tuples(UNIT, UNIT, UNIT, UNIT),
    pixels=st.booleans(),
)
def test_round_trip(tmp_path_factory, name, separator, width, height, corners, pixels):
    root = tmp_path_factory.mktemp("csv")
    (root / name).write_bytes(b"")
    factors = [width, height, width, height] if pixels else [1, 1, 1, 1]
    box = np.multiply(corners, factors).tolist()
    with open(root / "boxes.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow([*HEADER.split(","), "width", "height"])
        writer.writerow([name, *map(repr, box), width, height])
    if pixels and max(box) <= 1:
        with pytest.raises(InputError, match="--box-format relative"):
            list(read(root))
        return
    [found] = read(root / "boxes.csv", box_format="pixels" if pixels else "relative")
    assert (found.image, found.width, found.height) == (name, width, height)
    assert found.box_rel_xyxy == pytest.approx(corners, rel=1e-5, abs=1e-7)
