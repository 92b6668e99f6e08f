"""Photos with Pascal VOC annotations: one XML file per photo.

Two layouts are read. The official one:

    root/JPEGImages/rex.jpg
    root/Annotations/rex.xml

and any other folder, as labelImg leaves it: photos and XML files anywhere below the root, for
example side by side. An XML file belongs to the photo that its `<filename>` names, or else to the
photo of its own name (rex.xml to rex.png); of several such photos to the nearest one, the same
folder first. Files and folders whose name begins with a dot are not looked at.
What is read of a file:

    <annotation>
      <filename>rex.jpg</filename>
      <size><width>500</width><height>375</height></size>
      <object>
        <name>beagle</name>
        <bndbox><xmin>49</xmin><ymin>30</ymin><xmax>201</xmax><ymax>180</ymax></bndbox>
      </object>
    </annotation>

Boxes are 1-based inclusive pixels (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/, section
"Annotation"), and `<name>` becomes the breed. A tool that counts from 0 is off by one pixel.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ParseError

import defusedxml
import defusedxml.ElementTree

from localizer.boxes import voc_xyxy_to_rel_xyxy
from localizer.errors import InputError
from localizer.photos import SUFFIXES
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import (
    choose,
    class_name,
    list_files,
    no_such_file,
    number_from_text,
    path_below_root,
    side_from_text,
    skipped,
)
from localizer.special_files import refuse_special_file

# A thousand times a usual file; what is read takes several times as much memory.
_MAX_BYTES = 10_000_000

EXPECTED = """expected one XML file per photo, for example
    JPEGImages/rex.jpg and Annotations/rex.xml, or rex.jpg and rex.xml side by side"""


@dataclass(frozen=True)
class VocObject:
    """One `<object>`: its class name and its box in 1-based inclusive pixels."""

    name: str
    box_voc_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class VocAnnotation:
    """One XML file; `filename` is "" where it names none, width and height are in pixels."""

    filename: str
    width: int
    height: int
    objects: list[VocObject]


def parse_annotation(path: Path) -> VocAnnotation:
    """Read one Pascal VOC XML file, which has at least one object.

    Raises:
        InputError: the file cannot be read, is too large, is not XML, declares entities (refused:
            they can fill the memory or read other files), or a field is missing or cannot be
            meant. The geometry of a box is not checked.
    """
    try:
        refuse_special_file(path)
        if (size := os.path.getsize(path)) > _MAX_BYTES:
            raise InputError(f"{path}: {size:,} bytes, more than {_MAX_BYTES:,}: no annotation")
        root = defusedxml.ElementTree.parse(path).getroot()
    except defusedxml.DefusedXmlException:
        raise InputError(f"{path}: declares XML entities, which are refused") from None
    except (OSError, ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not readable as XML ({error})") from None
    if root.tag != "annotation":
        raise InputError(f"{path}: the outermost element is <{root.tag}>, expected <annotation>")
    try:
        width = _read(root, "size/width", side_from_text)
        height = _read(root, "size/height", side_from_text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    objects = []
    for number, element in enumerate(root.findall("object"), start=1):
        try:
            objects.append(_parse_object(element))
        except InputError as error:
            raise InputError(f"{path}: object {number}: {error}") from None
    if not objects:
        raise InputError(f"{path}: there is no <object> in it")
    return VocAnnotation((root.findtext("filename") or "").strip(), width, height, objects)


def _parse_object(element: Element) -> VocObject:
    corners = ("xmin", "ymin", "xmax", "ymax")
    box_voc_xyxy = tuple(_read(element, f"bndbox/{name}", number_from_text) for name in corners)
    return VocObject(_read(element, "name", class_name), box_voc_xyxy)


def _read(element: Element, tag: str, convert):
    text = (element.findtext(tag) or "").strip()
    if not text:
        raise InputError(f"<{tag}> is missing or empty")
    try:
        return convert(text)
    except InputError as error:
        raise InputError(f"<{tag}>: {error}") from None


def read(root: Path, multiple: str = "largest") -> Iterator[AnnotatedImage | Skipped]:
    """Yield every photo and every unusable XML file below `root`, in the order of their names.

    Args:
        root: folder in one of the layouts above.
        multiple: what to do with several objects in a photo, "largest" or "skip".

    Raises:
        InputError: there is no XML file below `root`.
    """
    root = Path(root)
    xmls, photos = _list_layout(root)
    if not xmls:
        raise InputError(f"{root}: no XML file there; {EXPECTED}")
    lookup = _Photos(photos)
    claims = defaultdict(list)
    for xml in xmls:
        annotation, problem = None, ""
        try:
            annotation = parse_annotation(root / xml)
            photo = lookup.of(xml, annotation.filename)
        except InputError as error:
            # The photo of the same name is then left out for this reason, not as unannotated.
            problem = str(error) if annotation is None else f"{root / xml}: {error}"
            photo = lookup.nearest_of_same_name(xml)
        if photo is None:
            yield skipped(xml, problem)
        else:
            claims[photo].append((xml, annotation, problem))
    for photo in photos:
        yield _annotated(photo, claims[photo], multiple)


def _list_layout(root: Path) -> tuple[list[str], list[str]]:
    """XML files and photos, as paths below `root`."""
    folders = root / "Annotations", root / "JPEGImages"
    if not all(folder.is_dir() for folder in folders):
        folders = root, root
    # In the official layout the PNG files beside JPEGImages are segmentations, not photos.
    files = {folder: list_files(root, folder) for folder in dict.fromkeys(folders)}
    xmls, photos = (files[folder] for folder in folders)
    return (
        [path for path in xmls if path.lower().endswith(".xml")],
        [path for path in photos if path.lower().endswith(SUFFIXES)],
    )


def _annotated(photo: str, claims: list, multiple: str) -> AnnotatedImage | Skipped:
    if not claims:
        return skipped(photo, "no annotation")
    if len(claims) > 1:
        xmls = " and ".join(xml for xml, _, _ in claims)
        return skipped(photo, f"several annotations claim it ({xmls}): remove the wrong ones")
    [(xml, annotation, problem)] = claims
    if problem:
        return skipped(photo, problem)
    size = annotation.width, annotation.height
    candidates = [
        AnnotatedImage(
            image=photo,
            box_rel_xyxy=tuple(voc_xyxy_to_rel_xyxy(one.box_voc_xyxy, *size).tolist()),
            width=annotation.width,
            height=annotation.height,
            breed=one.name,
            place=f"{xml}: object {number}",
        )
        for number, one in enumerate(annotation.objects, 1)
    ]
    return choose(candidates, multiple)


class _Photos:
    """Finds the photo that an XML file belongs to."""

    def __init__(self, photos: list[str]):
        self._by_name, self._by_stem = defaultdict(list), defaultdict(list)
        for photo in photos:
            path = PurePosixPath(photo)
            self._by_name[path.name].append(photo)
            self._by_stem[path.stem].append(photo)

    def of(self, xml: str, filename: str) -> str:
        """The photo that `filename` names, else the one of the XML's own name, or InputError."""
        named = PurePosixPath(path_below_root(filename))
        found = [
            photo
            for photo in self._by_name[named.name]
            if PurePosixPath(photo).parts[-len(named.parts) :] == named.parts
        ]
        found = found or self._by_stem[PurePosixPath(xml).stem]
        if not found:
            raise no_such_file(filename or f"{PurePosixPath(xml).stem}.jpg")
        nearest = _nearest(found, xml)
        if nearest is None:
            raise InputError(f"several photos match, among them {found[0]} and {found[1]}")
        return nearest

    def nearest_of_same_name(self, xml: str) -> str | None:
        return _nearest(self._by_stem[PurePosixPath(xml).stem], xml)


def _nearest(photos: list[str], xml: str) -> str | None:
    """The one photo whose folder is the XML's or shares most of its path; None when in doubt."""
    folder = PurePosixPath(xml).parent

    def nearness(photo: str) -> tuple[bool, int]:
        parent = PurePosixPath(photo).parent
        return parent == folder, len({*parent.parents, parent} & {*folder.parents, folder})

    ranked = sorted(photos, key=nearness, reverse=True)
    if not ranked or (len(ranked) > 1 and nearness(ranked[0]) == nearness(ranked[1])):
        return None
    return ranked[0]
