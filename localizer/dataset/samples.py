"""One photo and its annotation as a row of samples.csv, or the reason why it is none."""

from localizer.dataset.dataset import BOX_COLUMNS
from localizer.errors import InputError
from localizer.images.boxes import usable_rel_xyxy
from localizer.images.frames import QUARTER_TURNS, turn_rel_xyxy
from localizer.sources.pixels import below_one_pixel


def checked_box(box_rel_xyxy):
    """The box as columns of samples.csv, clipped to the image, and whether that cut anything off.

    Raises:
        InputError: the box is unusable.
    """
    xmin, ymin, xmax, ymax = usable_rel_xyxy(box_rel_xyxy).tolist()
    clipped = not -1e-6 <= min(box_rel_xyxy) <= max(box_rel_xyxy) <= 1 + 1e-6
    return {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax, "clipped": clipped}


def _sample(record, frames, frame):
    """A row of samples.csv without group and split, as the photo is shown."""
    size = (record.width, record.height) if record.width else frames.of(frame.name)
    box = record.box_rel_xyxy
    if frame.name == "stored":
        box = box and turn_rel_xyxy(box, frames.orientation)
        size = size[::-1] if frames.orientation in QUARTER_TURNS else size
    sample = {
        "image": record.image,
        "width": size[0],
        "height": size[1],
        "supercategory": record.supercategory,
        "category": record.category,
    }
    if record.is_empty:
        sample |= {**dict.fromkeys(BOX_COLUMNS, float("nan")), "clipped": False, "empty": True}
    elif box is not None:
        sample |= checked_box(box)
        if below_one_pixel([sample[side] for side in BOX_COLUMNS], size):
            raise InputError("the box is below one pixel: are these parts of the image's size?")
    if record.score is not None:
        sample["score"] = record.score
    return sample
