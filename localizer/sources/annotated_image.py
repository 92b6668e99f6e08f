"""What every source yields: an annotated photo, or a photo that was left out and why."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AnnotatedImage:
    """One photo and the box of the one object in it.

    Attributes:
        image: path of the photo below the source's root, with `/` between its parts.
        box_rel_xyxy: [xmin, ymin, xmax, ymax] in units of the image, as annotated (it may reach
            outside the image: the store clips it, or leaves the photo out). None: a teacher is to
            predict it.
        width, height: size in pixels of the image that was annotated. The file may have another
            size as long as it has the same aspect ratio; None when the annotation does not say.
        species, breed: the coarse and the fine class; "" when the source has none.
        official_split: "trainval" or "test", the list of the source's authors that has the photo;
            "" when there is none.
        score: a teacher's confidence in the box, 0 to 1; None when people drew it.
        place: where the box is written, as "boxes.csv line 7", for messages.
    """

    image: str
    box_rel_xyxy: tuple[float, float, float, float] | None
    width: int | None = None
    height: int | None = None
    species: str = ""
    breed: str = ""
    official_split: str = ""
    score: float | None = None
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class Skipped:
    """A photo that cannot be used, and the reason in words a user understands.

    It may be a near-duplicate of one that is used, so its `official_split` counts, too. `place` is
    where the annotation stands, as of an AnnotatedImage.
    """

    image: str
    reason: str
    official_split: str = ""
    place: str = ""
