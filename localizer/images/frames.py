"""Frames of a photo: the pixels as they are stored, and as a viewer shows them.

Cameras store a photo as the sensor saw it and write into its EXIF data how to turn it (TIFF 6.0,
tag 0x0112): 1 not at all, 2 mirrored, 3 by half, 4 both, 5 to 8 by a quarter, mirrored or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from localizer.errors import InputError

BOXES_IN = ("auto", "shown", "stored")

QUARTER_TURNS = (5, 6, 7, 8)


class OtherShape(InputError):
    """A photo that cannot be the image that was annotated."""


@dataclass(frozen=True)
class PhotoFrames:
    """The size of a photo as it is stored, in pixels, and its orientation, 1 to 8."""

    stored: tuple[int, int]
    orientation: int = 1

    @classmethod
    def of_shown(cls, size: tuple[int, int], orientation: int) -> "PhotoFrames":
        """The frames of a photo that is (width, height) pixels as it is shown."""
        return cls(size[::-1] if orientation in QUARTER_TURNS else size, orientation)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height as a viewer shows the photo."""
        return self.stored[::-1] if self.orientation in QUARTER_TURNS else self.stored

    def of(self, boxes_in: str) -> tuple[int, int]:
        """Width and height of the frame that `--boxes-in` names; "auto" is "shown"."""
        return self.stored if boxes_in == "stored" else self.shown


def is_same_shape(size: tuple[int, int], annotated: tuple[int, int]) -> bool:
    """Whether a photo may be a resized copy of the image that was annotated.

    Such a copy keeps the aspect ratio up to a pixel of rounding.

    Args:
        size: (width, height) of the photo.
        annotated: (width, height) of the image that was annotated.
    """
    width, height = size
    return abs(width * annotated[1] / annotated[0] - height) <= 1.5 + 0.01 * height


def turn_rel_xyxy(box: Sequence[float], orientation: int) -> tuple[float, float, float, float]:
    """A box of the stored pixels as a box of the photo as it is shown; both `rel_xyxy`.

    >>> turn_rel_xyxy((0.0, 0.25, 0.5, 1.0), 6)
    (0.0, 0.0, 0.75, 0.5)
    """
    xmin, ymin, xmax, ymax = box
    if orientation in QUARTER_TURNS:
        xmin, ymin, xmax, ymax = ymin, xmin, ymax, xmax
    if orientation in (2, 3, 6, 7):
        xmin, xmax = 1 - xmax, 1 - xmin
    if orientation in (3, 4, 7, 8):
        ymin, ymax = 1 - ymax, 1 - ymin
    return xmin, ymin, xmax, ymax


@dataclass(frozen=True)
class BoxFrame:
    """The frame that the box of a turned photo was drawn in.

    Attributes:
        name: "shown" or "stored".
        is_told: whether the size of the annotated image tells it.
    """

    name: str
    is_told: bool


def frame_of_box(frames: PhotoFrames, annotated: tuple[int, int] | None, boxes_in: str) -> BoxFrame:
    """The frame that a box was drawn in.

    Args:
        frames: of the photo.
        annotated: (width, height) of the annotated image; None when it is not known.
        boxes_in: one of BOXES_IN; what is said of sets whose sizes do not tell it.

    Raises:
        OtherShape: the annotated image has another shape in both frames, or in the named one.
    """
    sizes = {"shown": frames.shown, "stored": frames.stored}
    # Of a photo that is nearly square both frames may fit, but only one to the pixel.
    exact = [name for name, size in sizes.items() if size == annotated]
    fitting = exact or [
        name for name, size in sizes.items() if annotated is None or is_same_shape(size, annotated)
    ]
    chosen = [boxes_in] if boxes_in in sizes else fitting
    possible = [name for name in chosen if name in fitting]
    if not possible:
        where = " in the frame of --boxes-in" if fitting else ""
        raise OtherShape(
            f"the photo has another shape{where} than the annotated image: not the same picture, "
            "or rotated"
        )
    return BoxFrame(possible[0], len(fitting) == 1 or frames.orientation == 1)
