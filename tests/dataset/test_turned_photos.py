"""Photos that EXIF turns: each turned once, and their boxes with them where they were not yet."""

import json

import numpy as np
import pytest
from PIL import Image

from localizer.dataset.dataset import open_dataset
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.images.frames import PhotoFrames, frame_of_box, turn_rel_xyxy
from localizer.images.photos import read_frames, read_photo
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.formats import coco, pascal_voc
from localizer.sources.formats.csv import table as csv_table
from localizer.sources.opening import open_source
from tests.sources.formats.csv.test_table import HEADER, table
from tests.sources.formats.test_coco import annotation, image
from tests.sources.formats.test_pascal_voc import voc_xml

TURN = Image.Transpose
# What a camera stores for each orientation of the upright picture (EXIF 2.32, tag 0x0112).
STORED = {
    1: None,
    2: TURN.FLIP_LEFT_RIGHT,
    3: TURN.ROTATE_180,
    4: TURN.FLIP_TOP_BOTTOM,
    5: TURN.TRANSPOSE,
    6: TURN.ROTATE_90,
    7: TURN.TRANSVERSE,
    8: TURN.ROTATE_270,
}
SIZE = (160, 112)
SHOWN = (16, 28, 64, 70)  # Of the photo as it is shown, in pixels.
SHOWN_REL = pytest.approx((0.1, 0.25, 0.4, 0.625), abs=1e-6)


def upright(size=SIZE):
    blocks = np.random.default_rng(0).integers(0, 256, (7, 10, 3), np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)


def as_stored(picture, orientation):
    turn = STORED.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def save(path, orientation, size=SIZE, **options):
    """A photo of this orientation; gives the size of its stored pixels."""
    picture = upright(size)
    stored = as_stored(picture, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(path, exif=exif.tobytes(), **options)
    return stored.size


def stored_box(orientation, size=SIZE):
    """SHOWN in the stored pixels, by drawing it and looking where it is."""
    mask = np.zeros(size[::-1], np.uint8)
    mask[SHOWN[1] : SHOWN[3], SHOWN[0] : SHOWN[2]] = 255
    return as_stored(Image.fromarray(mask), orientation).getbbox()


FORMATS = {
    "JPEG": {"quality": 95},
    "PNG": {},
    "TIFF": {"compression": "tiff_lzw"},
    "MPO": {},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 95},
    "HEIF": {"quality": 95},
}


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_is_turned_once(tmp_path, file_format):
    if file_format == "AVIF" and ".avif" not in Image.registered_extensions():
        pytest.skip("this Pillow has no AVIF")
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.{file_format.lower()}"
        save(path, orientation, format=file_format, **FORMATS[file_format])
        photo = read_photo(path)
        assert photo.shape == (*SIZE[::-1], 3)
        error = np.abs(photo.astype(int) - np.asarray(upright())).mean()
        assert error < 8, (orientation, error)
        assert read_frames(path).shown == SIZE


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_an_orientation_that_is_none_counts_as_upright(tmp_path, orientation):
    for file_format in ("JPEG", "PNG", "WEBP"):
        path = tmp_path / f"x.{file_format.lower()}"
        save(path, orientation, format=file_format)
        assert read_frames(path) == PhotoFrames(SIZE, 1)
        assert read_photo(path).shape == (*SIZE[::-1], 3)


@pytest.mark.parametrize("orientation", STORED)
def test_a_box_is_turned_like_the_photo(orientation):
    width, height = SIZE if orientation < 5 else SIZE[::-1]
    box = np.divide(stored_box(orientation), [width, height, width, height])
    assert turn_rel_xyxy(box, orientation) == SHOWN_REL


def annotate(root, name, size, box, orientation):
    """The same annotation in all formats."""
    save(root / name, orientation)
    xmin, ymin, xmax, ymax = box
    xml = voc_xml(name, size, [("cat", (xmin + 1, ymin + 1, xmax, ymax))])
    (root / f"{name[:-4]}.xml").write_text(xml)
    rows = (root / "boxes.csv").read_text() if (root / "boxes.csv").exists() else ""
    header = f"{HEADER},width,height\n" if not rows else rows + "\n"
    (root / "boxes.csv").write_text(header + ",".join(map(str, [name, *box, *size])))
    entry = image(orientation, name, *size)
    bbox = (xmin, ymin, xmax - xmin, ymax - ymin)
    content = {"images": [], "annotations": [], "categories": [{"id": 3, "name": "cat"}]}
    if (root / "annotations.json").exists():
        content = json.loads((root / "annotations.json").read_text())
    content["images"].append(entry)
    content["annotations"].append(annotation(orientation, orientation, bbox))
    (root / "annotations.json").write_text(json.dumps(content))


def generate(root, read, boxes_in="auto"):
    settings = GenerationSettings(
        "test", "object", root, 32, (1, 0, 0), find_duplicates=False, boxes_in=boxes_in
    )
    out = root.parent / "dataset"
    return generate_dataset(read, settings, out, overwrite=True, progress=False)


