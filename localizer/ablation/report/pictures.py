"""The images that tell most about two rows, with the boxes of both side by side."""

import pandas as pd

from localizer.dataset.contact_sheet import unstretched
from localizer.dataset.dataset import BOX_COLUMNS
from localizer.images.drawing import draw_boxes
from localizer.reporting.gallery import jpeg_uri

PER_GROUP = 4
LONGEST_SIDE = 320


def compare_pictures(rows, names, dataset):
    """Images on which two rows differ most, and those that are hardest and easiest for both.

    Args:
        rows: what `table.describe_rows` gives.
        names: of the two rows.
        dataset: the `Dataset` they were scored on; its stored images are drawn.

    Returns:
        List of (title, images), each image a dict: `name` and `pair`, per row a dict of `row`,
        `iou` (mean over its seeds), `uri` of a picture with the truth in green and a red box per
        seed, `width` and `height` in pixels. Empty when a row has no run.
    """
    runs = [next(row["runs"] for row in rows if row["name"] == name) for name in names]
    if not all(runs):
        return []
    seeds = [pd.DataFrame({run.seed: run.iou for run in of_row}).dropna() for of_row in runs]
    iou = pd.DataFrame({number: table.mean(axis=1) for number, table in enumerate(seeds)}).dropna()
    places = pd.Series(range(len(dataset.samples)), dataset.samples["image"])
    groups = []
    for title, images in _choose(iou, names):
        shown = [
            {
                "name": image,
                "pair": [
                    {
                        "row": name,
                        "iou": iou.at[image, number],
                        **_draw(dataset, places[image], image, runs[number]),
                    }
                    for number, name in enumerate(names)
                ],
            }
            for image in images
        ]
        groups.append((title, shown))
    return groups


def _choose(iou, names):
    """(title, images) of each group that has any; `iou` has columns 0 and 1."""
    ahead = iou[0] - iou[1]
    a, b = names
    groups = [
        (f"{a} furthest ahead of {b}", ahead[ahead > 0].nlargest(PER_GROUP)),
        (f"{b} furthest ahead of {a}", ahead[ahead < 0].nsmallest(PER_GROUP)),
        ("Hardest for both", iou.max(axis=1).nsmallest(PER_GROUP)),
        ("Easiest for both", iou.min(axis=1).nlargest(PER_GROUP)),
    ]
    return [(title, list(chosen.index)) for title, chosen in groups if len(chosen)]


def _draw(dataset, place, image, runs):
    sample = dataset.samples.iloc[place]
    truth = dataset.boxes_rel_xyxy[place]
    photo = draw_boxes(unstretched(dataset.images[place], sample, LONGEST_SIDE), None, truth)
    for run in runs:
        photo = draw_boxes(photo, run.boxes.loc[image, BOX_COLUMNS].to_numpy(float))
    return {"uri": jpeg_uri(photo), "width": photo.shape[1], "height": photo.shape[0]}
