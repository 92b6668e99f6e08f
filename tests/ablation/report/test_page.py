"""The page of an ablation: its files by hand, and the page itself in a real headless Chromium."""

import base64
import itertools
import json
import re
from dataclasses import replace
from html import escape as html_escape
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from localizer.ablation.plan import Plan, Row
from localizer.ablation.report.page import short_commit, write_ablation_page
from localizer.ablation.report.pictures import compare_pictures
from localizer.ablation.report.results import RunResult
from localizer.ablation.report.table import describe_rows
from localizer.dataset.dataset import BOX_COLUMNS, COLUMNS, open_dataset
from localizer.files.checksums import sha256_of
from localizer.images.boxes import iou_xyxy
from localizer.recipe.config import TrainingConfig
from localizer.reporting.formatting import duration
from tests.export.phone import overflowing, show_on_a_phone

HOSTILE = "</script><img src=x onerror=alert(1)>$x_2"
COUNT = 40


def make_dataset_folder(folder):
    """40 grey images, stretched from 40 x 20 pixels; the first two are for training."""
    folder.mkdir(parents=True)
    images = np.full((COUNT, 16, 16, 3), 128, np.uint8)
    np.save(folder / "images.npy", images)
    rows = [
        (f"{i}.png", "train" if i < 2 else "validation", 40, 20, 0.2, 0.2, 0.8, 0.7, "", "", f"{i}")
        for i in range(COUNT)
    ]
    rows[5] = (HOSTILE, *rows[5][1:])
    pd.DataFrame(rows, columns=COLUMNS).to_csv(folder / "samples.csv", index=False)
    checksums = {name: sha256_of(folder / name) for name in ("samples.csv", "images.npy")}
    description = {"source": "test", "target": "head", "root": ".", "sha256": checksums}
    (folder / "dataset.json").write_text(json.dumps(description))
    return open_dataset(folder)


def make_plan(folder, data, metric="mean_iou", pictures=None, minutes=None):
    changes = {"base": {}, "better": {"box_loss": "mse"}, HOSTILE: {"augmentation.flip": HOSTILE}}
    changes |= {"same": {}, "missing": {"alpha": 0.5}}
    rows = tuple(Row(name, changed, TrainingConfig()) for name, changed in changes.items())
    text = f"seeds: [0, 1, 2]  # {HOSTILE}\n"
    return Plan(
        folder / "plan.yaml",
        data,
        rows,
        (0, 1, 2),
        minutes,
        "validation",
        metric,
        "base",
        pictures,
        text,
    )


def make_results(dataset, plan):
    """Boxes that are off by some share of the image: least for "better", most for HOSTILE."""
    random = np.random.default_rng(0)
    rows = dataset.indices("validation")
    truth = dataset.boxes_rel_xyxy[rows].astype(float)
    names = dataset.samples["image"].to_numpy()[rows]
    hardness = np.linspace(0.5, 1.5, len(rows))
    results = []
    for row, off in {"base": 0.1, "better": 0.05, HOSTILE: 0.15, "same": 0.1}.items():
        for seed in plan.seeds[: 2 if row == HOSTILE else None]:
            shift = off * hardness + random.normal(0, 0.004, len(rows))
            boxes = truth + shift[:, None] * [1, 0, 1, 0]
            iou = pd.Series(iou_xyxy(truth, boxes), names)
            metrics = {
                "mean_iou": iou.mean(),
                "success": {"0.5": 0.5},
                "parameters": 289460,
                "macs": 14_400_512,
                "training_seconds": 90.0 + seed,
                "best_epoch": 3,
                "epochs": 4,
            }
            history = pd.DataFrame(
                {"epoch": [1, 2, 3, 4], "val_iou": iou.mean() * np.arange(4) / 3}
            )
            environment = {"commit": HOSTILE, "backend": "tensorflow"}
            results.append(
                RunResult(
                    row,
                    seed,
                    Path("runs") / f"{len(results)}",
                    metrics,
                    iou,
                    pd.DataFrame(boxes, names, BOX_COLUMNS),
                    history,
                    environment,
                    f"python train_model.py --seed {seed} --run '{row}'",
                )
            )
    return results


