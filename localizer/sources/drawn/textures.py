"""Backdrops of drawn scenes: crops of photos, and procedural textures.

Images are float32 RGB, shape [height, width, 3], 0 to 255.
"""

from functools import cache

import cv2
import numpy as np
import skimage.data

# These photos are inside scikit-image's wheel, so they need no network. No animal is in them:
# skimage.data.chelsea, a cat, would be a second object.
PHOTOS = (
    "astronaut",
    "brick",
    "camera",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "moon",
    "page",
    "rocket",
    "stereo_motorcycle",
)


@cache
def _photo(name):
    """One of `PHOTOS` as uint8 RGB, its longest side at most 640 pixels."""
    photo = getattr(skimage.data, name)()
    photo = photo[0] if isinstance(photo, tuple) else photo
    if photo.ndim == 2:
        photo = cv2.cvtColor(photo, cv2.COLOR_GRAY2RGB)
    shrink = min(1.0, 640 / max(photo.shape))
    return cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)


_NOISE_SIZE = 1024
_NOISE_GRAIN = 4.0


@cache
def _noise_sheet():
    """Normal noise of mean 0 and deviation 1 whose grains are about `_NOISE_GRAIN` pixels wide."""
    rng = np.random.Generator(np.random.Philox(key=0))
    sheet = rng.standard_normal((_NOISE_SIZE, _NOISE_SIZE), dtype=np.float32)
    sheet = cv2.GaussianBlur(sheet, (0, 0), _NOISE_GRAIN / 2)
    return (sheet - sheet.mean()) / sheet.std()


def noise(rng, height, width, grain, stretch=1.0):
    """Smooth normal noise, float32 [height, width], mean about 0 and deviation about 1.

    Args:
        grain: width of a grain in pixels, from 1 up.
        stretch: how many times longer than high a grain is.
    """
    rows = int(np.clip(height * _NOISE_GRAIN / grain, 2, _NOISE_SIZE))
    columns = int(np.clip(width * _NOISE_GRAIN / (grain * stretch), 2, _NOISE_SIZE))
    top = rng.integers(_NOISE_SIZE - rows + 1)
    left = rng.integers(_NOISE_SIZE - columns + 1)
    window = _noise_sheet()[top : top + rows, left : left + columns]
    return cv2.resize(window, (width, height), interpolation=cv2.INTER_LINEAR)


def random_colour(rng):
    """RGB, float32 [3]; greyish and brown tones are more frequent than vivid ones."""
    grey = rng.uniform(20, 235)
    return np.clip(grey + rng.normal(0, rng.choice([8, 25, 70]), 3), 0, 255).astype(np.float32)


def sample_backdrop(rng, height, width):
    """A photo's crop, a procedural texture, or one standing on the other like a wall on a floor."""
    if rng.random() < 0.2:
        horizon = int(height * rng.uniform(0.3, 0.85))
        if 0 < horizon < height:
            wall = _single_backdrop(rng, horizon, width)
            return np.concatenate([wall, _single_backdrop(rng, height - horizon, width)])
    return _single_backdrop(rng, height, width)


def _single_backdrop(rng, height, width):
    if rng.random() < 0.6:
        return _photo_crop(rng, height, width)
    return _TEXTURES[rng.integers(len(_TEXTURES))](rng, height, width)


def _photo_crop(rng, height, width):
    photo = _photo(PHOTOS[rng.integers(len(PHOTOS))])
    largest = min(photo.shape[0] / height, photo.shape[1] / width)
    factor = largest * rng.uniform(0.35, 1.0)
    rows, columns = max(1, int(height * factor)), max(1, int(width * factor))
    top = rng.integers(photo.shape[0] - rows + 1)
    left = rng.integers(photo.shape[1] - columns + 1)
    crop = photo[top : top + rows, left : left + columns]
    crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.15:
        crop = crop[::-1]
    # A random mix of the channels tints grey photos too, since its rows do not sum to one.
    mix = np.eye(3) + rng.normal(0, 0.12, (3, 3))
    return np.clip(cv2.transform(np.ascontiguousarray(crop), mix) + rng.normal(0, 12), 0, 255)


def _blend(first, second, weight):
    return first + (second - first) * weight[..., None].astype(np.float32)


def _ramp(rng, height, width):
    """A coordinate in pixels along a random direction, float32 [height, width]."""
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    return (x * np.cos(angle) + y * np.sin(angle)).astype(np.float32)


def _gradient(rng, height, width):
    ramp = _ramp(rng, height, width)
    ramp = (ramp - ramp.min()) / max(1e-6, float(np.ptp(ramp)))
    return _blend(random_colour(rng), random_colour(rng), ramp)


def _clouds(rng, height, width):
    field = 0.6 * noise(rng, height, width, rng.uniform(20, 90))
    field += 0.4 * noise(rng, height, width, rng.uniform(4, 16), rng.choice([1, 1, 5]))
    return _blend(random_colour(rng), random_colour(rng), np.clip(0.5 + field, 0, 1))


def _stripes(rng, height, width):
    wave = np.sin(_ramp(rng, height, width) * (2 * np.pi / rng.uniform(6, 50)))
    wave += 0.3 * noise(rng, height, width, 20)
    weight = np.clip(0.5 + wave * rng.uniform(0.4, 4), 0, 1)
    return _blend(random_colour(rng), random_colour(rng), weight)


def _checker(rng, height, width):
    first, second = _ramp(rng, height, width), _ramp(rng, height, width)
    period = rng.uniform(10, 60)
    wave = np.sin(first * 2 * np.pi / period) * np.sin(second * 2 * np.pi / period)
    return _blend(random_colour(rng), random_colour(rng), np.clip(0.5 + wave * 6, 0, 1))


def _speckle(rng, height, width):
    """Dense blotches in three colours, as of foliage, carpet or fur."""
    grain = rng.uniform(2, 14)
    first = np.clip(0.5 + 2 * noise(rng, height, width, grain), 0, 1)
    second = np.clip(2 * noise(rng, height, width, grain * 2) - 1, 0, 1)
    picture = _blend(random_colour(rng), random_colour(rng), first)
    return _blend(picture, random_colour(rng), second)


_TEXTURES = (_gradient, _clouds, _stripes, _checker, _speckle)
