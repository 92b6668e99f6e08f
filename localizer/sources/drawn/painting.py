"""Paints animals, distractors, occluders and light into a picture.

A picture is float32 RGB, shape [height, width, 3], 0 to 255, and is changed in place. Polygons are
in pixels with continuous edges: the picture spans [0, width] x [0, height].
"""

import cv2
import numpy as np

from localizer.sources.drawn.animals import CATEGORIES, Part, ellipse, moved, sample_animal
from localizer.sources.drawn.textures import noise, random_colour, sample_backdrop

_SUPERSAMPLING = 2
_SUBPIXEL_BITS = 4


def _fill(canvas, polygon, colour, scale):
    """Fill a polygon, given in pixels, on a canvas that is `scale` times as fine."""
    # OpenCV's integer coordinates are the centres of pixels, ours their edges.
    points = (polygon * scale - 0.5) * 2**_SUBPIXEL_BITS
    # OpenCV overflows far outside of the canvas, where close-ups reach.
    points = np.clip(np.round(points), -(2**20), 2**20).astype(np.int32)
    cv2.fillPoly(canvas, [points], colour, shift=_SUBPIXEL_BITS)


def _window(parts, height, width, margin=2):
    """Whole pixels (top, bottom, left, right) around the parts inside the picture, or None."""
    points = np.concatenate([part.polygon for part in parts])
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int) - margin, 0)
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + margin
    right, bottom = min(int(right), width), min(int(bottom), height)
    return (top, bottom, left, right) if top < bottom and left < right else None


def _rasterize(parts, colours, height, width):
    """Antialiased (premultiplied RGB 0 to 255, alpha 0 to 1), both float32."""
    fine = (height * _SUPERSAMPLING, width * _SUPERSAMPLING)
    rgba = np.zeros((*fine, 4), np.uint8)
    for part in parts:
        colour = [float(value) for value in colours[part.role]]
        _fill(rgba, part.polygon, (*colour, 255.0), _SUPERSAMPLING)
    rgba = cv2.resize(rgba, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    return rgba[..., :3], rgba[..., 3] / 255


def outline_mask(parts, width, height):
    """The pixels that the parts cover by half or more, bool [height, width]."""
    fine = np.zeros((height * _SUPERSAMPLING, width * _SUPERSAMPLING), np.uint8)
    for part in parts:
        _fill(fine, part.polygon, 255, _SUPERSAMPLING)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA) > 127


def _roundness(alpha, unit, light):
    """Factor that makes a flat outline look round and lit from `light`, a direction in radians."""
    depth = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    height = np.sqrt(np.clip(depth / max(0.6 * unit, 1.0), 0, 1))
    height = cv2.blur(height, (2 * int(0.06 * unit) + 1,) * 2)
    across, down = cv2.Sobel(height, cv2.CV_32F, 1, 0), cv2.Sobel(height, cv2.CV_32F, 0, 1)
    slope = (across * np.cos(light) + down * np.sin(light)) * np.float32(unit / 8)
    return np.clip(0.72 + 0.3 * height + 0.3 * slope, 0.4, 1.3)


def _pattern(kind, rng, height, width, unit):
    """Where the coat's second colour shows, float32 [height, width] in 0 to 1."""
    if kind == "plain":
        return np.zeros((height, width), np.float32)
    if kind == "stripes":
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
        slant = rng.normal(0, 0.5)
        phase = (x + y * slant) * (2 * np.pi / (0.42 * unit))
        wave = np.sin(phase + 1.5 * noise(rng, height, width, max(1.0, 0.9 * unit)))
        return np.clip(0.3 + 0.9 * wave, 0, 0.85)
    grain, rarity = (0.4, 1.1) if kind == "spots" else (1.3, 0.2)
    field = noise(rng, height, width, max(1.0, grain * unit))
    return np.clip((field - rarity) * 4 + 0.5, 0, 1)


