"""What every source yields: an annotated photo, or a photo that was left out and why."""

from dataclasses import dataclass, field

# What earlier versions called two fields, in tables, recipes, datasets and model files.
FORMER_NAMES = {"species": "supercategory", "breed": "category"}


@dataclass(frozen=True)
class AnnotatedImage:
    """One photo and the box of the one object in it.

    Attributes:
        image: path of the photo below the source's root, with `/` between its parts.
        box_rel_xyxy: [xmin, ymin, xmax, ymax] in units of the image, as annotated (it may reach
            outside the image: the store clips it, or leaves the photo out). None: a teacher is to
            predict it, or the photo `is_empty`.
        width, height: size in pixels of the image that was annotated. The file may have another
            size as long as it has the same aspect ratio; None when the annotation does not say.
        supercategory, category: what the object is, coarsely and finely, as in COCO ("dog",
            "beagle"); "" when the source does not say.
        official_split: "trainval", "train", "validation" or "test", what the labels themselves
            say the photo is for; "" when they do not say.
        score: a teacher's confidence in the box, 0 to 1; None when people drew it.
        place: where the box is written, as "boxes.csv line 7", for messages.
        own_size: whether width and height were taken from the photo, as the annotation has none;
            they do not tell then whether the box was drawn on the photo as it is stored or shown.
        objects: how many objects are annotated in the photo; 0: somebody looked, and there is none.
    """

    image: str
    box_rel_xyxy: tuple[float, float, float, float] | None
    width: int | None = None
    height: int | None = None
    supercategory: str = ""
    category: str = ""
    official_split: str = ""
    score: float | None = None
    place: str = field(default="", compare=False)
    own_size: bool = field(default=False, compare=False)
    objects: int = field(default=1, compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether no object is in the photo, as people say who looked."""
        return self.objects == 0


@dataclass(frozen=True)
class Skipped:
    """A photo that cannot be used, and the reason in words a user understands.

    It may be a near-duplicate of one that is used, so its `official_split` counts, too. `place` is
    where the reason is found, as "boxes.csv line 7"; reasons are counted together without it.
    """

    image: str
    reason: str
    official_split: str = ""
    place: str = ""
