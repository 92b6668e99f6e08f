"""The report folder: its files, its page, its pictures."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from localizer.errors import InputError
from localizer.evaluation.crop_labels import with_crop_labels
from localizer.evaluation.evaluate import evaluate
from localizer.images.drawing import (
    PREDICTION_COLOUR,
    TRUTH_COLOUR,
    draw_boxes,
    shrink,
)
from localizer.predictors.constant import constant_predictor
from localizer.reporting.figures import category_bars
from localizer.reporting.gallery import Thumbnails
from localizer.reporting.page import prepare_folder, write_comparison
from localizer.reporting.section import describe_section
from localizer.reporting.wording import difference_sentence
from tests.evaluation.test_evaluate import FromTruth, half, make_dataset

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
    evaluation = evaluate(dataset, predictors, "test", progress=False)
    path = write_comparison([(evaluation, dataset)], tmp_path / "report", command)
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
    files = sorted(p.name for p in path.parent.iterdir())
    assert files == ["metrics.json", "predictions.csv", "report.html"]
    text = " ".join(Page(html).text.split())
    for expected in (
        "Head localization on pets",
        "20 photos of the test split",
        "the command --x",
        "0.500",
        "ours beats baseline:center by",
        "of 20 photos",
        "No confidence scores from baseline:center",
    ):
        assert expected in text


def test_page_asks_for_nothing_outside_itself(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    _, _, html = report(tmp_path, dataset, [FromTruth("ours", dataset, half)])
    page = Page(html)
    assert not {"link", "iframe", "img"} & {tag for tag, _ in page.tags}
    assert all("src" not in attributes for tag, attributes in page.tags if tag == "script")
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "data:").startswith(("data:", "#")), (tag, attributes)
    assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest", html)
    assert "default-src 'none'" in html


def test_thumbnails_hold_each_photo_once_for_all_sections(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    evaluation = evaluate(dataset, [FromTruth("ours", dataset, half)], "test", progress=False)
    thumbnails = Thumbnails()
    sections = [describe_section(evaluation, dataset, thumbnails)["gallery"] for _ in range(2)]
    assert len(thumbnails.entries) == 10
    for photos in (section["photos"] for section in sections):
        for row, photo in enumerate(photos, start=2):
            uri, width, height = thumbnails.entries[photo["photo"]]
            decoded = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
            assert decoded.size == (width, height) == (40, 20)
            assert decoded.getpixel((20, 10))[0] == pytest.approx(row, abs=6)
            truth = dataset.boxes_rel_xyxy[row]
            assert photo["truth"] == pytest.approx(1000 * truth, abs=0.51)
            assert photo["boxes"][0] == pytest.approx(1000 * half(truth.copy(), row), abs=0.51)
            assert photo["iou"] == [pytest.approx(0.5, abs=1e-4)]


def test_several_datasets_make_one_page_and_a_folder_each(tmp_path):
    parts = []
    for target in ("head", "body"):
        dataset = make_dataset(tmp_path / f"pets-{target}")
        dataset.description["target"] = target
        predictors = [FromTruth("ours", dataset, half), FromTruth("b", dataset)]
        parts.append((evaluate(dataset, predictors, "test", progress=False), dataset))
    page = write_comparison(parts, tmp_path / "out", "command")
    for target in ("head", "body"):
        metrics = json.loads((page.parent / f"pets-{target}" / "metrics.json").read_text())
        assert metrics["target"] == target
        assert (page.parent / f"pets-{target}" / "predictions.csv").is_file()
    assert not (page.parent / "metrics.json").exists()
    html = page.read_text(encoding="utf-8")
    targets = [a["data-target"] for tag, a in Page(html).tags if tag == "section"]
    assert targets == ["head", "body"]
    # Every figure and every table says which target it is of.
    for section, target in zip(html.split("<section")[1:], targets):
        titles = re.findall(r"<h4>(.*?)</h4>", section.partition("By size of")[0])
        assert len(titles) == 6 and all(f"({target})" in title for title in titles)
        heads = re.findall(r"<thead><tr><th>(mean .*?)<th>", section)
        assert len(heads) == 3 and all(f"mean {target} IoU" in head for head in heads)
        assert f"Models on {target} boxes" in section


def test_datasets_of_one_name_are_refused(tmp_path):
    datasets = [make_dataset(tmp_path / folder / "pets") for folder in "ab"]
    with pytest.raises(InputError, match="pets: two datasets of this name"):
        prepare_folder(tmp_path / "out", datasets)
    assert prepare_folder(tmp_path / "out", datasets[:1]).is_dir()
    (tmp_path / "out" / "dataset.json").touch()
    with pytest.raises(InputError, match="holds a dataset.json"):
        prepare_folder(tmp_path / "out", datasets[:1])


def test_a_folder_of_photos_is_no_place_for_a_report(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "rex.jpg").touch()
    with pytest.raises(InputError, match=r"holds other files \(rex.jpg\).*--out"):
        prepare_folder(tmp_path / "photos", [dataset])
    # An older report, or what was left of one, is replaced.
    for name in ("metrics.json", "report.html", "notes.txt"):
        (tmp_path / "old").mkdir(exist_ok=True)
        (tmp_path / "old" / name).touch()
        prepare_folder(tmp_path / "old", [dataset])


def test_every_pair_is_there_both_ways(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    names = {"perfect": lambda box, row: box, "half": half, "mute": lambda box, row: [np.nan] * 4}
    predictors = [FromTruth(name, dataset, change) for name, change in names.items()]
    evaluation = evaluate(dataset, predictors, "test", progress=False)
    matrix = dict(describe_section(evaluation, dataset, Thumbnails())["matrix"])
    mean = {"perfect": 1.0, "half": 0.5, "mute": 0.0}
    for row in names:
        for column, cell in zip(names, matrix[row]):
            if row == column:
                assert cell is None
                continue
            assert cell["mean"] == pytest.approx(mean[row] - mean[column], abs=1e-6)
            assert cell["ci95"][0] <= cell["mean"] + 1e-9 and cell["mean"] <= cell["ci95"][1] + 1e-9
            assert cell["verdict"] == ("ahead" if mean[row] > mean[column] else "behind")


def test_differences_name_the_better_model():
    versus = {"model": "a", "mean_difference": -0.1, "ci95": [-0.15, -0.05], "n": 9}
    versus |= {"wins": 2, "ties": 1, "losses": 6}
    better, rest = difference_sentence({"name": "b", "versus_first": versus})
    assert better == "a" and "beats b by 0.100 (95 % interval 0.050 to 0.150)" in rest
    assert "better on 6, equal on 1 and worse on 2 of 9 photos" in rest
    better, rest = difference_sentence(
        {"name": "b", "versus_first": versus | {"ci95": [-0.3, 0.1]}}
    )
    assert "is not clearly ahead of b" in rest
    lonely = versus | {"mean_difference": None, "ci95": [None, None], "n": 0}
    assert "share no photo" in difference_sentence({"name": "b", "versus_first": lonely})[1]


def test_left_out_photos_and_notes_are_said(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    seen = FromTruth("seen", dataset, half)
    seen.seen_categories, seen.notes = frozenset({"pug"}), ("boxes <whole> animals",)
    _, _, html = report(tmp_path, dataset, [FromTruth("ours", dataset), seen])
    text = " ".join(Page(html).text.split())
    assert (
        "seen was trained on photos of pug: the 3 photos of these categories are left out" in text
    )
    assert "over 7 of 10 photos" in text
    assert "seen: boxes <whole> animals" in text
    assert "of 7 photos." in text


class Colours:
    """A classifier that tells even rows from odd ones by the red of the crop."""

    labels = ("Cat", "Cat food")

    def classify(self, crops):
        return np.array([[0.5, 0.1] if crop[0, 0, 0] % 2 else [0.1, 0.5] for crop in crops])


def test_labels_of_the_crops_are_on_the_page(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    predictors = [FromTruth("ours", dataset), constant_predictor("baseline:center", dataset)]
    evaluation = evaluate(dataset, predictors, "test", progress=False)
    labelled = with_crop_labels(evaluation, dataset, Colours(), "hub:colours", margin=0.25)
    summary = labelled.metrics["labeler"]
    makers = [maker["name"] for maker in summary["box_makers"]]
    assert makers == ["truth", "ours", "baseline:center", "whole photo"]
    # Cats are rows 3, 6 and 9; two of them are odd.
    assert summary["n_cats"] == 3 and summary["box_makers"][0]["cats_rank_1"] == pytest.approx(
        2 / 3
    )
    page = write_comparison([(labelled, dataset)], tmp_path / "out", "command")
    text = " ".join(page.read_text().split())
    assert "What hub:colours says of the crops, head boxes" in text
    assert "each box is widened by 25.0% of its sides" in text
    assert "labeler" not in evaluation.metrics


def test_names_are_escaped(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    dataset.samples["category"] = HOSTILE
    hostile_photo = "</script><img src=x onerror=alert(1)>.png"
    (dataset.root / hostile_photo).parent.mkdir()
    (dataset.root / "5.png").rename(dataset.root / hostile_photo)
    dataset.samples.loc[5, "image"] = hostile_photo
    predictor = FromTruth(HOSTILE, dataset, half, label=lambda row: HOSTILE)
    _, _, html = report(tmp_path, dataset, [predictor], command=HOSTILE)
    page = Page(html)
    # The photos, the section's data, and the page's own script.
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert HOSTILE in page.text
    data = json.loads(re.search(r'data-role="data">(.*?)</script>', html, flags=re.DOTALL)[1])
    assert [photo["name"] for photo in data["photos"]][3] == hostile_photo
    assert data["models"][0]["name"] == data["photos"][0]["category"] == HOSTILE
    assert "onerror=alert" not in re.sub(r"<script type.*?</script>", "", html, flags=re.DOTALL)
    svgs = re.findall(r'<svg (?!class="bar").*?</svg>', html, flags=re.DOTALL)
    assert len(svgs) == 5
    for svg in svgs:
        assert HOSTILE in Page(svg).text


def test_what_is_missing_is_said(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    dataset.samples[["supercategory", "category"]] = ""
    (dataset.root / "4.png").unlink()

    def silent(box, row):
        return np.full(4, np.nan)

    _, path, html = report(tmp_path, dataset, [FromTruth("mute", dataset, silent)])
    text = " ".join(Page(html).text.split())
    assert "1 photo could not be read" in text
    assert "mute gave no box for 9 of 9 photos" in text
    assert "names no supercategory and no category" in text
    assert not re.search(r"\b(nan|None|inf)\b", text)
    row = (path.parent / "predictions.csv").read_text().splitlines()[1]
    assert row.startswith("mute,2.png,,,,,")


def test_a_single_photo_makes_a_report(tmp_path):
    dataset = make_dataset(tmp_path / "pets", count=3)
    predictors = [FromTruth("a", dataset), FromTruth("b", dataset, half)]
    _, _, html = report(tmp_path, dataset, predictors)
    assert "Too few photos for an interval" in Page(html).text


def test_category_bars_show_each_interval():
    groups = [
        {"group": "pug", "n": 9, "mean_iou": 0.5, "ci95": [0.25, 0.75]},
        {"group": "boxer", "n": 1, "mean_iou": 1.0, "ci95": [None, None]},
    ]
    svg = category_bars([{"name": "ours", "per_category": groups}])
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
    own = tmp_path / "report" / "mine.jpg"
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