FAILURES = [{"row": HOSTILE, "seed": 2, "log": f"epoch 3\nerror: {HOSTILE}"}]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The dataset, plan, results and folder of an ablation with a page."""
    folder = tmp_path_factory.mktemp("ablation")
    dataset = make_dataset_folder(folder / "pets")
    plan = make_plan(folder, dataset.path, pictures=("base", HOSTILE))
    results = make_results(dataset, plan)
    page = write_ablation_page(plan, results, FAILURES, folder / "out", f"the command {HOSTILE}")
    assert page == folder / "out" / "report.html"
    return dataset, plan, results, folder / "out"


def test_files_say_what_the_runs_say(parts):
    _, plan, results, out = parts
    runs, rows = pd.read_csv(out / "results.csv"), pd.read_csv(out / "rows.csv")
    described = json.loads((out / "results.json").read_text())
    assert len(runs) == len(results) == len(described["runs"]) == 11
    assert rows["row"].tolist() == [row.name for row in plan.rows]
    rows, by_seed = (
        rows.set_index("row"),
        runs.pivot(index="seed", columns="row", values="mean_iou"),
    )
    for name in ("base", "better", HOSTILE, "same"):
        assert rows.at[name, "mean"] == pytest.approx(by_seed[name].mean(), abs=1e-5)
        assert rows.at[name, "mean_iou"] == pytest.approx(by_seed[name].mean(), abs=1e-5)
        apart = (by_seed[name] - by_seed["base"]).mean()  # of the seeds that both have
        if name != "base":
            assert rows.at[name, "difference_mean"] == pytest.approx(apart, abs=1e-5)
    assert rows["seeds"].tolist() == [3, 3, 2, 3, 0]
    assert rows["verdict"].fillna("").tolist()[:2] == ["", "better"]
    assert json.loads(rows.at["better", "changes"]) == {"box_loss": "mse"}
    assert described["rows"][4]["mean"] is None and described["rows"][0]["p_value"] is None
    assert described["plan"]["text"] == plan.text and described["failures"] == FAILURES
    assert runs["success_0.5"].eq(0.5).all() and runs["command"].str.startswith("python").all()


def test_steps_are_shown_in_their_order_each_against_the_one_before(parts, tmp_path):
    dataset, plan, results, _ = parts
    order = ["base", "missing", HOSTILE, "same", "better"]
    rows = [next(row for row in plan.rows if row.name == name) for name in order]
    rows = [row for row in rows if row.name != "missing"]
    steps = replace(plan, rows=tuple(rows), steps=True, pictures=None)
    page = write_ablation_page(steps, results, [], tmp_path, "c")
    html = page.read_text()
    names = re.findall(r'<th scope="row" data-value="([^"]*)"', html)
    assert names == ["base", html_escape(HOSTILE), "same", "better"]
    assert "difference from the step before" in html and "the start" in html
    assert "aria-sort" not in html.partition("<tbody>")[0].partition("<table")[2]
    table = pd.read_csv(tmp_path / "rows.csv").set_index("row")
    by_seed = pd.read_csv(tmp_path / "results.csv").pivot(
        index="seed", columns="row", values="mean_iou"
    )
    assert table["compared_with"].fillna("").tolist() == ["", "base", HOSTILE, "same"]
    for before, name in itertools.pairwise(["base", HOSTILE, "same", "better"]):
        apart = (by_seed[name] - by_seed[before]).mean()
        assert table.at[name, "difference_mean"] == pytest.approx(apart, abs=1e-5)
        apart = (by_seed[name] - by_seed["base"]).mean()
        assert table.at[name, "since_start_mean"] == pytest.approx(apart, abs=1e-5)
    gained = (by_seed["better"] - by_seed["base"]).mean()
    assert f"+{gained:.3f} (" in html.partition("<h2>Rows")[0]
    assert (table.at[HOSTILE, "verdict"], table.at["same", "verdict"]) == ("worse", "better")


def test_page_without_runs_with_one_seed_and_without_the_baseline(parts, tmp_path):
    dataset, plan, results, _ = parts
    html = write_ablation_page(plan, [], [], tmp_path / "none", "c").read_text()
    assert "No run has finished yet" in html and "0 of 15 runs" in html
    assert pd.read_csv(tmp_path / "none" / "results.csv").empty
    one = [run for run in results if run.seed == 1]
    html = write_ablation_page(plan, one, [], tmp_path / "one", "c").read_text()
    assert "one seed: nothing is known about new trainings" in html and "comparisons" not in html
    without = [run for run in results if run.row != "base"]
    html = write_ablation_page(plan, without, [], tmp_path / "without", "c").read_text()
    assert "no seed in common with base" in html and "Pictures" not in html
    success = make_plan(tmp_path, dataset.path, metric="success_0.75", minutes=5.0)
    html = write_ablation_page(success, results, [], tmp_path / "success", "c").read_text()
    assert "share of images with IoU ≥ 0.75" in html and "<th>mean IoU" in html
    assert "5 minutes of training a run" in html


def test_pictures_are_those_that_differ_and_show_the_boxes(parts):
    dataset, plan, results, _ = parts
    rows = describe_rows(plan, results)
    groups = dict(compare_pictures(rows, ("base", "better"), dataset))
    iou = {
        row["name"]: pd.DataFrame([run.iou for run in row["runs"]]).mean()
        for row in rows
        if row["runs"]
    }
    ahead = iou["better"] - iou["base"]
    found = groups["better furthest ahead of base"]
    assert [image["name"] for image in found] == list(ahead.sort_values().index[-4:][::-1])
    turned = dict(compare_pictures(rows, ("better", "base"), dataset))
    assert [image["name"] for image in turned["better furthest ahead of base"]] == [
        image["name"] for image in found
    ]
    assert groups["Hardest for both"][0]["name"] == iou["better"].idxmin()
    assert groups["Easiest for both"][0]["name"] == iou["base"].idxmax()
    assert "base furthest ahead of better" not in groups  # It is on no image.
    base, better = found[0]["pair"]
    assert (base["row"], better["row"]) == ("base", "better")
    assert better["iou"] == pytest.approx(iou["better"][found[0]["name"]])
    assert (base["width"], base["height"]) == (320, 160)
    jpeg = base64.b64decode(base["uri"].partition(",")[2])
    photo = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
    # At the true left side, 0.2, it is green; further right, where the answers are, it is red.
    blue, green, red = photo[70:90].mean(axis=0).T
    assert abs(int((green - red).argmax()) - 0.2 * 320) <= 3
    answer = next(r for r in results if r.row == "base").boxes.loc[found[0]["name"], "xmin"]
    assert abs(int((red - green)[:160].argmax()) - answer * 320) <= 8


def test_formats_by_hand():
    assert [duration(s) for s in (None, 89, 90, 614.6, 9000)] == [
        "–",
        "89 s",
        "1.5 min",
        "10 min",
        "2.5 h",
    ]
    assert short_commit("0123456789+changes") == "0123456 +changes"
    assert (short_commit("0123456789"), short_commit(None)) == ("0123456", "–")


@pytest.fixture
def page(browser, parts):
    """The loaded page; whatever it complains of or asks for fails the test."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(600_000)
    complaints = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
    address = (parts[3] / "report.html").as_uri()
    opened.on(
        "request",
        lambda r: r.url == address or r.url.startswith("data:") or complaints.append(r.url),
    )
    opened.goto(address)
    yield opened
    assert complaints == []
    opened.close()


