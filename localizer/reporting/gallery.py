"""The data of the page's gallery: each photo once, small, and the boxes to draw over it."""

import base64

import cv2
import numpy as np

from localizer.evaluation import iou_statistics
from localizer.images import boxes
from localizer.images.colours import model_colour
from localizer.images.drawing import draw_boxes, shrink

LONGEST_SIDE = 192
JPEG_QUALITY = 70
# Photos without an object that are shown for each model.
_MOST_ALARMS = 6


class Thumbnails:
    """Photos as small JPEGs, each one once though several sections show it.

    Attributes:
        entries: [data URI, width, height] of each, in the order in which they were asked for.
    """

    def __init__(self):
        self.entries = []
        self._numbers = {}

    def number(self, dataset, row):
        """Place in `entries` of the photo of a dataset's row.

        Raises:
            InputError: the photo has become unreadable.
        """
        key = str(dataset.path_of(row))
        if key not in self._numbers:
            self._numbers[key] = len(self.entries)
            self.entries.append(_entry(dataset.read_photo(row)))
        return self._numbers[key]


def _entry(photo):
    small = shrink(photo, LONGEST_SIDE)
    return [jpeg_uri(small), small.shape[1], small.shape[0]]


def jpeg_uri(photo):
    """A uint8 RGB photo as the data URI of a JPEG."""
    bgr = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def gallery_data(evaluation, dataset, thumbnails):
    """What the page's script needs to show all photos of a section.

    Args:
        evaluation: an `Evaluation`.
        dataset: the `Dataset` it was made on.
        thumbnails: `Thumbnails`, to which the photos are added.

    Returns:
        JSON-ready dict: `tie` (the least difference that counts), `models` (name, colour) and
        `photos`, each with `photo` (place among the thumbnails), `name`, `supercategory`,
        `category`, `area` of the true box in % of the photo, `size` (its third: small, medium,
        large) and `truth`; `boxes` and `iou` hold one entry per model. Boxes are `rel_xyxy` in
        thousandths, None for no box; an IoU is None where the model is not scored on the photo.
    """
    names = [model["name"] for model in evaluation.metrics["models"]]
    samples = dataset.samples.iloc[evaluation.rows]
    true_rel_xyxy = dataset.boxes_rel_xyxy[evaluation.rows]
    areas = boxes.area_xyxy(true_rel_xyxy)
    photos = [
        {
            "photo": thumbnails.number(dataset, row),
            "name": image,
            "supercategory": supercategory,
            "category": category,
            "area": round(100 * float(area), 1),
            "size": size.split(":")[0],
            "truth": _thousandths(truth),
            "boxes": [None] * len(names),
            "iou": [None] * len(names),
        }
        for row, image, supercategory, category, area, size, truth in zip(
            evaluation.rows,
            samples["image"],
            samples["supercategory"],
            samples["category"],
            areas,
            iou_statistics.size_thirds(areas),
            true_rel_xyxy,
        )
    ]
    for number, name in enumerate(names):
        predictions = evaluation.predictions_of(name)
        found = predictions[["xmin", "ymin", "xmax", "ymax"]].to_numpy()
        for position, box, iou in zip(predictions.index, found, predictions["iou"]):
            photos[position]["boxes"][number] = _thousandths(box)
            photos[position]["iou"][number] = round(float(iou), 6)
    models = [{"name": name, "colour": model_colour(i)} for i, name in enumerate(names)]
    return {"models": models, "photos": photos, "tie": iou_statistics.TIE}


def worst_false_alarms(evaluation, dataset):
    """The photos without an object that each model is surest of, with the box it gives.

    Returns:
        A list with, for each model that has scores: its name, and a list of (data URI of the photo
        with the box, score, name of the photo), the highest score first.
    """
    found = []
    for model in evaluation.metrics["models"] if len(evaluation.empty_rows) else ():
        alarms = evaluation.false_alarms_of(model["name"])[:_MOST_ALARMS]
        if model["presence"] and len(alarms):
            shown = [
                (_with_box(dataset, evaluation, alarm), alarm.score, alarm.image)
                for alarm in alarms.itertuples()
            ]
            found.append((model["name"], shown))
    return found


def _with_box(dataset, evaluation, alarm):
    row = evaluation.empty_rows[alarm.Index - len(evaluation.rows)]
    small = shrink(dataset.read_photo(row), LONGEST_SIDE)
    box_rel_xyxy = np.array([alarm.xmin, alarm.ymin, alarm.xmax, alarm.ymax])
    return jpeg_uri(draw_boxes(small, box_rel_xyxy, None))


def _thousandths(box_rel_xyxy):
    if not np.isfinite(box_rel_xyxy).all():
        return None
    return np.rint(np.asarray(box_rel_xyxy) * 1000).astype(int).tolist()
