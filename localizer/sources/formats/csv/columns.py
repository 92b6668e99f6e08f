"""Which column of a table is meant: people's tools name them in many ways.

Names are compared without case, blanks, `_`, `-` and `.`, so `XMin`, `x_min` and `x min` are
`xmin`. A documented name goes before all others, and next what it was called in earlier versions
(`species`, `breed`). Where two columns could both be the photo, or two
sets the box, that is an error; where two could be the class, none is taken.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from localizer.errors import InputError
from localizer.sources.annotated_image import FORMER_NAMES

CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ALIASES = {
    "image": (
        "filename",
        "file",
        "path",
        "filepath",
        "imagepath",
        "imagename",
        "imagefile",
        "imagefilename",
        "imageid",
        "img",
        "imgpath",
        "imgname",
        "imgid",
        "photo",
    ),
    "split": ("set", "subset", "partition"),
    "width": ("imagewidth", "imgwidth", "imagew", "imgw"),
    "height": ("imageheight", "imgheight", "imageh", "imgh"),
    "category": (
        "class",
        "label",
        "labelname",
        "classname",
        "categoryname",
        "name",
        "classid",
    ),
}
# Left, top, right, bottom.
_CORNER_STYLES = (
    CORNERS,
    ("minx", "miny", "maxx", "maxy"),
    ("x1", "y1", "x2", "y2"),
    ("x0", "y0", "x1", "y1"),
    ("left", "top", "right", "bottom"),
    ("xtl", "ytl", "xbr", "ybr"),
)
# Left, top, width, height.
_SIZE_STYLES = tuple(
    (*corner, *size)
    for size in (("w", "h"), ("width", "height"))
    for corner in (("x", "y"), ("xmin", "ymin"), ("x1", "y1"), ("left", "top"))
)
_PREFIXES = ("", "bbox", "box", "bb", "roi", "rect", "region")


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are.

    Attributes:
        names: of each column, the documented name, or its own in lower case.
        renamed: (own names, what they are), for a note; empty where all names are documented.
        sized: whether the columns `xmax` and `ymax` hold the box's width and height.
        doubtful: own names of columns of which each could be the class.
    """

    names: list[str]
    renamed: list[tuple[str, str]]
    sized: bool = False
    doubtful: tuple[str, ...] = ()


def find_columns(header: Sequence[str], wanted: Sequence[str]) -> Columns:
    """Tell what the columns of a header are.

    Args:
        header: names as they are written.
        wanted: documented names that may be there, required ones and others.

    Raises:
        InputError: two columns could both be meant.
    """
    names = [name.strip().lower() for name in header]
    keys = [re.sub(r"[\s_.\-]", "", name) for name in names]
    for former, name in FORMER_NAMES.items():
        if name in wanted and name not in names:
            names = [name if key == former else own for own, key in zip(names, keys, strict=True)]
    renamed, sized, doubtful = [], False, ()
    if {*CORNERS} <= {*wanted} and not {*CORNERS} <= {*names}:
        style, sized = _box_style(keys)
        for own, name in zip(style, CORNERS, strict=False):
            names[keys.index(own)] = name
        if style:
            own = ", ".join(header[keys.index(key)].strip() for key in style)
            by_size = "the left and top edge, width and height of the box"
            if [*map(str.lower, own.split(", "))] != [*CORNERS]:
                renamed.append((own, by_size if sized else ", ".join(CORNERS)))
    for name in wanted:
        if name in names or name in CORNERS:
            continue
        free = [
            place
            for place, key in enumerate(keys)
            if key in (name, *_ALIASES.get(name, ())) and names[place] not in wanted
        ]
        # A name says more than a number.
        free = [place for place in free if not keys[place].endswith("id")] or free
        if len(free) > 1 and name == "category":
            doubtful = tuple(header[place].strip() for place in free)
        elif len(free) > 1:
            both = " and ".join(header[place].strip() for place in free)
            raise InputError(f"{both} could both be meant by {name}: call one of them {name}")
        elif free:
            names[free[0]] = name
            renamed.append((header[free[0]].strip(), name))
    return Columns(names, renamed, sized, doubtful)


def _box_style(keys: list[str]) -> tuple[tuple[str, ...], bool]:
    """The names of the columns with the box, () for none, and whether it is given by its size."""
    found = {}
    for sized, styles in ((False, _CORNER_STYLES), (True, _SIZE_STYLES)):
        for prefix in _PREFIXES:
            for style in styles:
                names = tuple(prefix + name for name in style)
                # Beside xmax or ymax, width and height are those of the photo.
                own_edges = _opposite(prefix, style) if sized else set()
                if {*names} <= {*keys} and not own_edges & {*keys}:
                    found[names] = sized
    if len(found) > 1:
        sets = " and ".join(", ".join(style) for style in found)
        raise InputError(f"{sets} could both be the box: call the right ones {', '.join(CORNERS)}")
    return next(iter(found.items()), ((), False))


def _opposite(prefix: str, style: tuple[str, ...]) -> set[str]:
    """The right and bottom edges that go with the left and top edges of a style."""
    edges = (other[2:] for other in _CORNER_STYLES if other[:2] == style[:2])
    return {prefix + name for pair in edges for name in pair}