def leaderboard(page):
    """Row names in the order of the leaderboard."""
    return page.locator(".headline tbody th").evaluate_all("c => c.map(e => e.dataset.value)")


def test_leaderboard_begins_with_the_best_and_sorts(page, parts):
    names = leaderboard(page)
    assert names[0] == "better" and names[-2:] == [HOSTILE, "missing"]
    headings = page.locator(".headline thead th button")
    headings.filter(has_text="difference").click()
    assert leaderboard(page)[0] == "better"
    headings.filter(has_text="difference").click()
    assert leaderboard(page)[0] == HOSTILE and leaderboard(page)[-1] == "missing"
    headings.filter(has_text="row").click()
    headings.filter(has_text="row").click()
    assert leaderboard(page) == sorted(leaderboard(page), key=str.casefold)
    assert page.locator(".headline thead th").first.get_attribute("aria-sort") == "ascending"


def test_leaderboard_shows_the_figures_of_the_files(page, parts):
    rows = pd.read_csv(parts[3] / "rows.csv").set_index("row")
    for line in page.locator(".headline tbody tr").all():
        cells = [cell.inner_text() for cell in line.locator("th, td").all()]
        row = rows.loc[line.locator("th").get_attribute("data-value")]
        if row["seeds"] == 0:
            assert cells[1] == "–" and "no run has finished" in cells[2]
            continue
        assert cells[1].split() == [
            f"{row['mean']:.3f}",
            f"{row['low']:.3f}",
            "to",
            f"{row['high']:.3f}",
        ]
        mark = {"better": "▲ ", "worse": "▼ "}.get(row["verdict"], "")
        assert cells[2].startswith(mark + row["words"])
        assert cells[4:6] == [f"{row['success_0.5']:.1%}", f"{row['success_0.75']:.1%}"]
        assert cells[6:10] == ["289 k", "14.4 M", "1.5 min", "3 of 4"]
    assert [b.inner_text() for b in page.locator(".verdict").all()][0].startswith("▲ better by 0.")


def test_figures_pictures_failures_and_commands_are_there(page, parts):
    figures = page.locator("figure > svg")
    assert figures.count() == 2
    assert (
        "better" in figures.first.text_content() and "missing" not in figures.first.text_content()
    )
    broken = page.locator("img").evaluate_all("i => i.filter(e => !e.naturalWidth).length")
    assert broken == 0 and page.locator(".pair img").count() == 2 * 3 * 4
    assert page.locator("pre.log").text_content() == FAILURES[0]["log"]
    commands = page.locator("details pre").all_text_contents()
    assert {run.command for run in parts[2]} <= set(commands) and parts[1].text in commands
    assert page.locator("header code").text_content() == f"the command {HOSTILE}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_on_a_phone(page, scheme):
    show_on_a_phone(page, scheme)
    for details in page.locator("details").all():
        details.evaluate("e => { e.open = true; }")
    assert overflowing(page) == []


def test_a_hostile_name_is_text(page, parts):
    html = (parts[3] / "report.html").read_text()
    assert "<img src=x" not in html and not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert page.locator('.headline th[data-value*="onerror"]').inner_text().startswith(HOSTILE)
    assert page.locator("img[src=x]").count() == 0
