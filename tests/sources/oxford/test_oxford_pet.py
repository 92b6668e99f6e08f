"""The official layout with all its traps, made by hand, and the real data against other readers."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.oxford.oxford_pet import classes_of, read, trimap_box_abs_xyxy

BOX = "<object><name>cat</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
BOX += "<ymax>{}</ymax></bndbox></object>"


def encoded(file_format, mode="RGB", seed=0):
    photo = np.random.default_rng(seed).integers(0, 256, (40, 60, 4), np.uint8)
    file = io.BytesIO()
    Image.fromarray(photo).convert(mode).save(file, format=file_format)
    return file.getvalue()


def xml_text(*boxes):
    objects = "".join(BOX.format(*box) for box in boxes)
    size = "<size><width>120</width><height>80</height><depth>3</depth></size>"
    return f"<annotation><filename>x.jpg</filename>{size}{objects}</annotation>"


PHOTOS = {
    "Abyssinian_1": encoded("JPEG", seed=1),
    "Abyssinian_2": encoded("GIF", "P", seed=2),
    "Egyptian_Mau_3": encoded("PNG", "RGBA", seed=3),
    "Egyptian_Mau_4": encoded("PNG", "P", seed=4),
    "american_pit_bull_terrier_5": encoded("JPEG", "CMYK", seed=5),
    "beagle_6": encoded("JPEG", seed=6)[:1200],
    "beagle_7": b"",
    "beagle_8": encoded("JPEG", seed=8),
    "beagle_9": encoded("JPEG", seed=9),
    "pug_10": encoded("JPEG", seed=10),
    "pug_12": encoded("JPEG", seed=12),
    "stray_1": encoded("JPEG", seed=13),
}
LISTED = [name for name in PHOTOS if name != "stray_1"] + ["pug_11"]


@pytest.fixture
def root(tmp_path):
    """Photos of 60 x 40 pixels, annotated at 120 x 80."""
    root = tmp_path / "official"
    for folder in ("images", "annotations/xmls", "annotations/trimaps"):
        (root / folder).mkdir(parents=True)
    for name, content in PHOTOS.items():
        (root / "images" / f"{name}.jpg").write_bytes(content)
    (root / "images" / "Abyssinian_1.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    (root / "images" / "._Abyssinian_1.jpg").write_bytes(b"macOS")
    lines = ["#Image CLASS-ID SPECIES BREED ID", *(f"{name} 1 1 1" for name in LISTED), ""]
    (root / "annotations" / "list.txt").write_text("\n".join(lines))
    xmls = {name: xml_text((13, 9, 60, 40)) for name in LISTED if name != "beagle_9"}
    xmls["Egyptian_Mau_4"] = xml_text((1, 1, 12, 8), (13, 9, 60, 40))
    xmls["beagle_8"] = "<annotation><size>"
    xmls["pug_10"] = xml_text((60, 40, 13, 9))
    for name in (*xmls, "lost_2", "._Abyssinian_1"):
        path = root / "annotations" / "xmls" / f"{name}.xml"
        path.write_text(xmls.get(name, xml_text((1, 1, 2, 2))))
    for name in LISTED[:6]:
        trimap = np.full((80, 120), 2, np.uint8)
        trimap[20:60, 30:90] = 3
        trimap[22:58, 32:88] = 1
        trimap[:2] = trimap[:, -2:] = 3  # Strips along the edge of the image.
        Image.fromarray(trimap).save(root / "annotations" / "trimaps" / f"{name}.png")
    empty = np.full((80, 120), 2, np.uint8)
    Image.fromarray(empty).save(root / "annotations" / "trimaps" / "beagle_8.png")
    (root / "annotations" / "trimaps" / "beagle_9.png").write_bytes(b"not a PNG file")
    return root


def generate(root, target, out):
    settings = GenerationSettings("oxford-pet", target, root=root, image_size=32)
    return generate_dataset(lambda folder: read(folder, target), settings, out, progress=False)


def reasons_of(dataset):
    skipped = pd.read_csv(dataset.path / "skipped.csv", keep_default_na=False)
    assert not skipped["image"].duplicated().any()
    told = (skipped["place"] + ": " + skipped["reason"]).str.removeprefix(": ")
    return dict(zip(skipped["image"].str[7:-4], told, strict=True))


def test_heads(root, tmp_path):
    dataset = generate(root, "head", tmp_path / "head")
    names = dataset.samples["image"].str[7:-4].tolist()
    assert names == [*LISTED[:5], "pug_12"]
    assert dataset.samples["supercategory"].tolist() == ["cat"] * 4 + ["dog"] * 2
    assert dataset.samples["category"].tolist() == [name.rpartition("_")[0] for name in names]
    assert (dataset.samples[["width", "height"]] == [120, 80]).all().all()
    expected = np.tile(np.float32([0.1, 0.1, 0.5, 0.5]), (6, 1))
    np.testing.assert_allclose(dataset.boxes_rel_xyxy, expected, atol=1e-6)
    reasons = reasons_of(dataset)
    assert len(reasons) == len(LISTED) + 2 - 6 == dataset.description["counts"]["skipped"]
    for name, words in {
        "beagle_6": "truncated",
        "beagle_7": "the file is empty",
        "beagle_8": "annotations/xmls/beagle_8.xml: not readable as XML",
        "beagle_9": "there is no XML",
        "pug_10": "empty or inverted",
        "pug_11": "the photo is missing",
        "stray_1": "in none of the official lists",
        "lost_2": "in none of the official lists",
    }.items():
        assert words in reasons[name]
        assert str(root) not in reasons[name] and "images/" not in reasons[name]


def test_bodies(root, tmp_path):
    dataset = generate(root, "body", tmp_path / "body")
    assert dataset.samples["image"].str[7:-4].tolist() == LISTED[:5]
    expected = np.tile(np.float32([30 / 120, 20 / 80, 90 / 120, 60 / 80]), (5, 1))
    np.testing.assert_allclose(dataset.boxes_rel_xyxy, expected, atol=1e-6)
    reasons = reasons_of(dataset)
    assert reasons["beagle_8"] == "no body box: the trimap has no pixel of the pet"
    assert reasons["beagle_9"] == "annotations/trimaps/beagle_9.png: the trimap cannot be decoded"
    assert "no trimap" in reasons["pug_12"]


def test_two_heads(root):
    def boxes(multiple):
        return {one.image[7:-4]: one for one in read(root, "head", multiple)}

    assert boxes("largest")["Egyptian_Mau_4"].box_rel_xyxy[2] == pytest.approx(0.5)
    assert boxes("skip")["Egyptian_Mau_4"].reason == "2 objects in one photo"


def test_other_folders_are_refused(tmp_path, root):
    with pytest.raises(InputError, match="--root or the environment variable OXFORD_PET_ROOT"):
        list(read(tmp_path, "head"))
    for content, message in [("# nothing\n\n", "names no image"), ("../../x 1 1 1", "plain")]:
        (root / "annotations" / "list.txt").write_text(content)
        with pytest.raises(InputError, match=message):
            list(read(root, "head"))


def test_official_lists(root, tmp_path):
    for name, names in [("trainval", LISTED[:3]), ("test", LISTED[3:])]:
        lines = "\n".join(f"{name} 1 1 1" for name in names)
        (root / "annotations" / f"{name}.txt").write_text(lines)
    found = {one.image[7:-4]: one.official_split for one in read(root, "body")}
    assert all(found[name] == "trainval" for name in LISTED[:3])
    assert all(found[name] == "test" for name in LISTED[3:])
    assert found["stray_1"] == found["lost_2"] == ""


def test_small_parts_and_strips_do_not_count():
    trimap = np.full((200, 200), 2, np.uint8)
    trimap[50:150, 50:150] = 1
    trimap[100, 60:83] = 3  # 10,000 pixels of the pet in all: parts of 20 pixels count.
    trimap[0, :] = 3
    trimap[150:152, 150:152] = 1  # Too small alone, but joined by a corner.
    trimap[190:191, 10:29] = 1  # 19 pixels.
    assert trimap_box_abs_xyxy(trimap).tolist() == [50, 50, 152, 152]
    trimap[190, 29] = 3  # The twentieth, of the border.
    assert trimap_box_abs_xyxy(trimap).tolist() == [10, 50, 152, 191]
    with pytest.raises(InputError, match="no pixel of the pet"):
        trimap_box_abs_xyxy(np.full((5, 5), 3, np.uint8))


def test_real_heads(oxford_root):
    found = list(read(oxford_root, "head"))
    heads = [one for one in found if isinstance(one, AnnotatedImage)]
    assert len(heads) == 3301
    listed = re.findall(r"^([^# ]\S*)", (oxford_root / "annotations/list.txt").read_text(), re.M)
    xmls = {path.stem for path in (oxford_root / "annotations/xmls").glob("*.xml")}
    photos = {path.stem for path in (oxford_root / "images").glob("*.jpg")}
    assert sorted(one.image[7:-4] for one in found) == sorted({*listed, *xmls, *photos})
    for head in heads:
        text = (oxford_root / "annotations" / "xmls" / f"{Path(head.image).stem}.xml").read_text()
        numbers = re.findall(r"<(width|height|xmin|ymin|xmax|ymax)>\s*(\d+)\s*<", text)
        width, height = (int(value) for _, value in numbers[:2])
        boxes = [
            [(x0 - 1) / width, (y0 - 1) / height, x1 / width, y1 / height]
            for x0, y0, x1, y1 in np.reshape([int(value) for _, value in numbers[2:]], (-1, 4))
        ]
        expected = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        assert head.box_rel_xyxy == pytest.approx(expected, abs=1e-6)
        assert (head.width, head.height) == (width, height)
        assert head.supercategory == re.search(r"<name>(\w+)<", text)[1]


def test_real_bodies_against_another_implementation(oxford_root):
    found = {one.image: one for one in read(oxford_root, "body")}
    usable = [one for one in found.values() if isinstance(one, AnnotatedImage)]
    assert len(usable) == 1224
    for body in usable:
        path = oxford_root / "annotations" / "trimaps" / f"{Path(body.image).stem}.png"
        trimap = np.asarray(Image.open(path))
        labels, count = ndimage.label(trimap != 2, structure=np.ones((3, 3)))
        areas = np.bincount(labels.ravel(), minlength=count + 1)
        pets = np.bincount(labels[trimap == 1], minlength=count + 1)
        parts = [
            (columns.start, rows.start, columns.stop, rows.stop)
            for part, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1)
            if pets[part] and areas[part] >= 0.002 * pets.sum()
        ]
        left, top, right, bottom = zip(*parts, strict=True)
        expected = [min(left), min(top), max(right), max(bottom)]
        size = (body.width, body.height) * 2
        assert size[:2] == trimap.shape[::-1]
        np.testing.assert_allclose(np.multiply(body.box_rel_xyxy, size), expected, atol=1e-3)


def test_real_dataset(pet_head_dataset):
    dataset = pet_head_dataset
    counts = dataset.description["counts"]
    skipped = pd.read_csv(dataset.path / "skipped.csv")
    assert (counts["used"], counts["listed"]) == (3301, 7365)
    assert len(skipped) == counts["skipped"] == 7365 - 3301
    assert not skipped["reason"].str.contains(str(dataset.root), regex=False).any()
    row = dataset.samples.set_index("image").loc["images/Abyssinian_1.jpg"]
    assert (row["xmin"] * row["width"], row["xmax"] * row["width"]) == pytest.approx((332, 425))


@pytest.mark.slow
def test_real_official_split_of_bodies(oxford_root, tmp_path):
    def read_bodies(root):
        return read(root, "body")

    settings = GenerationSettings("oxford-pet", "body", root=oxford_root, split_by="official")
    dataset = generate_dataset(read_bodies, settings, tmp_path / "body", progress=False)
    lines = (oxford_root / "annotations/test.txt").read_text().splitlines()
    listed = {line.split()[0] for line in lines}
    tested = dataset.samples["split"] == "test"
    in_list = dataset.samples["image"].str[7:-4].isin(listed)
    assert tested.sum() == 611 and (tested == in_list).all()
    assert len(dataset.samples) == 1223
    skipped = pd.read_csv(dataset.path / "skipped.csv")
    beside = skipped[skipped["reason"].str.contains("official test list")]
    assert beside["image"].str[7:-4].isin(listed).sum() == 0 and len(beside) == 1


def test_real_near_duplicates_share_a_split(pet_head_dataset):
    groups = pd.read_csv(pet_head_dataset.path / "near_duplicates.csv")
    group_of = dict(zip(groups["image"].str[7:-4], groups["group"], strict=True))
    for copies in (
        ["japanese_chin_188", "japanese_chin_78"],
        ["newfoundland_149", "newfoundland_2"],
        ["Bombay_107", "Bombay_132", "Bombay_19"],
    ):
        assert len({group_of[name] for name in copies}) == 1
    splits = pet_head_dataset.samples.groupby("group")["split"].nunique()
    assert (splits == 1).all() and (pet_head_dataset.samples["group"].duplicated()).any()


def test_real_breeds_are_spread_evenly(pet_head_dataset):
    samples = pet_head_dataset.samples
    test_shares = (samples["split"] == "test").groupby(samples["category"]).mean()
    sizes = samples["category"].value_counts()[test_shares.index].to_numpy()
    random = np.random.default_rng(0).binomial(sizes, 0.1, (2000, len(sizes))) / sizes
    assert test_shares.std() < np.quantile(random.std(axis=1), 0.2)
    assert test_shares.min() > 0


def test_the_class_follows_from_the_name():
    assert classes_of("Egyptian_Mau_12") == ("cat", "Egyptian_Mau")
    assert classes_of("american_pit_bull_terrier_7") == (
        "dog",
        "american_pit_bull_terrier",
    )