@pytest.mark.parametrize("source", [pascal_voc, coco, csv_table])
def test_sizes_tell_that_boxes_were_drawn_on_the_stored_pixels(tmp_path, capsys, source):
    root = tmp_path / "in"
    root.mkdir()
    for orientation in (1, 5, 6, 7, 8):
        size = SIZE if orientation == 1 else SIZE[::-1]
        annotate(root, f"{orientation}.jpg", size, stored_box(orientation), orientation)
    dataset = generate(root, source.read)
    assert len(dataset.samples) == 5
    for row, box in zip(dataset.samples.itertuples(), dataset.boxes_rel_xyxy, strict=True):
        assert (row.width, row.height) == SIZE and tuple(box) == SHOWN_REL, row.image
    said = capsys.readouterr().err
    assert "note: 4 boxes were drawn on the pixels of turned photos as they are stored" in said
    counts = dataset.description["counts"]
    assert (counts["turned_photos"], counts["turned_boxes"], counts["untold_frames"]) == (4, 4, 0)
    assert dataset.description["boxes_in"] == "auto"
    # The same photos, annotated as they are shown.
    for file in root.iterdir():
        file.unlink()
    for orientation in (1, 5, 6, 7, 8):
        annotate(root, f"{orientation}.jpg", SIZE, SHOWN, orientation)
    dataset = generate(root, source.read)
    assert all(tuple(box) == SHOWN_REL for box in dataset.boxes_rel_xyxy)
    assert "note" not in capsys.readouterr().err
    dataset = generate(root, source.read, "stored")
    assert dataset.samples["image"].tolist() == ["1.jpg"]
    skipped = (dataset.path / "skipped.csv").read_text()
    assert skipped.count("another shape in the frame of --boxes-in than the annotated image") == 4


@pytest.mark.parametrize("source", [pascal_voc, coco, csv_table])
def test_where_sizes_do_not_tell_it_is_said_and_an_option_turns_the_boxes(tmp_path, capsys, source):
    root = tmp_path / "in"
    root.mkdir()
    for orientation in (2, 3, 4):
        annotate(root, f"{orientation}.jpg", SIZE, stored_box(orientation), orientation)
    dataset = generate(root, source.read)
    assert not any(tuple(box) == SHOWN_REL for box in dataset.boxes_rel_xyxy)
    said = capsys.readouterr().err
    assert (
        said.count("note: ") == 1
        and "note: 3 photos are turned by EXIF and the annotation " in said
    )
    assert "does not say in which frame its boxes are" in said and "--boxes-in stored" in said
    assert dataset.description["counts"]["untold_frames"] == 3
    dataset = generate(root, source.read, "stored")
    assert all(tuple(box) == SHOWN_REL for box in dataset.boxes_rel_xyxy)
    assert "note: 3 photos" not in capsys.readouterr().err
    assert dataset.description["boxes_in"] == "stored"
    generate(root, source.read, "shown")
    assert not capsys.readouterr().err
    annotate(root, "6.jpg", SIZE[::-1], stored_box(6), 6)
    generate(root, source.read)
    assert "theirs very likely are, too" in capsys.readouterr().err


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_table_without_sizes_takes_the_photos_own_in_the_frame_that_is_named(
    tmp_path, capsys, orientation
):
    root = tmp_path / "in"
    root.mkdir()
    save(root / "rex.jpg", orientation)
    for boxes_in, box in (("stored", stored_box(orientation)), ("auto", SHOWN), ("shown", SHOWN)):
        table(root, "rex.jpg," + ",".join(map(str, box)))
        read, _ = open_source("csv", root, "object", boxes_in=boxes_in)
        dataset = generate(root, read, boxes_in)
        assert tuple(dataset.boxes_rel_xyxy[0]) == SHOWN_REL
        assert (dataset.samples["width"][0], dataset.samples["height"][0]) == SIZE
        untold = orientation != 1 and boxes_in == "auto"
        assert ("note: 1 photos are turned" in capsys.readouterr().err) == untold
        relative = np.divide(box, [*dataset_frame(root, boxes_in)] * 2)
        table(root, "rex.jpg," + ",".join(map(str, relative)))
        read, _ = open_source("csv", root, "object", boxes_in=boxes_in, box_format="relative")
        assert tuple(generate(root, read, boxes_in).boxes_rel_xyxy[0]) == SHOWN_REL
        capsys.readouterr()


def dataset_frame(root, boxes_in):
    return read_frames(root / "rex.jpg").of(boxes_in)


def test_nearly_square_photos_are_told_by_their_exact_size():
    frames = PhotoFrames((200, 199), 6)
    assert frame_of_box(frames, (200, 199), "auto").name == "stored"
    assert frame_of_box(frames, (199, 200), "auto").name == "shown"
    untold = frame_of_box(frames, (100, 100), "auto")
    assert (untold.name, untold.is_told) == ("shown", False)
    assert frame_of_box(frames, (199, 200), "auto").is_told


def test_a_teachers_box_is_one_of_the_photo_as_it_is_shown(tmp_path, capsys):
    root = tmp_path / "in"
    root.mkdir()
    save(root / "rex.jpg", 3)
    box = (0.1, 0.25, 0.4, 0.625)
    dataset = generate(root, lambda _: [AnnotatedImage("rex.jpg", box, score=0.5)], "stored")
    assert tuple(dataset.boxes_rel_xyxy[0]) == SHOWN_REL
    assert not capsys.readouterr().err


def test_the_option_of_the_script(tmp_path, run_script):
    root = tmp_path / "in"
    root.mkdir()
    save(root / "rex.jpg", 3)
    table(root, "rex.jpg," + ",".join(map(str, stored_box(3))))
    done = run_script(
        "generate_dataset.py",
        "--source",
        "csv",
        "--root",
        "in",
        "--boxes-in",
        "stored",
        "--image-size",
        32,
        "--out",
        "out",
    )
    assert done.returncode == 0, done.stderr
    assert tuple(open_dataset(tmp_path / "out").boxes_rel_xyxy[0]) == SHOWN_REL
    with pytest.raises(InputError, match="--boxes-in is for .*not synthetic"):
        open_source("synthetic", None, "head", boxes_in="stored")
