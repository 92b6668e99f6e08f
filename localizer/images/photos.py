"""Photos from files, arrays and PIL images: safely to uint8 RGB, and stretched to a square."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file
from localizer.images.frames import PhotoFrames

pillow_heif.register_heif_opener()

# Larger than any camera's photo, small enough to decode in the memory of a laptop (about 0.5 GB).
MAX_PIXELS = 160_000_000
# Pillow only warns from its own limit on; MAX_PIXELS is ours. Set once, because the context manager
# of `warnings` is not safe in threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Damaged EXIF is no reason not to show a photo, and the warning does not say which one it is.
warnings.filterwarnings("ignore", "(Possibly c|C)orrupt EXIF data", UserWarning)
# What is taken from a folder; a file that is named is tried whatever its suffix.
SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".heic",
    ".heif",
    ".hif",
    ".avif",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".jp2",
    ".mpo",
)
# Orders of an array's colours.
CHANNELS = ("rgb", "bgr")


def read_photo(path):
    """Decode a photo as a viewer would show it.

    EXIF orientation is applied; grey, palette, CMYK and 16-bit images become RGB; transparent
    parts are laid over white. The file's content decides its format, not its name: all that Pillow
    reads, and HEIC.

    Returns:
        uint8 RGB, shape [height, width, 3].

    Raises:
        InputError: missing, empty, truncated, damaged, too large, or no image at all.
    """
    return read_turned_photo(path)[0]


def read_turned_photo(path):
    """As `read_photo`; gives (photo, PhotoFrames), which say how it was turned."""
    path = Path(path)
    try:
        refuse_special_file(path)
        return _decode(path, path, size=path.stat().st_size)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be decoded ({error.strerror or error})") from None


def _decode(file, name, size):
    """`read_turned_photo` of a path or binary file of `size` bytes; errors call it `name`."""
    try:
        with Image.open(file) as image:
            if image.format == "EPS":  # Pillow would have Ghostscript run it.
                raise InputError(f"{name}: PostScript is a program, not a photo; convert it")
            if image.width * image.height > MAX_PIXELS:
                raise InputError(
                    f"{name}: {image.width}x{image.height} pixels, more than {MAX_PIXELS:,}"
                )
            orientation = _orientation(image)  # Before Pillow turns it, and forgets it.
            photo = _to_rgb(ImageOps.exif_transpose(image))
            return photo, PhotoFrames.of_shown(photo.shape[1::-1], orientation)
    except (InputError, FileNotFoundError, MemoryError):
        raise
    except UnidentifiedImageError:
        what = "the file is empty" if size == 0 else "not an image that Pillow can read"
        raise InputError(f"{name}: {what}") from None
    except Exception as error:  # Damaged files surface as many kinds of exception in Pillow.
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{name}: cannot be decoded ({reason})") from None


def read_frames(path):
    """The PhotoFrames of a file.

    Only the header is read, except of PNG files, which may have their EXIF data at the end.

    Raises:
        InputError: it cannot be read.
    """
    try:
        refuse_special_file(path)
        with Image.open(path) as image:
            return _frames(image)
    except Exception as error:  # Damaged files surface as many kinds of exception in Pillow.
        raise InputError(f"the photo's size cannot be read ({error})") from None


def _frames(image):
    # Newer versions of Pillow swap the sides of a TIFF file themselves.
    tags = ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength
    size = [image.tag_v2[tag] for tag in tags] if image.format == "TIFF" else image.size
    return PhotoFrames(tuple(map(int, size)), _orientation(image))


def _orientation(image):
    """1 to 8; another value of the tag counts as 1."""
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return int(orientation) if orientation in range(1, 9) else 1


def as_rgb(photo, channels="rgb"):
    """The pixels of a photo in any of the forms that users hold.

    Args:
        photo: a path, read as `read_photo` does; the content of such a file, as bytes or as a
            binary file object, which is read from where it stands, and from its beginning where it
            stands at its end; a NumPy array, uint8 or uint16 (65535 is white), of shape
            [height, width] (grey), [height, width, 1], [height, width, 3] or [height, width, 4]
            (with alpha, laid over white); or a PIL image, whose pixels are taken as they lie,
            without EXIF orientation.
        channels: the order of an array's colours, "rgb", or "bgr" as OpenCV reads them (with alpha:
            BGRA). Files and PIL images know their own.

    Returns:
        uint8 RGB, shape [height, width, 3].

    Raises:
        InputError: the file cannot be read, or it is nothing of these.
    """
    if channels not in CHANNELS:
        raise InputError(f"channels is {' or '.join(map(repr, CHANNELS))}, not {channels!r}")
    if isinstance(photo, (str, os.PathLike)):
        return read_photo(photo)
    if isinstance(photo, np.ndarray):
        return _array_to_rgb(photo, channels)
    if isinstance(photo, Image.Image):
        try:
            return _to_rgb(photo)
        except (OSError, ValueError) as error:  # Pillow decodes late, and not every mode is RGB's.
            raise InputError(f"the PIL image cannot be decoded ({error})") from None
    content = _content(photo)
    return _decode(io.BytesIO(content), "the photo's bytes", len(content))[0]


def is_one_photo(photos):
    """Whether this is a single photo, in one of the forms that can be taken for several."""
    one_array = isinstance(photos, np.ndarray) and photos.ndim in (2, 3)
    one_file = isinstance(photos, (str, os.PathLike, bytes, bytearray, memoryview, Image.Image))
    return one_array or one_file or hasattr(photos, "read")


def _content(photo):
    """The bytes of a file's content, or of a binary file object."""
    if isinstance(photo, (bytes, bytearray, memoryview)):
        return bytes(photo)
    if not hasattr(photo, "read"):
        raise InputError(
            "a photo is a path, bytes, a binary file object, a NumPy array or a PIL image, not "
            f"{type(photo).__name__}"
        )
    try:
        content = photo.read()
        if not content and hasattr(photo, "seek"):
            photo.seek(0)  # It was written just now, or read before.
            content = photo.read()
    except (OSError, ValueError) as error:
        raise InputError(f"the photo's bytes: the file object cannot be read ({error})") from None
    if not isinstance(content, bytes):
        raise InputError(
            f"the photo's bytes: the file object gives {type(content).__name__}, not bytes; open "
            "it in binary mode"
        )
    return content


