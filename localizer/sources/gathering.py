"""From what a label file says of photos to annotated images: the part that most formats share.

A format's reader makes an `Entry` for each photo that its labels name. Here the photos are looked
for, the boxes are related to their sizes, and one object a photo is chosen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localizer.errors import InputError
from localizer.images.boxes import abs_xyxy_to_rel_xyxy
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import (
    MAX_PIXELS_ALONG_SIDE,
    choose,
    class_name,
    no_object,
    skipped,
)
from localizer.sources.lookup.photo_claims import repeated_claims, settle_claims
from localizer.sources.lookup.photo_lookup import PhotoLookup
from localizer.sources.pixels import TO_PIXELS, FrameSizes, refuse_relative, written_size


@dataclass(frozen=True)
class Shape:
    """One object as its label says.

    Attributes:
        place: where it stands, as "project.xml: image 3, box 1".
        box_xyxy: its corners, in the unit of the format; None where they cannot be read.
        category: the name of its class.
        problem: why it cannot be read.
        is_line: it is a line or a point, and counts only where nothing else is in the photo.
    """

    place: str
    box_xyxy: tuple[float, float, float, float] | None
    category: str = ""
    problem: str = ""
    is_line: bool = False


@dataclass(frozen=True)
class Entry:
    """What labels say of one photo.

    Attributes:
        place: where they stand, as "project.xml: image 3"; no two entries have the same.
        names: what the photo may be called, the best name first.
        shapes: its objects; empty where somebody looked and found none.
        size: width and height in pixels of the annotated image, as written (see `written_size`).
        split: "train", "validation" or "test"; "" where the labels do not say.
        problem: why the photo cannot be used.
        file: path below the root of a file that has the labels of this photo only, such as rex.json
            of rex.jpg.
        photo: path of the photo below the root, where that is known.
    """

    place: str
    names: tuple[str, ...]
    shapes: Sequence[Shape] = ()
    size: tuple[int | str | None, int | str | None] = (None, None)
    split: str = ""
    problem: str = ""
    file: str = ""
    photo: str = ""


def refuse_parts_for_pixels(file: Path, entries: Sequence[Entry]) -> None:
    """Raise InputError when no box of a format in pixels can be in pixels; see `refuse_relative`.

    Args:
        file: what has the boxes, for the message.
        entries: all of them.
    """
    boxes = (shape.box_xyxy for entry in entries for shape in entry.shapes)
    refuse_relative(file, filter(None, boxes), TO_PIXELS)


def gather(
    root: Path,
    entries: Sequence[Entry],
    multiple: str,
    boxes_in: str,
    *,
    relative: bool = False,
    folders: Sequence[str] = ("", "images"),
    has_sizes: bool = True,
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield the photo of each entry, in their order.

    Args:
        root: folder of the photos.
        entries: all of them.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        boxes_in: the frame of turned photos whose size is not written, as in `FrameSizes`.
        relative: whether boxes are parts of the image's size; else they are in 0-based pixels.
        folders: below the root, to which names of photos may be relative.
        has_sizes: whether the format says the size of a photo; where it does, missing ones are
            noted.
    """
    photos = _find_photos(root, entries, folders)
    repeated = repeated_claims(photos, {one.place for one in entries if one.shapes})
    sizes = FrameSizes(root, boxes_in)
    for entry in entries:
        photo = photos[entry.place]
        try:
            if isinstance(photo, InputError):
                raise photo
            if entry.problem:
                raise InputError(entry.problem)
            if other := repeated.get(entry.place):
                raise InputError(f"the same photo as {other}: remove the wrong one")
            size, own_size = _size(sizes, photo, entry, relative, has_sizes)
        except InputError as error:
            named = photo if isinstance(photo, str) else entry.names[0]
            record = skipped(named, str(error), entry.place)
        else:
            shapes = [shape for shape in entry.shapes if not shape.is_line] or entry.shapes
            objects = [_annotated(photo, shape, size, own_size, relative) for shape in shapes]
            record = choose(objects or [no_object(photo, entry.place, size)], multiple)
        yield replace(record, official_split=entry.split)
    sizes.say_taken()


def _find_photos(
    root: Path, entries: Sequence[Entry], folders: Sequence[str]
) -> dict[str, str | InputError]:
    """The photo of each entry's place, or the reason why there is none."""
    lookup, photos, found = PhotoLookup(root, folders=folders), {}, {}
    for entry in entries:
        if entry.photo:
            photos[entry.place] = entry.photo
            continue
        try:
            size = written_size(*entry.size)
            size = None if None in size else size
        except InputError:
            size = None
        try:
            if entry.file:
                found[entry.place] = lookup.find_beside(entry.file, entry.names, size)
            else:
                found[entry.place] = _first_found(lookup, entry.names, size)
        except InputError as error:
            photos[entry.place] = error
    contents = {one.place: repr((one.names, one.shapes)) for one in entries}
    return photos | settle_claims(found, {place: contents[place] for place in found})


def _first_found(lookup: PhotoLookup, names: Sequence[str], size: tuple[int, int] | None):
    """The photo of the first name without doubt, or else of the last one."""
    for name in names[:-1]:
        try:
            if not (found := lookup.find(name, size=size)).doubt:
                return found
        except InputError:
            continue
    return lookup.find(names[-1], size=size)


def _size(sizes: FrameSizes, photo: str, entry: Entry, relative: bool, has_sizes: bool):
    """The size that boxes refer to, (None, None) where it is not needed; and whose it is."""
    written = written_size(*entry.size)
    if relative:
        return (None, None) if None in written else written, False
    return sizes.of(photo, written, is_usual=not has_sizes)


def _annotated(photo: str, shape: Shape, size: tuple, own_size: bool, relative: bool):
    if shape.problem:
        return skipped(photo, shape.problem, shape.place)
    # NaN and infinity, which Python's JSON reader lets through, fail the comparison.
    if not all(abs(value) <= MAX_PIXELS_ALONG_SIDE for value in shape.box_xyxy):
        return skipped(photo, "the box has numbers that no image has", shape.place)
    try:
        category = class_name(shape.category)
        category.encode("utf-8")
    except UnicodeEncodeError:
        return skipped(photo, "the name of the class is not valid Unicode", shape.place)
    except InputError as error:
        return skipped(photo, str(error), shape.place)
    box = shape.box_xyxy if relative else abs_xyxy_to_rel_xyxy(shape.box_xyxy, *size).tolist()
    return AnnotatedImage(
        photo,
        tuple(float(value) for value in box),
        *size,
        category=category,
        place=shape.place,
        own_size=own_size,
    )
