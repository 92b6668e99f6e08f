"""Photos: damaged files of every format are decoded or refused, and nothing hangs or crashes."""

import io
import os
import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.errors import InputError
from localizer.images import photos
from localizer.images.photos import read_photo
from localizer.sources.formats.csv import table as csv_table
from tests.fuzzing import MUTANTS, fuzzed
from tests.fuzzing.damage import damaged, mutants, naming

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))
FORMATS = {
    "JPEG": {"quality": 50},
    "PNG": {},
    "GIF": {},
    "WEBP": {},
    "BMP": {},
    "HEIF": {},
    "AVIF": {},
    "TIFF": {},
    "JPEG2000": {},
    "MPO": {},
    "TGA": {},
    "PPM": {},
    "ICO": {},
    "TIFF deflated": {"format": "TIFF", "compression": "tiff_deflate"},
    "progressive": {"format": "JPEG", "progressive": True},
    "EXIF": {"format": "JPEG", "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\1\0\6"},
}
TOKENS = [
    b"\xff\xd8",
    b"\xff\xd9",
    b"\xff\xc4",
    b"\xff\xc0",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"IDAT",
    b"%!PS-Adobe",
    b"\x7f\xff\xff\xff",
]


def encoded(name):
    options = {"format": name} | FORMATS[name]
    content = io.BytesIO()
    PICTURE.save(content, **options)
    return content.getvalue()


def decode(path, seconds=20):
    """Whether it was decoded; anything else than pixels or an InputError fails the test."""
    began = time.process_time()
    try:
        photo = read_photo(path)
        assert photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3 and photo.size
        return True
    except InputError as error:
        assert str(error).startswith(f"{path}: ")
        return False
    finally:
        assert time.process_time() - began < seconds, "too slow"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # Damaged sizes shall not make a test of seconds decode gigapixels of nothing.
        patch.setattr(photos, "MAX_PIXELS", 1_000_000)
        yield tmp_path_factory.mktemp("fuzzed") / "photo.jpg"


SOUND = [encoded(name) for name in FORMATS]


@fuzzed
@given(content=damaged(st.sampled_from(SOUND), TOKENS))
def test_decoding(path, content):
    path.write_bytes(content)
    decode(path)


def test_decoding_mutants(path):
    for content in mutants(SOUND, MUTANTS, tokens=TOKENS):
        path.write_bytes(content)
        with naming(content):
            decode(path)


def damaged_jpeg(content, kind):
    """One of any number of kinds of damage: what a seed of this number does to the bytes."""
    dice = random.Random(kind)
    content = bytearray(content)
    markers = [i for i in range(len(content) - 9) if content[i] == 0xFF and content[i + 1] > 0xBF]
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        length = dice.choice([1, 2, 16, 256, 4096])
        at = dice.choice([dice.randrange(len(content)), dice.randrange(min(700, len(content)))])
        marker = min(dice.choice(markers), len(content) - 9)
        damage = dice.randrange(9)
        if damage == 0:
            del content[at:]
        elif damage == 1:
            content[at : at + length] = bytes(length)
        elif damage == 2:
            content[at : at + length] = dice.randbytes(length)
        elif damage == 3:
            del content[at : at + length]
        elif damage == 4:
            content[at:at] = content[at : at + length]
        elif damage == 5:
            content[marker + 2 : marker + 4] = dice.randbytes(2)  # A segment's length.
        elif damage == 6:
            content[marker + 1] = dice.randrange(0xC0, 0x100)  # Another segment.
        elif damage == 7:
            content[marker + 4 : marker + 9] = dice.randbytes(5)  # Sizes, tables, components.
        else:
            content[at : at + 1] = bytes([dice.randrange(256)])
        if len(content) < 20:
            break
    return bytes(content)


def sound_jpegs():
    """Real photos where OXFORD_PET_ROOT names them, else the cat of scikit-image."""
    if os.environ.get("OXFORD_PET_ROOT"):
        found = sorted(os.scandir(f"{os.environ['OXFORD_PET_ROOT']}/images"), key=lambda e: e.name)
        files = [entry.path for entry in found if entry.name.endswith(".jpg")][::70][:100]
        return [open(file, "rb").read() for file in files]
    content = io.BytesIO()
    Image.fromarray(data.chelsea()).save(content, "JPEG")
    return [content.getvalue()]


def test_kinds_of_damage_to_real_files(tmp_path):
    """Each is decoded, or listed in skipped.csv with its reason."""
    kinds = min(MUTANTS, 1000)
    sound = sound_jpegs()
    lines = ["image,xmin,ymin,xmax,ymax"]
    for kind in range(kinds):
        (tmp_path / f"{kind}.jpg").write_bytes(damaged_jpeg(sound[kind % len(sound)], kind))
        lines.append(f"{kind}.jpg,0.2,0.2,0.8,0.8")
    (tmp_path / "boxes.csv").write_text("\n".join(lines))
    decoded = {f"{kind}.jpg" for kind in range(kinds) if decode(tmp_path / f"{kind}.jpg")}
    assert kinds // 5 < len(decoded) < kinds

    settings = GenerationSettings("csv", "object", tmp_path, image_size=32)
    dataset = generate_dataset(
        lambda root: csv_table.read(root, box_format="relative"),
        settings,
        tmp_path / "data",
        progress=False,
    )
    assert set(dataset.samples["image"]) == decoded
    skipped = (tmp_path / "data" / "skipped.csv").read_text()
    assert dataset.description["counts"]["skipped"] == kinds - len(decoded)
    assert all(f"{kind}.jpg," in skipped for kind in range(kinds) if f"{kind}.jpg" not in decoded)
    print(f"{kinds} kinds of damage: {len(decoded)} decoded, {kinds - len(decoded)} listed")