def _array_to_rgb(array, channels):
    depth = array.shape[2:]
    if array.ndim not in (2, 3) or depth not in ((), (1,), (3,), (4,)) or not array.size:
        raise InputError(
            f"an array of shape {list(array.shape)} is no photo; give [height, width, 3] (RGB), "
            "[height, width] (grey) or [height, width, 4] (RGBA)"
        )
    if array.dtype == np.uint16:
        array = ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if array.dtype != np.uint8:
        raise InputError(
            f"a photo as an array is uint8 (0 to 255) or uint16 (0 to 65535), not {array.dtype}; "
            "for values from 0 to 1: (255 * photo).round().astype('uint8')"
        )
    if channels == "bgr" and depth in ((3,), (4,)):
        array = np.ascontiguousarray(array[..., [2, 1, 0, 3][: depth[0]]])
    if depth == (3,):
        return array
    return _to_rgb(Image.fromarray(array[..., 0] if depth == (1,) else array))


def _to_rgb(image):
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image, np.float32)
        if not np.isfinite(values).all():
            raise ValueError("it has values that are no finite numbers")
        # 16-bit samples: 65535 is white. Pillow's own conversion would clip everything to 255.
        wide = image.mode.startswith("I;16") or values.max(initial=0) > 255
        # Floats up to 1 are shares of white, as in scikit-image.
        share = image.mode == "F" and values.max(initial=0) <= 1
        values = np.rint(values * (255 / 65535 if wide else 255 if share else 1))
        return np.asarray(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB"))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))
