"""Tables of boxes: separators and encodings, bad rows, sizes from photos, one object of several."""

import csv
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from localizer.errors import InputError
from localizer.photos import read_photo
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.csv_table import read

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
        assert (found.species, found.breed) == ("dog", "beagle")
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
        (HEADER.encode("utf-16"), "line 1: not UTF-8"),
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
    assert [(one.image, one.breed) for one in read(tmp_path)] == [
        ("rex.jpg", "large"),
        ("kit.jpg", "kitten"),
    ]
    left_out, kit = read(tmp_path, multiple="skip")
    assert left_out == Skipped("rex.jpg", "5 objects in one photo")
    assert kit.breed == "kitten"


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
