"""Drawn scenes with one animal each; a scene is a function of (seed, index) alone."""

from dataclasses import dataclass

import numpy as np

from localizer.images.boxes import abs_xyxy_to_rel_xyxy, clip_rel_xyxy
from localizer.sources.drawn.animals import CATEGORIES, Animal, moved, sample_animal
from localizer.sources.drawn.painting import (
    develop,
    outline_mask,
    paint_distractor,
    paint_layer,
    paint_occluder,
    paint_shadow,
    sample_coat,
)
from localizer.sources.drawn.textures import sample_backdrop

_LONGEST_SIDE = 256
_ASPECTS = (4 / 3, 3 / 2, 1.0, 3 / 4, 2 / 3)
_ASPECT_WEIGHTS = (0.45, 0.2, 0.12, 0.15, 0.08)

# Quantiles of (head box / image area) of the 3,315 head boxes of Oxford-IIIT Pet's trainval.
_HEAD_AREA_LEVELS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1)
_HEAD_AREAS = (0.004, 0.021, 0.039, 0.051, 0.088, 0.16, 0.292, 0.435, 0.532, 0.708, 0.975)


@dataclass(frozen=True)
class Layout:
    """Where things are, before a pixel is drawn.

    Attributes:
        width, height: size of the photo in pixels.
        animal: its parts in pixels of the photo, continuous edges.
        head_centre: [x, y] of the skull in pixels; unit: half the skull's width in pixels.
        head_box_rel_xyxy: the head with its ears, inside the photo.
        body_box_rel_xyxy: the whole animal, head included, inside the photo.
    """

    width: int
    height: int
    animal: Animal
    head_centre: np.ndarray
    unit: float
    head_box_rel_xyxy: tuple[float, float, float, float]
    body_box_rel_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class Scene:
    """A photo, and the truth about it.

    Attributes:
        photo: uint8 RGB, shape [height, width, 3].
        head_mask, body_mask: bool [height, width], the pixels of the head and of the whole animal
            (head included), those behind an occluder too.
        head_box_rel_xyxy, body_box_rel_xyxy: as in `Layout`.
        supercategory: "cat" or "dog"; category: name of one of `CATEGORIES`.
    """

    photo: np.ndarray
    head_mask: np.ndarray
    body_mask: np.ndarray
    head_box_rel_xyxy: tuple[float, float, float, float]
    body_box_rel_xyxy: tuple[float, float, float, float]
    supercategory: str
    category: str


def sample_layout(seed, index):
    """The layout of scene `index` (both integers from 0 to 2**64 - 1)."""
    rng = _generator(seed, index, stream=0)
    aspect = rng.choice(_ASPECTS, p=_ASPECT_WEIGHTS) * np.exp(rng.normal(0, 0.04))
    width = round(_LONGEST_SIDE * min(1.0, aspect))
    height = round(_LONGEST_SIDE * min(1.0, 1 / aspect))
    animal = sample_animal(CATEGORIES[rng.integers(len(CATEGORIES))], rng)
    # Interpolated in logarithms: areas spread over more than two decades.
    area = np.exp(np.interp(rng.random(), _HEAD_AREA_LEVELS, np.log(_HEAD_AREAS)))
    unit, centre = _place_head(animal.head, area, width, height, rng)
    head, body = moved(animal.head, unit, centre), moved(animal.body, unit, centre)
    face = moved(animal.face, unit, centre)
    return Layout(
        width=width,
        height=height,
        animal=Animal(animal.category, body, head, face),
        head_centre=centre,
        unit=unit,
        head_box_rel_xyxy=_extent_rel_xyxy(head, width, height),
        body_box_rel_xyxy=_extent_rel_xyxy(head + body, width, height),
    )


def render_scene(seed, index):
    """Draw scene `index`, a function of (seed, index) alone.

    Args:
        seed, index: integers from 0 to 2**64 - 1.

    Returns:
        A Scene.
    """
    layout = sample_layout(seed, index)
    rng = _generator(seed, index, stream=1)
    animal, category, unit = layout.animal, layout.animal.category, layout.unit
    picture, light = _background(layout, rng)
    coat = sample_coat(category, rng)
    paint_shadow(picture, animal.body + animal.head, unit, rng)
    paint_layer(picture, animal.body, [], coat, category.pattern, unit, light, rng)
    paint_shadow(picture, animal.head, 0.6 * unit, rng)
    paint_layer(picture, animal.head, animal.face, coat, category.pattern, unit, light, rng)
    if rng.random() < 0.35:
        paint_occluder(picture, layout.head_centre, unit, rng)
    return Scene(
        photo=develop(picture, rng),
        head_mask=outline_mask(animal.head, layout.width, layout.height),
        body_mask=outline_mask(animal.body + animal.head, layout.width, layout.height),
        head_box_rel_xyxy=layout.head_box_rel_xyxy,
        body_box_rel_xyxy=layout.body_box_rel_xyxy,
        supercategory=category.supercategory,
        category=category.name,
    )