def sample_coat(category, rng):
    """The colour of each role of a part, RGB 0 to 255."""
    coat = category.coats[rng.integers(len(category.coats))]
    coat = np.array(coat) * rng.normal(1, 0.1) * rng.normal(1, 0.03, 3)
    coat = np.clip(coat, 8, 250)
    marks = np.clip(np.array(category.marks) * rng.normal(1, 0.1), 8, 250)
    ends = marks if category.extremities == "marks" else coat * 0.92
    paler = {"coat": 0.18, "light": 0.7}
    muzzle = marks if category.muzzle == "marks" else coat + (245 - coat) * paler[category.muzzle]
    iris = category.irises[rng.integers(len(category.irises))]
    nose = (
        (190, 120, 116)
        if category.supercategory == "cat" and category.muzzle == "light"
        else (30, 26, 26)
    )
    return {
        "coat": coat,
        "far": coat * 0.68,
        "marks": marks,
        "ear": ends,
        "tail": ends,
        "paw": ends,
        "inner_ear": 0.5 * coat + 0.5 * np.array([200, 140, 130]),
        "muzzle": muzzle,
        "iris": iris,
        "rim": np.minimum(coat, 60),
        "pupil": (12, 10, 12),
        "glint": (245, 245, 245),
        "nose": nose,
        "mouth": (60, 36, 36),
        "tongue": (214, 110, 120),
    }


def paint_layer(picture, outline, face, coat, pattern, unit, light, rng):
    """Paint parts as one furry, rounded thing.

    Args:
        outline: parts that make the silhouette; `face`: parts painted inside of it.
        coat: the colour of each role; `pattern`: the kind of its marks.
        unit: pixels of a head unit; light: direction it comes from, in radians.
    """
    window = _window(outline, *picture.shape[:2])
    if window is None:
        return
    top, bottom, left, right = window
    height, width = bottom - top, right - left
    outline, face = (moved(parts, 1.0, [-left, -top]) for parts in (outline, face))
    colour, alpha = _rasterize(outline, coat, height, width)
    weight = (_pattern(pattern, rng, height, width, unit) * alpha)[..., None]
    colour += weight * (np.float32(coat["marks"]) - colour)
    fur = noise(rng, height, width, max(1.0, 0.05 * unit), rng.choice([0.4, 1, 2.5]))
    fur = 1 + 0.09 * fur + 0.06 * noise(rng, height, width, max(1.0, 0.5 * unit))
    colour *= (_roundness(alpha, unit, light) * fur)[..., None]
    if face:
        features, cover = _rasterize(face, coat, height, width)
        cover *= alpha
        colour += features * alpha[..., None] - colour * cover[..., None]
    area = picture[top:bottom, left:right]
    area += np.clip(colour, 0, 255) - area * alpha[..., None]


def paint_shadow(picture, parts, unit, rng):
    """A soft contact shadow, shifted to one side of the parts."""
    shift = np.array([rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.4)]) * unit
    height, width = picture.shape[0] // 4, picture.shape[1] // 4
    mask = np.zeros((height, width), np.uint8)
    for part in moved(parts, 1.0, shift):
        _fill(mask, part.polygon, 255, 0.25)
    mask = cv2.GaussianBlur(mask, (0, 0), float(np.clip(0.08 * unit, 1, 8)))
    mask = cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    picture *= 1 - (rng.uniform(0.1, 0.5) / 255 * mask.astype(np.float32))[..., None]


def paint_distractor(picture, light, rng):
    """Something that shares features of an animal, yet never has both a face and a head."""
    height, width = picture.shape[:2]
    unit = max(height, width) * float(np.exp(rng.uniform(np.log(0.02), np.log(0.14))))
    place = rng.uniform(0, 1, 2) * [width, height]
    category = CATEGORIES[rng.integers(len(CATEGORIES))]
    coat = sample_coat(category, rng)
    kinds = ["plain", "headless", "faceless", "blob", "eyes"]
    kind = rng.choice(kinds, p=[0.35, 0.2, 0.2, 0.15, 0.1])
    if kind == "plain":
        return _paint_textured(picture, _sample_shape(place, unit * 1.5, rng), rng)
    animal = sample_animal(category, rng)
    if rng.random() < 0.4:  # the right form in a colour no animal has
        coat = {role: random_colour(rng) for role in coat}
    if kind == "headless":
        outline, face = animal.body, []
        place = place - unit * np.mean([part.polygon.mean(axis=0) for part in outline], axis=0)
    elif kind == "faceless":
        outline, face = animal.head, []
    else:
        outline = [Part(_sample_shape([0, 0], rng.uniform(0.7, 1.8), rng), "coat")]
        face = [part for part in animal.face if part.role in ("rim", "iris", "pupil")]
        face = face if kind == "eyes" else []
    outline, face = moved(outline, unit, place), moved(face, unit, place)
    paint_layer(picture, outline, face, coat, category.pattern, unit, light, rng)


