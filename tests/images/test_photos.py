"""Photos: every kind of file as a viewer shows it, damaged files, and the stretch to a square."""

import io
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from localizer.errors import InputError
from localizer.images import photos
from localizer.images.photos import as_rgb, read_photo
from localizer.images.resizing import stretch

# A quarter each of red, green, blue and white: shows turns, flips and swapped channels.
QUARTERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
PICTURE = QUARTERS.repeat(16, axis=0).repeat(24, axis=1)


@pytest.mark.parametrize(
    ("file_format", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("GIF", "P"),
        ("WEBP", "RGB"),
        ("BMP", "RGB"),
        ("TIFF", "RGB"),
        ("TIFF", "CMYK"),
        ("HEIF", "RGB"),
        ("HEIF", "RGBA"),
        ("AVIF", "RGB"),
        ("MPO", "RGB"),
        ("JPEG2000", "RGB"),
    ],
)
def test_every_format_under_any_name(tmp_path, file_format, mode):
    Image.fromarray(PICTURE).convert(mode).save(tmp_path / "photo.jpg", format=file_format)
    photo = read_photo(tmp_path / "photo.jpg")
    assert photo.dtype == np.uint8 and photo.shape == (32, 48, 3)
    np.testing.assert_allclose(photo[8::16, 12::24], QUARTERS, atol=8)


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


def test_floats_up_to_1_are_shares_of_white(tmp_path):
    shares = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(shares).save(tmp_path / "floats.tif")
    expected = np.rint(255 * shares)
    np.testing.assert_array_equal(read_photo(tmp_path / "floats.tif")[..., 0], expected)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_colours_keep_their_brightness(tmp_path, suffix):
    deep = np.random.default_rng(2).integers(0, 65536, (9, 7, 4), np.uint16)
    deep[..., 3] = 65535
    for channels in (3, 4):
        bgr = deep[..., [2, 1, 0, 3]][..., :channels]
        assert cv2.imwrite(str(tmp_path / f"deep{suffix}"), bgr)
        photo = read_photo(tmp_path / f"deep{suffix}")
        np.testing.assert_allclose(photo, deep[..., :3] / 257, atol=1)


def test_cmyk_is_read_as_ink(tmp_path):
    """Cyan, magenta, yellow and black, as ImageMagick and Photoshop write them: inverted."""
    inks = np.zeros((16, 64, 4), np.uint8)
    for i in range(4):
        inks[:, 16 * i : 16 * i + 16, i] = 255
    Image.fromarray(inks, "CMYK").save(tmp_path / "inks.jpg", quality=100, subsampling=0)
    photo = read_photo(tmp_path / "inks.jpg")
    expected = [[0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 0]]
    np.testing.assert_allclose(photo[8, 8::16], expected, atol=4)


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


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_exif_orientation_in_other_formats(tmp_path, file_format):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PICTURE).save(tmp_path / "turned", format=file_format, exif=exif)
    photo = read_photo(tmp_path / "turned")
    assert photo.shape == (48, 32, 3)
    np.testing.assert_allclose(photo[12::24, 8::16], np.rot90(QUARTERS, -1), atol=8)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12"])
def test_damaged_exif_is_no_reason_to_refuse_a_photo(tmp_path, exif):
    Image.fromarray(PICTURE).save(tmp_path / "photo.jpg", exif=exif)
    assert read_photo(tmp_path / "photo.jpg").shape == PICTURE.shape


def heic_bytes():
    content = io.BytesIO()
    Image.fromarray(PICTURE).save(content, "HEIF")
    return content.getvalue()


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
        ("folder", None, "not a regular file"),
        ("heic", heic_bytes()[:400], "not an image|cannot be decoded"),
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


GREY = np.uint8([[0, 100, 255], [7, 8, 9]])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (PICTURE, PICTURE),
        (GREY, GREY[..., None].repeat(3, 2)),
        (GREY[..., None], GREY[..., None].repeat(3, 2)),
        (np.uint16(PICTURE) * 257, PICTURE),
        (np.uint16([[128, 129, 65535]]), np.repeat(np.uint8([[[0], [1], [255]]]), 3, 2)),
        (np.uint8([[[10, 20, 30, 255], [10, 20, 30, 0]]]), np.uint8([[[10, 20, 30], [255] * 3]])),
        (PICTURE[::-1, ::2], PICTURE[::-1, ::2]),
    ],
)
def test_arrays(given, expected):
    photo = as_rgb(given)
    assert photo.dtype == np.uint8
    np.testing.assert_array_equal(photo, expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 4, 3)), "not float64; for values from 0 to 1"),
        (np.zeros((4, 4), bool), "not bool"),
        (np.zeros((3, 40, 40), np.uint8), r"shape \[3, 40, 40\] is no photo"),
        (np.zeros((1, 4, 4, 3), np.uint8), "is no photo"),
        (np.zeros((0, 4, 3), np.uint8), "is no photo"),
        (np.zeros(4, np.uint8), "is no photo"),
        ([[0, 1]], "a path, bytes, a binary file object, a NumPy array or a PIL image, not list"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_photo(given, message):
    with pytest.raises(InputError, match=message):
        as_rgb(given)


def test_pil_images_are_taken_as_their_pixels_lie(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PICTURE).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as image:
        np.testing.assert_array_equal(as_rgb(image), PICTURE)
    content = (tmp_path / "turned.png").read_bytes()
    (tmp_path / "half.png").write_bytes(content[:-40])
    with (
        Image.open(tmp_path / "half.png") as image,
        pytest.raises(InputError, match="the PIL image cannot be decoded"),
    ):
        as_rgb(image)


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


def test_a_pipe_is_no_photo_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="not a regular file"):
        read_photo(tmp_path / "a.jpg")
