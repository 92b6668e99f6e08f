"""Drawn cats and dogs: categories that were made up, and their anatomy as polygons.

Lengths are in head units: the skull's centre is the origin and its half-width is 1; x runs to the
right, y down. A polygon is float64 [n, 2] and convex.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np


@dataclass(frozen=True)
class Category:
    """What tells one category of drawn animals from another. Colours are RGB, 0 to 255."""

    name: str
    supercategory: str
    coats: tuple[tuple[int, int, int], ...]
    marks: tuple[int, int, int]
    pattern: str  # "stripes", "patches", "spots" or "plain"
    extremities: str  # what colours ears, paws and tail: "coat" or "marks"
    muzzle: str  # "coat", "marks" or "light"
    ears: str  # "pricked", "tall" or "floppy"
    snout: float  # how far the muzzle reaches out of the face
    skull_height: float
    irises: tuple[tuple[int, int, int], ...]


CATEGORIES = (
    Category(
        "tabby_drawn",
        "cat",
        ((158, 122, 84), (146, 142, 136), (198, 132, 72)),
        (52, 42, 36),
        "stripes",
        "coat",
        "light",
        "pricked",
        0.12,
        0.84,
        ((120, 160, 60), (190, 150, 40)),
    ),
    Category(
        "pointed_drawn",
        "cat",
        ((228, 212, 188), (238, 230, 218), (206, 186, 158)),
        (62, 44, 38),
        "plain",
        "marks",
        "marks",
        "tall",
        0.22,
        0.9,
        ((70, 140, 210),),
    ),
    Category(
        "calico_drawn",
        "cat",
        ((240, 236, 228), (216, 204, 190)),
        (186, 98, 40),
        "patches",
        "coat",
        "light",
        "pricked",
        0.08,
        0.8,
        ((200, 160, 60), (110, 170, 90)),
    ),
    Category(
        "spotted_drawn",
        "dog",
        ((240, 238, 234), (226, 220, 208)),
        (28, 26, 28),
        "spots",
        "marks",
        "coat",
        "floppy",
        0.6,
        0.95,
        ((70, 46, 28),),
    ),
    Category(
        "shepherd_drawn",
        "dog",
        ((184, 134, 78), (160, 108, 62), (204, 168, 120)),
        (34, 30, 28),
        "patches",
        "marks",
        "marks",
        "tall",
        0.8,
        0.92,
        ((90, 58, 28),),
    ),
    Category(
        "retriever_drawn",
        "dog",
        ((212, 166, 98), (48, 42, 40), (112, 68, 40), (232, 212, 176)),
        (150, 100, 56),
        "plain",
        "coat",
        "coat",
        "floppy",
        0.65,
        1.0,
        ((84, 52, 26),),
    ),
)


@dataclass(frozen=True)
class Part:
    """A convex polygon and the role that decides its colour."""

    polygon: np.ndarray
    role: str


@dataclass(frozen=True)
class Animal:
    """Parts in painter's order. `face` lies on the head and adds nothing to its outline."""

    category: Category
    body: list[Part]
    head: list[Part]
    face: list[Part]


def sample_animal(category, rng):
    """An animal of a category in a random pose, in head units."""
    yaw = float(np.clip(rng.normal(0, 0.45), -1.0, 1.0))
    pitch = float(rng.uniform(-0.08, 0.14))
    head, face = _head(category, yaw, pitch, rng)
    facing = np.sign(yaw) if rng.random() < 0.7 else -np.sign(yaw)
    pose = (_standing, _sitting, _lying)[rng.integers(3)]
    body = pose(category, float(facing) or 1.0, rng)
    tilt = rng.normal(0, 0.3) if rng.random() < 0.15 else rng.normal(0, 0.1)
    roll = tilt + rng.normal(0, 0.28)
    return Animal(category, _turned(body, tilt), _turned(head, roll), _turned(face, roll))


def moved(parts, scale, shift):
    """The parts scaled by a factor, then shifted by [dx, dy]."""
    return [Part(part.polygon * scale + shift, part.role) for part in parts]


def ellipse(centre, radii, angle=0.0, points=40):
    """Polygon of an ellipse turned by `angle` radians."""
    return (_unit_circle(points) * radii) @ _rotation(angle) + centre


@cache
def _unit_circle(points):
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _rotation(angle):
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])  # for row vectors


def _turned(parts, angle):
    return [Part(part.polygon @ _rotation(angle), part.role) for part in parts]


