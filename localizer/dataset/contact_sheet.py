"""A picture that shows at a glance whether the labels of a dataset are right."""

import cv2
import numpy as np

from localizer.dataset.dataset import BOX_COLUMNS
from localizer.images.drawing import draw_boxes
from localizer.images.own_outputs import signed

COLUMNS, ROWS, CELL = 8, 6, 176
# Of the 48 photos, where some have no object.
MOST_EMPTY = 8


def write_contact_sheet(images, samples, path):
    """Draw 48 photos with their true boxes in green, from the smallest box to the largest.

    A few photos without an object come last, where there are any.

    Args:
        images: uint8 [N, S, S, 3], stretched photos.
        samples: their rows, with `width`, `height`, boxes in `rel_xyxy`, `category` and `split`.
        path: the JPEG to write.
    """
    boxes = samples[BOX_COLUMNS].to_numpy(float)
    by_area = np.argsort((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), kind="stable")
    is_empty = np.isnan(boxes[by_area]).any(axis=1)  # NaN is sorted to the end.
    empty = _spread(by_area[is_empty], MOST_EMPTY)
    chosen = np.concatenate([_spread(by_area[~is_empty], COLUMNS * ROWS - len(empty)), empty])
    rows = -(-len(chosen) // COLUMNS)
    sheet = np.full((rows * (CELL + 16), COLUMNS * CELL, 3), 255, np.uint8)
    for place, index in enumerate(chosen):
        sample = samples.iloc[index]
        photo = unstretched(images[index], sample, CELL - 2)
        has_object = np.isfinite(boxes[index]).all()
        photo = draw_boxes(photo, None, boxes[index])
        top, left = place // COLUMNS * (CELL + 16), place % COLUMNS * CELL
        sheet[top : top + photo.shape[0], left : left + photo.shape[1]] = photo
        named = (sample["category"] or sample["supercategory"]) if has_object else "no object"
        caption = f"{named} ({sample['split']})"
        caption = caption.encode("ascii", "replace").decode()[:30]
        cv2.putText(
            sheet,
            caption,
            (left + 2, top + CELL + 10),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.34,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    path.write_bytes(signed(encoded))


def _spread(rows, most):
    """At most so many of the rows, evenly spread over all."""
    count = min(most, len(rows))
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]


def unstretched(image, sample, longest_side):
    """The stored square of a row of samples at the photo's aspect ratio, uint8 [height, width, 3].

    Its longer side has `longest_side` pixels.
    """
    scale = longest_side / max(sample["width"], sample["height"])
    size = (max(8, round(sample["width"] * scale)), max(8, round(sample["height"] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
