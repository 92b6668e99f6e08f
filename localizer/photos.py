"""Photos from files: decoded safely to uint8 RGB, and stretched to a square."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from localizer.errors import InputError

# Larger than any camera's photo, small enough to decode in the memory of a laptop (about 0.5 GB).
MAX_PIXELS = 160_000_000
# Pillow only warns from its own limit on; MAX_PIXELS is ours. Set once, because the context manager
# of `warnings` is not safe in threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read_photo(path):
    """Decode a photo as a viewer would show it.

    EXIF orientation is applied; grey, palette, CMYK and 16-bit images become RGB; transparent
    parts are laid over white. The file's content decides its format, not its name.

    Returns:
        uint8 RGB, shape [height, width, 3].

    Raises:
        InputError: missing, empty, truncated, damaged, too large, or no image at all.
    """
    path = Path(path)
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(
                    f"{path}: {image.width}x{image.height} pixels, more than {MAX_PIXELS:,}"
                )
            return _to_rgb(image)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        size = path.stat().st_size
        what = "the file is empty" if size == 0 else "not an image that Pillow can read"
        raise InputError(f"{path}: {what}") from None
    except MemoryError:
        raise
    except Exception as error:  # Damaged files surface as many kinds of exception in Pillow.
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be decoded ({reason})") from None


def _to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L"):
        values = np.asarray(image, np.float32)
        # 16-bit samples: 65535 is white. Pillow's own conversion would clip everything to 255.
        wide = image.mode.startswith("I;16") or values.max(initial=0) > 255
        values = np.rint(values * (255 / 65535 if wide else 1))
        return np.asarray(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB"))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def stretch(photo, size):
    """Resize a photo to `size` x `size` pixels without keeping its aspect ratio.

    Areas are averaged along a side that shrinks; one that grows is interpolated linearly.

    Args:
        photo: uint8 RGB, shape [height, width, 3].
        size: side of the result in pixels.

    Returns:
        uint8 RGB, shape [size, size, 3].
    """
    height, width = photo.shape[:2]
    shrunk = cv2.resize(photo, (min(width, size), min(height, size)), interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR)
