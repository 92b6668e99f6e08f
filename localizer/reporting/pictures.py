"""Boxes drawn on photos, and the galleries of best, median and worst answers."""

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from localizer import boxes
from localizer.atomic_files import replacing

# RGB. Apart in brightness too, for eyes that confuse red and green.
PREDICTION_COLOUR = (235, 30, 45)
TRUTH_COLOUR = (70, 225, 110)
_DARK = (20, 20, 20)
_WHITE = (255, 255, 255)
LONGEST_SIDE = 360


@dataclass(frozen=True)
class Picture:
    """A photo with its boxes, as a JPEG file.

    Attributes:
        path: the file.
        image: the photo below the source's root.
        caption: IoU, and label and score where the model gives them.
    """

    path: Path
    image: str
    caption: str


def draw_boxes(photo, prediction_rel_xyxy, truth_rel_xyxy=None, text=""):
    """A copy of the photo with the prediction in red and the truth in green.

    Args:
        photo: uint8 RGB, [height, width, 3].
        prediction_rel_xyxy, truth_rel_xyxy: [4]; None or a box with NaN is not drawn.
        text: one short line of ASCII in the upper left corner.

    Returns:
        uint8 RGB of the same shape.
    """
    height, width = photo.shape[:2]
    canvas = np.ascontiguousarray(photo).copy()
    thickness = max(2, round(max(height, width) / 130))
    for box, colour in ((truth_rel_xyxy, TRUTH_COLOUR), (prediction_rel_xyxy, PREDICTION_COLOUR)):
        if box is None or not np.isfinite(box).all():
            continue
        corners = np.rint(boxes.rel_xyxy_to_abs_xyxy(box, width - 1, height - 1)).astype(int)
        low, high = corners[:2].tolist(), corners[2:].tolist()
        # The dark rim keeps the line visible on a background of its own colour.
        cv2.rectangle(canvas, low, high, _DARK, thickness + 2)
        cv2.rectangle(canvas, low, high, colour, thickness)
    if text:
        _write(canvas, text)
    return canvas


def _write(canvas, text):
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.4, max(canvas.shape[:2]) / 550)
    thickness = max(1, round(scale * 1.5))
    (width, height), below = cv2.getTextSize(text, font, scale, thickness)
    margin = height // 2
    cv2.rectangle(canvas, (0, 0), (width + 2 * margin, height + below + margin), _DARK, cv2.FILLED)
    cv2.putText(
        canvas, text, (margin, height + margin), font, scale, _WHITE, thickness, cv2.LINE_AA
    )


def shrink(photo, longest_side):
    """The photo at a size whose longer side has at most `longest_side` pixels, same aspect."""
    factor = longest_side / max(photo.shape[:2])
    if factor >= 1:
        return photo
    size = [max(1, round(side * factor)) for side in (photo.shape[1], photo.shape[0])]
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA)


def choose_rows(iou, count):
    """Positions of the best, the median and the worst `count` IoU values, no position twice.

    Fewer than `count` where there are not three times as many values, at least one.

    Returns:
        dict of int arrays: "best" (falling IoU), "median" (falling), "worst" (rising).
    """
    falling = np.argsort(-np.asarray(iou), kind="stable")
    count = min(count, max(1, len(falling) // 3))
    middle = (len(falling) - count) // 2
    return {
        "best": falling[:count],
        "median": falling[middle : middle + count],
        "worst": falling[::-1][:count],
    }


def write_galleries(evaluation, dataset, folder, count=6):
    """Draw the best, median and worst answers of each model into JPEG files.

    Pictures of an earlier report in the same folder are removed; other files stay.

    Returns:
        {model name: {"best" | "median" | "worst": [Picture, ...]}}.

    Raises:
        InputError: a photo has become unreadable since the evaluation.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if re.fullmatch(r"\d\d-.*-(best|median|worst)-\d+\.jpg", old.name):
            old.unlink()
    galleries = {}
    for number, model in enumerate(evaluation.metrics["models"], start=1):
        predictions = evaluation.predictions_of(model["name"])
        stem = f"{number:02d}-" + re.sub(r"[^A-Za-z0-9._]+", "-", model["name"])[-60:]
        galleries[model["name"]] = {
            kind: [
                _write_picture(
                    folder / f"{stem}-{kind}-{place}.jpg",
                    dataset,
                    evaluation.rows[position],
                    predictions.iloc[position],
                )
                for place, position in enumerate(positions, start=1)
            ]
            for kind, positions in choose_rows(predictions["iou"], count).items()
        }
    return galleries


def _write_picture(path, dataset, row, prediction):
    box = prediction[["xmin", "ymin", "xmax", "ymax"]].to_numpy(np.float32)
    photo = shrink(dataset.read_photo(row), LONGEST_SIDE)
    drawn = draw_boxes(photo, box, dataset.boxes_rel_xyxy[row], text=f"IoU {prediction['iou']:.2f}")
    # Full colour resolution (4:4:4): JPEG's usual half would dull lines this thin.
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    options = [cv2.IMWRITE_JPEG_QUALITY, 85, *sampling]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), options)
    with replacing(path) as partial:
        partial.write_bytes(jpeg.tobytes())
    caption = f"IoU {prediction['iou']:.2f}" if np.isfinite(box).all() else "no box"
    if prediction["label"]:
        caption += f", {prediction['label']}"
    if np.isfinite(prediction["score"]):
        caption += f", score {prediction['score']:.2f}"
    return Picture(path, prediction["image"], caption)
