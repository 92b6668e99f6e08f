"""The report folder: its files, its page, its pictures."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from localizer.evaluation import evaluate
from localizer.predictors.constant import constant_predictor
from localizer.reporting.figures import breed_bars
from localizer.reporting.page import write_report
from localizer.reporting.pictures import (
    PREDICTION_COLOUR,
    TRUTH_COLOUR,
    choose_rows,
    draw_boxes,
    shrink,
)
from tests.test_evaluation import FromTruth, half, make_dataset

HOSTILE = "<script>alert('x')</script> $a_b$ & \"c\""


class Page(HTMLParser):
    """Tags with their attributes, and all text outside scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def report(tmp_path, dataset, predictors, command="python evaluate_performance.py"):
    evaluation = evaluate(dataset, "test", predictors, progress=False)
    path = write_report(evaluation, dataset, tmp_path / "report", command)
    return evaluation, path, path.read_text(encoding="utf-8")


def test_files_hold_what_was_measured(tmp_path):
    dataset = make_dataset(tmp_path / "pets", count=22)
    predictors = [
        FromTruth("ours", dataset, half, label=lambda row: "dog"),
        constant_predictor("baseline:center", dataset),
    ]
    evaluation, path, html = report(tmp_path, dataset, predictors, "the command --x")
    written = json.loads((path.parent / "metrics.json").read_text())
    assert written == evaluation.metrics
    table = pd.read_csv(path.parent / "predictions.csv")
    assert len(table) == 40
    assert table["iou"].to_numpy() == pytest.approx(evaluation.predictions["iou"], abs=1e-5)
    pictures = sorted(p.name for p in (path.parent / "pictures").iterdir())
    assert len(pictures) == 36 and pictures[0] == "01-ours-best-1.jpg"
    assert not list(path.parent.rglob("*.partial"))
    text = " ".join(Page(html).text.split())
    for expected in (
        "Head localization on pets", "20 photos of the test split", "the command --x", "0.500",
        "ours beats baseline:center by", "of 20 photos",
        "No confidence scores from baseline:center",
    ):  # fmt: skip
        assert expected in text


def test_page_asks_for_nothing_outside_itself(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    _, _, html = report(tmp_path, dataset, [FromTruth("ours", dataset, half)])
    page = Page(html)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "data:").startswith(("data:", "#")), (tag, attributes)
    assert not re.search(r"@import|url\((?!#)", html)
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 9 and all(image["alt"] for image in images)


def test_names_are_escaped(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    dataset.samples["breed"] = HOSTILE
    hostile_photo = "<img src=x onerror=alert(1)>.png"
    (dataset.root / "5.png").rename(dataset.root / hostile_photo)
    dataset.samples.loc[5, "image"] = hostile_photo
    predictor = FromTruth(HOSTILE, dataset, half, label=lambda row: HOSTILE)
    _, _, html = report(tmp_path, dataset, [predictor], command=HOSTILE)
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert HOSTILE in page.text and hostile_photo in page.text
    svgs = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert len(svgs) == 4
    for svg in svgs:
        assert HOSTILE in Page(svg).text


def test_what_is_missing_is_said(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    dataset.samples[["species", "breed"]] = ""
    (dataset.root / "4.png").unlink()

    def silent(box, row):
        return np.full(4, np.nan)

    _, path, html = report(tmp_path, dataset, [FromTruth("mute", dataset, silent)])
    text = " ".join(Page(html).text.split())
    assert "1 photo could not be read" in text
    assert "mute gave no box for 9 of 9 photos" in text
    assert "names no species and no breed" in text
    assert not re.search(r"\b(nan|None|inf)\b", text)
    row = (path.parent / "predictions.csv").read_text().splitlines()[1]
    assert row.startswith("mute,2.png,,,,,")


def test_a_single_photo_makes_a_report(tmp_path):
    dataset = make_dataset(tmp_path / "pets", count=3)
    predictors = [FromTruth("a", dataset), FromTruth("b", dataset, half)]
    _, _, html = report(tmp_path, dataset, predictors)
    assert "Too few photos for an interval" in Page(html).text


def test_breed_bars_show_each_interval():
    groups = [
        {"group": "pug", "n": 9, "mean_iou": 0.5, "ci95": [0.25, 0.75]},
        {"group": "boxer", "n": 1, "mean_iou": 1.0, "ci95": [None, None]},
    ]
    svg = breed_bars({"per_breed": groups})
    assert "pug (9)" in svg and "boxer (1)" in svg
    ends = [
        [float(x) for x in re.findall(r"[ML] ([\d.]+)", path)]
        for path in re.findall(r'id="LineCollection_1">.*?</g>', svg, flags=re.DOTALL)
    ]
    # The bar of IoU 1 is as wide as the axes: 0.25 to 0.75 is half of it, and only pug has a line.
    bar = re.search(r'id="patch_4">\s*<path d="([^"]*)"', svg)[1]
    xs = [float(x) for x in re.findall(r"[ML] ([\d.]+)", bar)]
    assert len(ends[0]) == 2
    assert ends[0][1] - ends[0][0] == pytest.approx((max(xs) - min(xs)) / 2, rel=0.01)


def test_second_report_replaces_the_first(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    report(tmp_path, dataset, [FromTruth("alpha", dataset)])
    own = tmp_path / "report" / "pictures" / "mine.jpg"
    own.write_bytes(b"not of the report")
    _, _, html = report(tmp_path, dataset, [FromTruth("beta", dataset)])
    names = {p.name for p in own.parent.iterdir()}
    assert "alpha" not in html and own.name in names
    assert not any("alpha" in name for name in names)


def test_boxes_are_drawn_where_they_are():
    photo = np.full((200, 400, 3), 90, np.uint8)
    drawn = draw_boxes(photo, [0.5, 0.5, 0.75, 0.75], [0.25, 0.5, 0.4, 0.75])
    for colour, column in ((PREDICTION_COLOUR, 0.5), (TRUTH_COLOUR, 0.25)):
        found = np.argwhere((drawn == colour).all(axis=2))
        assert found.min(axis=0) == pytest.approx([100, 400 * column], abs=3)
        assert found[:, 0].max() == pytest.approx(150, abs=3)
    assert (photo == 90).all()
    blank = draw_boxes(photo, [np.nan] * 4)
    assert (blank == photo).all()


def test_shrink_keeps_the_aspect_and_never_enlarges():
    assert shrink(np.zeros((1000, 500, 3), np.uint8), 360).shape == (360, 180, 3)
    assert shrink(np.zeros((20, 10, 3), np.uint8), 360).shape == (20, 10, 3)


def test_galleries_hold_best_median_and_worst():
    chosen = choose_rows(np.array([0.5, 0.1, 0.9, 0.7, 0.3, 0.6, 0.2]), count=2)
    assert {kind: rows.tolist() for kind, rows in chosen.items()} == {
        "best": [2, 3], "median": [5, 0], "worst": [1, 6],
    }  # fmt: skip
    assert {len(rows) for rows in choose_rows(np.array([0.4]), count=6).values()} == {1}
