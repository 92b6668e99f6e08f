"""Photos with Pascal VOC annotations: one XML file per photo.

Two layouts are read. The official one:

    root/JPEGImages/rex.jpg
    root/Annotations/rex.xml

and any other folder, as labelImg leaves it: photos and XML files anywhere below the root, for
example side by side. An XML file belongs to the photo that its `<filename>` names (see
photo_lookup.py for how it is looked for), or else to the photo of its own name (rex.xml to
rex.png). Where both are there and are not the same, its own name decides; of XML files with equal
content only the one that is named as its photo is used then. Files and folders whose name begins
with a dot are not looked at.
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
"Annotation"), and `<name>` becomes the category. A tool that counts from 0 is off by one pixel.
Other shapes of an `<object>`, `<robndbox>` and polygons, count by their extents (voc_shapes.py).
Where `<size>` is missing, 0 or text, the photo's own size is taken.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from localizer.errors import InputError
from localizer.images.boxes import voc_xyxy_to_rel_xyxy
from localizer.images.photos import SUFFIXES
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import choose, class_name, no_object, skipped
from localizer.sources.formats.voc_shapes import box_voc_xyxy_of, read_field
from localizer.sources.lookup.listing import list_files
from localizer.sources.lookup.photo_claims import settle_claims
from localizer.sources.lookup.photo_lookup import PhotoLookup
from localizer.sources.pixels import TO_PIXELS, FrameSizes, refuse_relative, written_side
from localizer.sources.xml_text import read_xml

EXPECTED = """expected one XML file per photo, for example
    JPEGImages/rex.jpg and Annotations/rex.xml, or rex.jpg and rex.xml side by side"""


@dataclass(frozen=True)
class VocObject:
    """One `<object>`: its class name and its box in 1-based inclusive pixels.

    Where they cannot be read, `problem` says why, and the box is None.
    """

    name: str
    box_voc_xyxy: tuple[float, float, float, float] | None
    problem: str = ""


@dataclass(frozen=True)
class VocAnnotation:
    """One XML file.

    `filename` and `path` are "" where it has none; width and height are in pixels, and None where
    it does not say.
    """

    filename: str
    width: int | None
    height: int | None
    objects: list[VocObject]
    path: str = ""


def parse_annotation(path: Path) -> VocAnnotation:
    """Read one Pascal VOC XML file, which has at least one object.

    Raises:
        InputError: the file cannot be read as XML (see `read_xml`), is no annotation, or its size
            is one that no image has. The geometry of a box is not checked.
    """
    try:
        annotation = _parse(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if not annotation.objects:
        raise InputError(f"{path}: there is no <object> in it")
    return annotation


def _parse(path: Path) -> VocAnnotation:
    root = read_xml(path)
    if root.tag != "annotation":
        raise InputError(f"the outermost element is <{root.tag}>, expected <annotation>")
    sides = []
    for tag in ("size/width", "size/height"):
        try:
            sides.append(written_side((root.findtext(tag) or "").strip()))
        except InputError as error:
            raise InputError(f"<{tag}>: {error}") from None
    objects = [_parse_object(element) for element in root.findall("object")]
    filename, named = (root.findtext(tag) or "" for tag in ("filename", "path"))
    return VocAnnotation(filename.strip(), *sides, objects, named.strip())


def _parse_object(element: Element) -> VocObject:
    try:
        box_voc_xyxy = box_voc_xyxy_of(element)
        return VocObject(read_field(element, "name", class_name), box_voc_xyxy)
    except InputError as error:
        return VocObject("", None, str(error))


def read(
    root: Path, multiple: str = "largest", boxes_in: str = "auto"
) -> Iterator[AnnotatedImage | Skipped]:
    """Yield every photo and every unusable XML file below `root`, in the order of their names.

    Args:
        root: folder in one of the layouts above.
        multiple: what to do with several objects in a photo, "largest" or "skip".
        boxes_in: the frame of turned photos whose size no XML file has, as in `FrameSizes`.

    Raises:
        InputError: there is no XML file below `root`, or none of the boxes is in pixels.
    """
    root = Path(root)
    xmls, photos = _list_layout(root)
    if not xmls:
        raise InputError(f"{root}: no XML file there; {EXPECTED}")
    annotations, problems = {}, {}
    for xml in xmls:
        try:
            annotations[xml] = _parse(root / xml)
        except InputError as error:
            problems[xml] = error
    boxes = (one.box_voc_xyxy for each in annotations.values() for one in each.objects)
    refuse_relative(root, filter(None, boxes), TO_PIXELS)
    lookup = PhotoLookup(root, photos)
    found = _find_photos(lookup, annotations, problems)
    claims = defaultdict(list)
    for xml in xmls:
        # Left out for its own reason, the photo of the same name does not count as unannotated.
        photo = found.get(xml) or lookup.beside(xml)
        if photo is None:
            yield skipped(xml, str(problems[xml]), xml)
        else:
            claims[photo].append((xml, problems.get(xml) or annotations[xml]))
    sizes = FrameSizes(root, boxes_in)
    for photo in photos:
        yield _annotated(photo, claims[photo], multiple, sizes)
    sizes.say_taken()


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


def _find_photos(lookup: PhotoLookup, annotations: dict, problems: dict) -> dict[str, str]:
    """The photo of each XML file; the reasons why there is none go into `problems`."""
    found = {}
    for xml, one in annotations.items():
        size = (one.width, one.height) if one.width and one.height else None
        try:
            found[xml] = lookup.find_beside(xml, [one.filename, one.path], size)
        except InputError as error:
            problems[xml] = error
    settled = settle_claims(found, {xml: repr(annotations[xml]) for xml in found})
    problems |= {xml: one for xml, one in settled.items() if isinstance(one, InputError)}
    return {xml: one for xml, one in settled.items() if isinstance(one, str)}


def _annotated(photo: str, claims: list, multiple: str, sizes: FrameSizes):
    if not claims:
        return skipped(photo, "no annotation")
    if len(claims) > 1:
        xmls = " and ".join(xml for xml, _ in claims)
        return skipped(photo, "several annotations claim it: remove the wrong ones", xmls)
    [(xml, annotation)] = claims
    if isinstance(annotation, InputError):
        return skipped(photo, str(annotation), xml)
    try:
        size, own_size = sizes.of(photo, (annotation.width, annotation.height))
    except InputError as error:
        return skipped(photo, f"<size>: {error}", xml)
    candidates = []
    for number, one in enumerate(annotation.objects, 1):
        place = f"{xml}: object {number}"
        if one.problem:
            candidates.append(skipped(photo, one.problem, place))
            continue
        box_rel_xyxy = tuple(voc_xyxy_to_rel_xyxy(one.box_voc_xyxy, *size).tolist())
        candidates.append(
            AnnotatedImage(
                photo, box_rel_xyxy, *size, category=one.name, place=place, own_size=own_size
            )
        )
    return choose(candidates or [no_object(photo, xml, size)], multiple)