def _hull(points):
    return cv2.convexHull(np.asarray(points, np.float32))[:, 0].astype(np.float64)


def _limb(start, start_radius, end, end_radius):
    """The convex hull of two discs."""
    ends = ((start, start_radius), (end, end_radius))
    discs = [ellipse(centre, (radius, radius), points=24) for centre, radius in ends]
    return _hull(np.concatenate(discs))


def _head(category, yaw, pitch, rng):
    """Outline parts and face of a head that looks `yaw` radians to the right."""
    skull = Part(ellipse((0, 0), (1, category.skull_height)), "coat")
    ears, inner_ears = [], []
    spread = rng.uniform(0.9, 1.1)
    for side in (-1, 1):
        outer, inner = _ear(category, side, yaw, spread, rng)
        ears.append(outer)
        inner_ears += inner
    reach = 0.25 * np.sin(yaw) + category.snout * np.sin(yaw)
    tip = np.array([reach, 0.38 + 0.25 * category.snout + pitch])
    root = np.array([0.35 * np.sin(yaw), 0.3 + pitch])
    muzzle = Part(_limb(root, 0.5, tip, 0.34), "muzzle")
    outline = [skull, *ears, muzzle] if category.ears == "floppy" else [*ears, skull, muzzle]
    face = [*inner_ears, *_eyes(category, yaw, pitch, rng), *_mouth(tip, rng)]
    return outline, face


def _ear(category, side, yaw, spread, rng):
    """One ear as (outline, parts of its inside). `side` is -1 for the left of the picture."""
    angle = side * 0.72 * spread + 0.6 * yaw
    x, narrow = 0.88 * np.sin(angle), max(0.5, np.cos(0.6 * yaw + side * 0.3))
    if category.ears == "floppy":
        length, lean = rng.uniform(0.55, 0.75), side * rng.uniform(0.05, 0.4)
        centre = np.array([x * 1.25, -0.25 + 0.6 * length])
        return Part(ellipse(centre, (0.32 * narrow, length), -lean), "ear"), []
    height, width = (1.0, 0.4) if category.ears == "tall" else (0.75, 0.42)
    height, width = height * rng.uniform(0.85, 1.1), width * narrow
    base = np.array([x * 0.9, -0.42])
    tip = base + [side * 0.22 + 0.1 * yaw, -height]
    corners = np.array([base - [width, 0], base + [width, 0.1 * side], tip])
    bulged = [(corners[0] + tip) / 2 - [0.07, 0.04], (corners[1] + tip) / 2 + [0.07, -0.04]]
    outer = _hull(np.concatenate([corners, bulged]))
    inner = (corners - corners.mean(axis=0)) * 0.6 + corners.mean(axis=0)
    return Part(outer, "ear"), [Part(inner, "inner_ear")]


def _eyes(category, yaw, pitch, rng):
    big = 0.2 if category.supercategory == "cat" else 0.15
    pupil = rng.uniform(0.3, 0.9) if category.supercategory == "cat" else 0.6
    parts = []
    for side in (-1, 1):
        angle = side * 0.47 + 0.75 * yaw
        if abs(angle) > 1.35:
            continue  # turned away
        centre = np.array([0.9 * np.sin(angle), -0.12 + pitch])
        wide = big * max(0.35, np.cos(angle))
        parts += [
            Part(ellipse(centre, (wide * 1.25, big * 1.05), side * 0.2), "rim"),
            Part(ellipse(centre, (wide, big * 0.85), side * 0.2), "iris"),
            Part(ellipse(centre, (wide * pupil, big * 0.75)), "pupil"),
            Part(ellipse(centre + [-0.05, -0.07], (0.04, 0.04), points=12), "glint"),
        ]
    return parts


def _mouth(tip, rng):
    nose = _hull(tip + [[-0.17, -0.2], [0.17, -0.2], [0.1, -0.06], [0, 0.0], [-0.1, -0.06]])
    groove = tip + [[-0.02, -0.05], [0.02, -0.05], [0.02, 0.14], [-0.02, 0.14]]
    corners = [tip + [[0, 0.12], [side * 0.26, 0.18], [0, 0.17]] for side in (-1, 1)]
    parts = [Part(nose, "nose"), Part(groove, "mouth"), *(Part(c, "mouth") for c in corners)]
    if rng.random() < 0.15:
        parts.append(Part(ellipse(tip + [0, 0.24], (0.1, 0.12)), "tongue"))
    return parts


