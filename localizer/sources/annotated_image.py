"""What every source yields: an annotated photo, or a photo that was left out and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AnnotatedImage:
    """One photo and the box of the one object in it.

    Attributes:
        image: path of the photo below the source's root, with `/` between its parts.
        box_rel_xyxy: [xmin, ymin, xmax, ymax] in units of the image, as annotated (it may reach
            outside the image: the store clips it, or leaves the photo out).
        width, height: size in pixels of the image that was annotated. The file may have another
            size as long as it has the same aspect ratio; None when the annotation does not say.
        species, breed: the coarse and the fine class; "" when the source has none.
    """

    image: str
    box_rel_xyxy: tuple[float, float, float, float]
    width: int | None = None
    height: int | None = None
    species: str = ""
    breed: str = ""


@dataclass(frozen=True)
class Skipped:
    """A photo that cannot be used, and the reason in words a user understands."""

    image: str
    reason: str
