"""Boxes in pixels: the size of the image that they refer to, and values that are no pixels."""

import reprlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from localizer.errors import InputError
from localizer.images.frames import PhotoFrames
from localizer.images.photos import read_frames
from localizer.sources.choosing import MAX_PIXELS_ALONG_SIDE
from localizer.sources.notes import note

# For formats that have boxes in pixels only.
TO_PIXELS = (
    "if they are parts of the image's size, multiply them by it, or write them into a table for "
    "--source csv --box-format relative"
)


def written_side(value: str | float | None) -> int | None:
    """An image's width or height in pixels, as an annotation says it.

    Returns:
        The side; None where the value says nothing: it is missing, 0, or text that is no number,
        as labelImg and others write it where they do not know.

    Raises:
        InputError: a number that no image has as its side.
    """
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return None
    elif type(value) in (int, float):
        number = value
    else:
        return None
    if number == 0:
        return None
    if not 0 < number <= MAX_PIXELS_ALONG_SIDE or number != int(number):  # NaN compares as False.
        raise InputError(f"{reprlib.repr(value)} is not a whole number of pixels above 0")
    return int(number)


def written_size(
    width: str | float | None, height: str | float | None
) -> tuple[int | None, int | None]:
    """Width and height as `written_side` gives them; its InputError says which one it is."""
    sides = []
    for name, value in (("width", width), ("height", height)):
        try:
            sides.append(written_side(value))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    return sides[0], sides[1]


class FrameSizes:
    """The sizes that boxes in pixels refer to: those of the annotation, or else the photo's own."""

    def __init__(self, root: Path, boxes_in: str = "auto"):
        """
        Args:
            root: folder of the photos.
            boxes_in: the frame of a turned photo whose size is taken, as in `PhotoFrames.of`.
        """
        self._root, self._boxes_in = Path(root), boxes_in
        self._frames, self._taken = {}, {}

    def of(
        self, photo: str, written: tuple[int | None, int | None], is_usual: bool = False
    ) -> tuple[tuple[int, int], bool]:
        """Width and height in pixels, and whether they are the photo's own.

        Args:
            photo: path below the root.
            written: width and height from `written_size`.
            is_usual: not to write any is usual here, and not noted.

        Raises:
            InputError: the photo's size cannot be read, or is not the one side that is written.
        """
        if None not in written:
            return written, False
        size = self._own(photo).of(self._boxes_in)
        if any(side not in (None, own) for side, own in zip(written, size, strict=True)):
            raise InputError(
                "only one of width and height is a number of pixels above 0, and it is not the "
                "photo's: write both"
            )
        if not is_usual:
            self._taken[photo] = True
        return size, True

    def say_taken(self):
        """Say in a note how many photos' own sizes were taken."""
        if self._taken:
            note(
                f"{len(self._taken)} annotations have no usable width and height (0, missing or "
                f"text): the photo's own were taken, such as for {next(iter(self._taken))}"
            )

    def _own(self, photo: str) -> PhotoFrames:
        if photo not in self._frames:
            self._frames[photo] = read_frames(self._root / photo)
        return self._frames[photo]


def refuse_relative(file: Path, boxes: Iterable[Sequence[float]], remedy: str):
    """Raise InputError when all boxes that should be in pixels are parts of the image's size.

    Args:
        file: what has the boxes, for the message.
        boxes: the numbers of each box, as written.
        remedy: what to do about it.
    """
    values = [value for box in boxes for value in box]
    if values and max(values) <= 1:
        raise InputError(f"{file}: no box coordinate is above 1, so these are not pixels; {remedy}")


def below_one_pixel(box: Sequence[float], size: tuple[int, int]) -> bool:
    """Whether a `rel_xyxy` box is thinner than a pixel of an image of this (width, height)."""
    sides = (box[2] - box[0]) * size[0], (box[3] - box[1]) * size[1]
    return min(sides) < 0.99  # Boxes are float32.