def is_empty_scene(seed, index, share):
    """Whether scene `index` is without an animal, where a share of the scenes, 0 to 1, is."""
    return share > 0 and bool(_generator(seed, index, stream=2).random() < share)


def render_background(seed, index):
    """Scene `index` without its animal: backdrop and distractors, uint8 RGB [height, width, 3]."""
    rng = _generator(seed, index, stream=1)
    picture, _ = _background(sample_layout(seed, index), rng)
    return develop(picture, rng)


def _background(layout, rng):
    """What is behind the animal, float32 [height, width, 3], and where the light comes from."""
    light = rng.uniform(0, 2 * np.pi)
    picture = np.ascontiguousarray(sample_backdrop(rng, layout.height, layout.width), np.float32)
    for _ in range(rng.integers(0, 6)):
        paint_distractor(picture, light, rng)
    return picture, light


def _generator(seed, index, stream):
    """Random numbers of one scene; the streams are 2**192 numbers apart, so they never meet."""
    key = np.array([seed, index], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, stream]))


def _place_head(head, area, width, height, rng):
    """Pixels of a head unit, and the skull's centre [x, y] in pixels.

    The head's box, cut at the borders of the photo, then covers about `area` of the photo.
    """
    points = np.concatenate([part.polygon for part in head])
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.array([width, height], np.float64)
    wanted = rng.normal([0.5, 0.38], [0.13, 0.12])
    # One head in five is cut by the border of the photo.
    overhang = rng.uniform(0, 0.5) if rng.random() < 0.2 else 0.0
    unit = np.sqrt(area * np.prod(size) / np.prod(high - low))
    inset = np.minimum(-low, high) * unit / size * (1 - overhang)
    inset = np.minimum(np.maximum(inset, 0.05), 0.5)
    centre = np.clip(wanted, inset, 1 - inset) * size
    smallest, largest = 0.0, 50 * unit
    for _ in range(25):  # the covered area grows with the unit, so bisection finds it
        unit = (smallest + largest) / 2
        corner_low = np.clip(centre + low * unit, 0, size)
        corner_high = np.clip(centre + high * unit, 0, size)
        too_large = np.prod((corner_high - corner_low) / size) > area
        smallest, largest = (smallest, unit) if too_large else (unit, largest)
    return float(unit), centre


def _extent_rel_xyxy(parts, width, height):
    """The smallest box around the parts' area inside the photo, four floats."""
    inside = [_clipped(part.polygon, width, height) for part in parts]
    points = np.concatenate([polygon for polygon in inside if len(polygon)])
    box = abs_xyxy_to_rel_xyxy([*points.min(axis=0), *points.max(axis=0)], width, height)
    return tuple(clip_rel_xyxy(box).tolist())  # the cuts above are off by rounding


def _clipped(polygon, width, height):
    """The polygon inside the photo, [m, 2]; m is 0 when nothing is.

    Sutherland and Hodgman, "Reentrant polygon clipping", CACM 1974. Cutting the polygon's box
    instead would be wrong: what sticks out on one side may be the widest on another.
    """
    for axis, sign, limit in ((0, 1, 0), (0, -1, -width), (1, 1, 0), (1, -1, -height)):
        if not len(polygon):
            break
        depth = sign * polygon[:, axis] - limit
        if (depth >= 0).all():
            continue
        following, next_depth = np.roll(polygon, -1, axis=0), np.roll(depth, -1)
        crosses = (depth < 0) != (next_depth < 0)
        share = depth[crosses] / (depth - next_depth)[crosses]
        cuts = polygon[crosses] + (following - polygon)[crosses] * share[:, None]
        # A cut lies between its two corners: keep the order around the outline.
        order = np.concatenate([np.flatnonzero(depth >= 0), np.flatnonzero(crosses) + 0.5])
        polygon = np.concatenate([polygon[depth >= 0], cuts])[np.argsort(order)]
    return polygon
