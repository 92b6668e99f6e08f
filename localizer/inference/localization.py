"""The answer of a model for one photo, and what is done with it: shown, plotted, cropped."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from localizer.errors import InputError
from localizer.images.boxes import abs_xyxy_to_rel_xyxy
from localizer.images.drawing import PREDICTION_COLOUR, draw_boxes, png
from localizer.images.photos import read_photo
from localizer.images.resizing import crop
from localizer.recipe.values import Margin, checked_field

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Localization:
    """Where the object is in a photo. In a notebook it shows the photo with the box in red.

    Of a file it keeps the path, and reads it again to show it. Of other photos it keeps the pixels,
    not copied, where `Localizer.localize` or `localize_batch` made it. `localize_many` and `stream`
    keep none, so that memory is bounded; nor does a pickle.

    Attributes:
        xmin, ymin, xmax, ymax: edges of the box in pixels of the photo, 0-based and continuous:
            the whole photo is 0, 0, width, height. For a file in the frame in which viewers show
            it (EXIF orientation applied). None where the model found nothing.
        score: confidence in [0, 1]; None where the model gives none.
        label: name of the class; None where the model gives none.

    >>> Localization(10.0, 20.0, 110.0, 80.0, score=0.9, label="cat")
    Localization(10.0, 20.0, 110.0, 80.0, score=0.900, label='cat')
    >>> Localization(10.0, 20.0, 110.0, 80.0).box
    (10.0, 20.0, 110.0, 80.0)
    >>> Localization(None, None, None, None)
    Localization(nothing found)
    """

    xmin: float | None
    ymin: float | None
    xmax: float | None
    ymax: float | None
    score: float | None = None
    label: str | None = None

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """(xmin, ymin, xmax, ymax), as Pillow's `crop` takes it, or None."""
        edges = self.xmin, self.ymin, self.xmax, self.ymax
        return None if None in edges else edges  # type: ignore[return-value]

    @cached_property
    def probabilities(self) -> dict[str, float] | None:
        """The probability of each class by its name; None where the model gives none.

        They add up to 1, but for a model that was trained with `class_loss: binary_crossentropy`.
        """
        classes, values = getattr(self, "_of_classes", ((), ()))
        return dict(zip(classes, values)) or None

    def crop(self, margin: float = 0.0) -> Image.Image | None:
        """The part of the photo in the box; None where nothing was found.

        Args:
            margin: added on each side, as a share of the box's width and height.

        Raises:
            InputError: a margin that cannot be, or the photo is not there: see `plot`.
        """
        margin = checked_field("margin", margin, Margin)
        photo = self._photo()
        box = self._rel_xyxy(photo)
        return None if box is None else Image.fromarray(crop(photo, box, margin))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the photo and the box with matplotlib.

        Args:
            ax: where to; a figure of its own when None.

        Returns:
            The axes.

        Raises:
            InputError: the photo is not there: its file is gone or is another one now, or the
                answer has kept none.
        """
        from matplotlib import pyplot
        from matplotlib.patches import Rectangle

        photo = self._photo()
        ax = pyplot.subplots()[1] if ax is None else ax
        height, width = photo.shape[:2]
        ax.imshow(photo, extent=(0, width, height, 0))
        if self.box is not None:
            xmin, ymin, xmax, ymax = self.box
            red = [channel / 255 for channel in PREDICTION_COLOUR]
            ax.add_patch(
                Rectangle(
                    (xmin, ymin), xmax - xmin, ymax - ymin, fill=False, edgecolor=red, linewidth=2
                )
            )
        score = "" if self.score is None else f"{self.score:.2f}"
        title = "nothing found" if self.box is None else self.label or ""
        # As text, not as a formula, whatever a class is called.
        ax.set_title(f"{title} {score}".strip(), parse_math=False)
        ax.set_axis_off()
        return ax

    def __repr__(self) -> str:
        words = ["nothing found"] if self.box is None else [f"{edge:.1f}" for edge in self.box]
        words += [] if self.score is None else [f"score={self.score:.3f}"]
        words += [] if self.label is None else [f"label={self.label!r}"]
        return f"Localization({', '.join(words)})"

    def _repr_png_(self) -> bytes | None:
        """The photo with its box; None, for the line above, where the photo is not there."""
        try:
            photo = self._photo()
        except InputError:
            return None
        return png(draw_boxes(photo, self._rel_xyxy(photo)))

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_kept", "probabilities")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def _rel_xyxy(self, photo):
        height, width = photo.shape[:2]
        return None if self.box is None else abs_xyxy_to_rel_xyxy(self.box, width, height)

    def _photo(self) -> np.ndarray:
        """The photo, uint8 RGB [height, width, 3]."""
        photo, shape = getattr(self, "_kept", (None, (0, 0)))
        if photo is None:
            raise InputError(
                "this answer has kept no photo: localize and localize_batch keep it, and "
                "localize_many and stream keep the path of a file"
            )
        if isinstance(photo, np.ndarray):
            return photo
        pixels = read_photo(photo)
        if pixels.shape != shape:
            raise InputError(
                f"{photo}: is another photo now ({pixels.shape[1]} x {pixels.shape[0]} pixels, not "
                f"{shape[1]} x {shape[0]}); localize it again"
            )
        return pixels


def keeping(
    localization: Localization, photo: Any, pixels: np.ndarray, keep_pixels: bool
) -> Localization:
    """The answer, which now knows its photo: the path of a file, or pixels.

    Args:
        localization: the answer.
        photo: as the caller gave it.
        pixels: uint8 RGB [height, width, 3].
        keep_pixels: whether those of a photo that is no file are kept.
    """
    if isinstance(photo, (str, os.PathLike)):
        path = os.path.abspath(os.fspath(photo))
        object.__setattr__(localization, "_kept", (path, pixels.shape))
    elif keep_pixels:
        object.__setattr__(localization, "_kept", (pixels, pixels.shape))
    return localization


def with_probabilities(
    localization: Localization, classes: tuple[str, ...], probabilities: np.ndarray | None
) -> Localization:
    """The answer, which now knows the probabilities of the classes [number of classes], if any."""
    if probabilities is not None and np.isfinite(probabilities).all():
        object.__setattr__(localization, "_of_classes", (classes, probabilities.tolist()))
    return localization