def _tail(category, root, direction, rng):
    """A chain of limbs that bends by the same angle at each joint."""
    cat = category.supercategory == "cat"
    links, thick = (7, 0.2) if cat else (4, 0.24)
    angle, bend = rng.uniform(-1.2, 0.6), rng.normal(0, 0.35)
    parts, point = [], np.asarray(root, np.float64)
    for link in range(links):
        step = np.array([direction * np.cos(angle), np.sin(angle)]) * rng.uniform(0.4, 0.55)
        radii = thick * (1 - 0.1 * link), thick * (1 - 0.1 * (link + 1))
        parts.append(Part(_limb(point, radii[0], point + step, radii[1]), "tail"))
        point, angle = point + step, angle + bend
    return parts


def _leg(hip, foot, thick, near):
    knee = (hip + foot) / 2 + [0.12, 0]
    shade = "coat" if near else "far"
    return [
        Part(_limb(hip, thick * 1.5, knee, thick), shade),
        Part(_limb(knee, thick, foot, thick * 0.85), shade),
        Part(ellipse(foot + [0.06, 0.03], (thick * 1.25, thick * 0.8)), "paw" if near else "far"),
    ]


def _standing(category, facing, rng):
    back = -facing  # the body lies behind the head
    length, height = rng.uniform(2.0, 3.2), rng.uniform(1.7, 2.4)
    chest = np.array([back * rng.uniform(0.5, 0.9), rng.uniform(0.9, 1.3)])
    hip = chest + [back * length, rng.uniform(-0.25, 0.15)]
    parts = _tail(category, hip + [back * 0.5, -0.4], back, rng)
    for near in (False, True):
        sway = rng.uniform(-0.4, 0.4, size=2)
        for joint, swing in ((chest, sway[0]), (hip, sway[1])):
            start = joint + [0.25 * near, 0.3]
            parts += _leg(start, start + [swing, height], 0.24, near)
        if not near:
            parts.append(Part(_limb(chest, 0.95, hip, 0.82), "coat"))
    return [*parts, Part(_limb([0, 0.2], 0.65, chest, 0.8), "coat")]


def _sitting(category, facing, rng):
    back = -facing
    chest = np.array([back * rng.uniform(0.0, 0.4), rng.uniform(1.1, 1.5)])
    rump = chest + [back * rng.uniform(0.2, 1.2), rng.uniform(1.3, 1.9)]
    floor = rump[1] + 0.95
    parts = _tail(category, [rump[0] + back * 0.9, floor - 0.3], back, rng)
    parts.append(Part(_limb(chest, 0.85, rump, rng.uniform(1.05, 1.3)), "coat"))
    parts.append(Part(ellipse(rump + [back * 0.1, 0.2], (0.75, 0.7)), "coat"))
    for side in (-0.4, 0.4):
        foot = np.array([chest[0] + side * 1.1, floor - 0.05])
        parts += _leg(chest + [side, 0.2], foot, 0.26, True)
    parts.append(Part(ellipse([rump[0] + 0.5 * back, floor], (0.55, 0.22)), "paw"))
    return [*parts, Part(_limb([0, 0.2], 0.65, chest, 0.75), "coat")]


def _lying(category, facing, rng):
    back = -facing
    chest = np.array([back * rng.uniform(0.4, 0.9), rng.uniform(0.6, 1.0)])
    hip = chest + [back * rng.uniform(1.6, 2.8), rng.uniform(0.0, 0.3)]
    floor = max(chest[1], hip[1]) + 0.75
    parts = _tail(category, hip + [back * 0.7, 0.2], back, rng)
    parts += [
        Part(_limb(chest, 0.85, hip, 0.9), "coat"),
        Part(ellipse(hip + [0, 0.1], (0.8, 0.7)), "coat"),
        Part(_limb(hip + [0, 0.6], 0.26, [hip[0] - back * 1.1, floor], 0.2), "coat"),
    ]
    for stretch in rng.uniform(0.6, 1.6, size=2):
        paw = np.array([chest[0] - back * (0.6 + stretch), floor + rng.uniform(-0.15, 0.05)])
        parts += [
            Part(_limb(chest + [0, 0.55], 0.3, paw, 0.2), "coat"),
            Part(ellipse(paw, (0.3, 0.2)), "paw"),
        ]
    return [*parts, Part(_limb([0, 0.1], 0.6, chest, 0.75), "coat")]
