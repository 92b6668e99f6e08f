"""What the readers of people's own data share: places of photos, numbers, one object of several."""

import reprlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from localizer.errors import InputError
from localizer.images.boxes import area_xyxy, usable_rel_xyxy
from localizer.sources.annotated_image import AnnotatedImage, Skipped

# Beyond the side of any image: larger values are damage, and would overflow a float32 box.
MAX_PIXELS_ALONG_SIDE = 1_000_000
# Tables shall stay readable, whatever an annotation says.
_LONGEST_TEXT = 1_000


def choose(objects: Sequence[AnnotatedImage | Skipped], multiple: str) -> AnnotatedImage | Skipped:
    """The one object that stands for a photo; it says how many there are.

    Args:
        objects: every object annotated in one photo, at least one. A `Skipped` is an object whose
            annotation is unreadable; it counts as an object, and is chosen only if all are such.
            One from `no_object` is none, and chosen only if all are such.
        multiple: "largest" takes the largest box (the first one of equals), and one that the store
            would refuse only if all are such; "skip" leaves a photo with several objects out.
    """
    if multiple not in ("largest", "skip"):
        raise InputError(f"multiple is {multiple!r}: expected 'largest' or 'skip'")
    objects = [one for one in objects if not _is_empty(one)] or [objects[0]]
    if multiple == "skip" and len(objects) > 1:
        return skipped(objects[0].image, f"{len(objects)} objects in one photo")
    readable = [one for one in objects if isinstance(one, AnnotatedImage)]
    chosen = max(readable, key=_usable_area, default=objects[0])
    if chosen.image != _writable(chosen.image):
        return skipped(chosen.image, "the file's name is not valid UTF-8: rename it")
    if isinstance(chosen, AnnotatedImage) and len(objects) > 1:
        return replace(chosen, objects=len(objects))
    return chosen


def no_object(
    image: str, place: str = "", size: tuple[int | None, int | None] = (None, None)
) -> AnnotatedImage:
    """A photo of which its annotation says that there is no object in it.

    Args:
        image: path below the root.
        place: where that stands.
        size: width and height of the annotated image, where they are known.
    """
    size = (None, None) if None in size else size
    return AnnotatedImage(image, None, *size, place=place, objects=0)


def _is_empty(one: AnnotatedImage | Skipped) -> bool:
    return isinstance(one, AnnotatedImage) and one.is_empty


def _usable_area(annotated: AnnotatedImage) -> float:
    if annotated.box_rel_xyxy is None:
        return -1.0
    try:
        return float(area_xyxy(usable_rel_xyxy(annotated.box_rel_xyxy)))
    except InputError:
        return -1.0


def skipped(image: str, reason: str, place: str = "") -> Skipped:
    """A `Skipped` that fits into a table: not too long, and UTF-8 even where a name is not."""
    image, reason, place = (_writable(_shortened(text)) for text in (image, reason, place))
    return Skipped(image, reason, place=place)


def _writable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]}... ({len(text):,} characters)"


def class_name(text: str) -> str:
    """The name of a class as it is; InputError when it is longer than any name."""
    if len(text) > _LONGEST_TEXT:
        raise InputError(
            f"a class name of {len(text):,} characters, more than {_LONGEST_TEXT:,}: "
            f"{reprlib.repr(text)}"
        )
    return text


def path_below_root(name: str) -> str:
    """A photo's name from an annotation, as a path below the root with `/` between its parts.

    Only the name is judged: a link inside the root may lead elsewhere, as in a folder of links.

    Raises:
        InputError: the path is absolute or has `..` in it.
    """
    path = PurePath(name)
    if path.anchor or ".." in path.parts:
        raise InputError(
            f"{reprlib.repr(name)} leads out of the root folder: name photos relative to the root"
        )
    return path.as_posix()


def number_from_text(text: str) -> float:
    """A coordinate from text such as "48" or "48.0"; InputError when it is none."""
    try:
        value = float(text.replace("_", " "))  # To Python 1_000 is a number.
    except ValueError:
        raise InputError(f"{reprlib.repr(text)} is not a number") from None
    if not abs(value) <= MAX_PIXELS_ALONG_SIDE:  # NaN compares as False.
        raise InputError(f"{reprlib.repr(text)} cannot be a coordinate in an image")
    return value
