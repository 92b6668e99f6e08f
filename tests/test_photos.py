"""Photos: every kind of file as a viewer shows it, damaged files, and the stretch to a square."""

import os

import numpy as np
import pytest
from PIL import Image

from localizer import photos
from localizer.errors import InputError
from localizer.photos import read_photo, stretch

# A quarter each of red, green, blue and white: shows turns, flips and swapped channels.
QUARTERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
PICTURE = QUARTERS.repeat(16, axis=0).repeat(24, axis=1)


@pytest.mark.parametrize(
    ("file_format", "mode"),
    [
        ("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"),
        ("GIF", "P"), ("WEBP", "RGB"), ("BMP", "RGB"), ("TIFF", "RGB"), ("TIFF", "CMYK"),
    ],
)  # fmt: skip
def test_every_format_under_any_name(tmp_path, file_format, mode):
    Image.fromarray(PICTURE).convert(mode).save(tmp_path / "photo.jpg", format=file_format)
    photo = read_photo(tmp_path / "photo.jpg")
    assert photo.dtype == np.uint8 and photo.shape == (32, 48, 3)
    np.testing.assert_allclose(photo[8::16, 12::24], QUARTERS, atol=4)


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_grey(tmp_path, mode):
    grey = np.tile(np.uint8([[0, 255]]), (8, 4))
    Image.fromarray(grey).convert(mode).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "grey.png"), grey[..., None].repeat(3, 2))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("top", [200, 65535])
def test_16_bit_samples_keep_their_brightness(tmp_path, suffix, top):
    values = np.linspace(0, top, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / f"deep{suffix}")
    photo = read_photo(tmp_path / f"deep{suffix}")
    np.testing.assert_array_equal(photo[..., 1], np.rint(values / 257).astype(np.uint8))


def test_transparent_parts_are_white(tmp_path):
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[:, :2] = [10, 20, 30, 255]
    rgba[:, 3] = [0, 0, 0, 128]
    Image.fromarray(rgba).save(tmp_path / "clear.png")
    row = read_photo(tmp_path / "clear.png")[0]
    np.testing.assert_allclose(row, [[10, 20, 30]] * 2 + [[255] * 3, [127] * 3], atol=1)
    palette = Image.fromarray(PICTURE).convert("P")
    index = palette.getpixel((0, 0))
    palette.save(tmp_path / "clear.gif", transparency=index)
    np.testing.assert_array_equal(read_photo(tmp_path / "clear.gif")[0, 0], [255] * 3)


# What EXIF 2.32 says of tag 0x0112: where the first row and the first column are shown.
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PICTURE).save(tmp_path / "turned.png", exif=exif)
    expected = TURNS[orientation](PICTURE)
    np.testing.assert_array_equal(read_photo(tmp_path / "turned.png"), expected)
    deep = PICTURE[..., 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "deep.png")[..., 0], expected[..., 0])


def test_damaged_files(tmp_path):
    sound = tmp_path / "sound.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(sound)
    content = sound.read_bytes()
    (tmp_path / "folder.jpg").mkdir()
    for name, damaged, message in [
        ("none", None, "no such file"),
        ("empty", b"", "the file is empty"),
        ("text", b"<html>not found</html>", "not an image that Pillow can read"),
        ("header", content[:200], "not an image|cannot be decoded"),
        ("half", content[: len(content) // 2], "truncated"),
        ("folder", None, "cannot be decoded [(]Is a directory"),
    ]:
        path = tmp_path / f"{name}.jpg"
        if damaged is not None:
            path.write_bytes(damaged)
        with pytest.raises(InputError, match=message) as caught:
            read_photo(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert str(caught.value).count(str(path)) == 1


@pytest.mark.skipif(os.name == "nt" or not os.geteuid(), reason="nothing is forbidden to root")
def test_a_file_without_permission(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "secret.png")
    (tmp_path / "secret.png").chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read_photo(tmp_path / "secret.png")


def test_a_photo_that_is_too_large(tmp_path, monkeypatch):
    Image.new("1", (20_000, 9_000)).save(tmp_path / "huge.png")
    with pytest.raises(InputError, match="180000000 pixels|20000x9000 pixels"):
        read_photo(tmp_path / "huge.png")
    monkeypatch.setattr(photos, "MAX_PIXELS", 1000)
    Image.fromarray(PICTURE).save(tmp_path / "photo.png")
    with pytest.raises(InputError, match="48x32 pixels, more than 1,000"):
        read_photo(tmp_path / "photo.png")


def test_stretch_averages_what_shrinks():
    noise = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
    expected = noise.reshape(32, 2, 32, 3, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(stretch(noise, 32), expected, atol=0.51)
    # One side shrinks, the other grows: no column is left out of the mean.
    strip = noise[:16]
    means = strip.reshape(16, 32, 3, 3).mean(axis=2)
    wide = stretch(strip, 32)
    np.testing.assert_allclose(wide[[0, -1]], means[[0, -1]], atol=0.51)
    np.testing.assert_allclose(wide[1], 0.75 * means[0] + 0.25 * means[1], atol=1.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (160, 160), (7, 3000)])
def test_stretch_of_any_shape(shape):
    photo = np.full((*shape, 3), [10, 130, 250], np.uint8)
    square = stretch(photo, 160)
    assert square.shape == (160, 160, 3) and square.dtype == np.uint8
    assert (square == [10, 130, 250]).all()