def _sample_shape(centre, radius, rng):
    """A polygon of 3 to 6 corners, or an ellipse."""
    corners = rng.integers(3, 9)
    radii = radius * rng.uniform(0.4, 1.2, 2)
    return ellipse(centre, radii, rng.uniform(0, np.pi), points=40 if corners > 6 else corners)


def _paint_textured(picture, polygon, rng):
    parts = [Part(polygon, "whole")]
    window = _window(parts, *picture.shape[:2])
    if window is None:
        return
    top, bottom, left, right = window
    _, alpha = _rasterize(
        moved(parts, 1.0, [-left, -top]), {"whole": (0, 0, 0)}, bottom - top, right - left
    )
    texture = sample_backdrop(rng, bottom - top, right - left)
    area = picture[top:bottom, left:right]
    area += (texture - area) * alpha[..., None]


def paint_occluder(picture, head_centre, unit, rng):
    """Cover a part of the animal, but never the middle of its head.

    A bar past the head's middle, a foreground that rises from the bottom, or a shape at the rim.
    """
    height, width = picture.shape[:2]
    reach = float(height + width)
    kind = rng.integers(3)
    angle = rng.uniform(0, 2 * np.pi)
    outward = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-outward[1], outward[0]])
    if kind == 0:
        half = unit * rng.uniform(0.06, 0.22)
        middle = head_centre + outward * (unit * rng.uniform(0.35, 1.6) + half)
        sides = [(-reach, -half), (reach, -half), (reach, half), (-reach, half)]
        polygon = np.array([middle + along * far + outward * near for far, near in sides])
    elif kind == 1:
        edge = head_centre[1] + unit * rng.uniform(0.6, 2.5)
        slope = unit * rng.uniform(-0.25, 0.25)
        polygon = np.array(
            [(0, edge + slope), (width, edge - slope), (width, reach * 2), (0, reach * 2)], float
        )
    else:
        radius = unit * rng.uniform(0.25, 0.6)
        place = head_centre + outward * (unit * rng.uniform(0.3, 1.2) + 1.2 * radius)
        polygon = _sample_shape(place, radius, rng)
    _paint_textured(picture, polygon, rng)


def develop(picture, rng):
    """What light and camera do: uint8 from a picture (float32, not changed)."""
    height, width = picture.shape[:2]
    photo = picture
    angle, strength = rng.uniform(0, 2 * np.pi), abs(rng.normal(0, 0.25))
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
    lamp = 1 + strength * (np.cos(angle) * x + np.sin(angle) * y)
    if rng.random() < 0.3:  # a shadow or a beam with a soft edge falls across the scene
        lamp = lamp * (1 + rng.uniform(-0.5, 0.3) * np.clip(noise(rng, height, width, width), 0, 1))
    tint = np.exp(rng.normal(0, 0.18)) * np.exp(rng.normal(0, 0.05, 3))
    photo = photo * np.clip(lamp, 0.3, 2).astype(np.float32)[..., None] * np.float32(tint)
    if rng.random() < 0.5:
        photo = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.3, 1.6))
    elif rng.random() < 0.2:
        photo = _motion_blurred(photo, rng)
    contrast = rng.uniform(0.65, 1.15)
    photo = (photo - 118) * np.float32(contrast) + 118
    photo += rng.standard_normal(photo.shape, np.float32) * np.float32(abs(rng.normal(0, 6)))
    return np.clip(photo + 0.5, 0, 255).astype(np.uint8)


def _motion_blurred(photo, rng):
    length = int(rng.integers(3, 8))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    step = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
    ends = [np.round((length - 1) / 2 + sign * step).astype(int).tolist() for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0)
    return cv2.filter2D(photo, -1, kernel / kernel.sum())
