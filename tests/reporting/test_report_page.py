"""The report page in a real headless Chromium: it loads alone, filters, sorts, toggles and fits."""

import json

import numpy as np
import pandas as pd
import pytest

from localizer.evaluation.evaluate import evaluate
from localizer.predictors.constant import constant_predictor
from localizer.reporting.page import write_comparison
from tests.evaluation.test_evaluate import FromTruth, half, make_dataset
from tests.export.phone import overflowing, show_on_a_phone

HOSTILE = "</script><img src=x onerror=alert(1)>.png"
COUNT = 60


def shifted(box, row):
    """An answer whose IoU differs from row to row, so that no order is a matter of chance."""
    return box + [0, 0.004 * ((row * 37) % COUNT), 0, 0]


def mute_at_times(box, row):
    return [np.nan] * 4 if row % 10 == 0 else box + [0, 0.003 * ((row * 23) % COUNT), 0, 0]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Two datasets, heads and bodies, one photo with a hostile name; the report's folder."""
    folder = tmp_path_factory.mktemp("report")
    parts = []
    for target in ("head", "body"):
        dataset = make_dataset(folder / f"pets-{target}", count=COUNT)
        dataset.description["target"] = target
        dataset.samples.loc[5, "image"] = HOSTILE  # The "/" makes a folder "<" of it.
        (dataset.root / HOSTILE).parent.mkdir()
        (dataset.root / "5.png").rename(dataset.root / HOSTILE)
        seen = FromTruth("seen", dataset, half)
        seen.seen_categories = frozenset({"Bombay"})
        predictors = [
            FromTruth("ours", dataset, shifted),
            FromTruth(
                f"{HOSTILE} with a name that is much longer than others", dataset, mute_at_times
            ),
            seen,
            constant_predictor("baseline:center", dataset),
        ]
        evaluation = evaluate(dataset, predictors, "test", progress=False)
        parts.append((evaluation, dataset))
    return write_comparison(parts, folder / "out", "the command").parent


@pytest.fixture
def page(browser, report):
    """The loaded page; whatever it complains of or asks for is in `complaints` and `requests`."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(600_000)
    opened.complaints, opened.requests = [], []
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("dialog", lambda dialog: (opened.complaints.append("dialog"), dialog.dismiss()))
    address = (report / "report.html").as_uri()

    def only_the_page(route):
        if route.request.url == address or route.request.url.startswith("data:"):
            route.continue_()
        else:
            opened.requests.append(route.request.url)
            route.abort()

    opened.route("**/*", only_the_page)
    opened.goto(address)
    yield opened
    assert opened.complaints == [] and opened.requests == []
    opened.close()


def gallery(page, target="head"):
    return page.locator(f'section[data-target="{target}"] .gallery')


def shown(page, target="head"):
    """Names of the photos in the gallery, in their order, all of them built."""
    more = gallery(page, target).locator('[data-role="more"]')
    while more.is_visible():
        more.click()
    return (
        gallery(page, target)
        .locator("figure")
        .evaluate_all("figures => figures.map(figure => figure.dataset.image)")
    )


def choose(page, **controls):
    for name, value in controls.items():
        gallery(page).locator(f'[data-control="{name}"]').select_option(value)


def iou_table(report, target="head"):
    """IoU by photo and model from predictions.csv, photos in the dataset's order."""
    table = pd.read_csv(report / f"pets-{target}" / "predictions.csv")
    return table.pivot(index="image", columns="model", values="iou").loc[table["image"].unique()]


def test_page_loads_alone_and_shows_every_photo(page, report):
    for target in ("head", "body"):
        count = gallery(page, target).locator('[data-role="count"]')
        assert count.text_content() == "58 of 58 photos, 24 shown"
        assert sorted(shown(page, target)) == sorted(iou_table(report, target).index)
    assert page.locator("img").count() == 0
    # Each photo is decoded from the page itself: a broken picture would have no size.
    sizes = page.evaluate(
        "Promise.all(thumbnails.map(async ([uri, w, h]) => {"
        " const i = new Image(); i.src = uri; await i.decode();"
        " return [i.naturalWidth - w, i.naturalHeight - h]; }))"
    )
    assert len(sizes) == 116 and np.abs(sizes).max() == 0


def test_orders_agree_with_the_predictions(page, report):
    iou = iou_table(report)
    ours, other = iou["ours"], iou[next(name for name in iou if name.startswith("</script>"))]
    best_other = iou.drop(columns="ours").max(axis=1)
    expected = {
        "worst": ours,
        "best": -ours,
        "behind": ours - other,
        "ahead": other - ours,
        "apart": -(ours - other).abs(),
        "others": ours - best_other,
    }
    for order, key in expected.items():
        choose(page, order=order)
        found = key[shown(page)].to_numpy()
        # predictions.csv and the page round to six digits, so near ties may swap.
        assert (np.diff(found) > -5e-6).all(), order
        assert found[0] == pytest.approx(key.min(), abs=5e-6)


def test_photos_without_a_score_come_last(page, report):
    choose(page, a="2", order="worst")
    seen = iou_table(report)["seen"][shown(page)]
    assert seen.isna().sum() == 19 and seen.tail(19).isna().all()


def test_filters_keep_what_they_say(page, report):
    names = iou_table(report).index
    # By make_dataset: categories take turns, boxes grow from row to row, rows 0 and 1 are training.
    pugs = [name for row, name in enumerate(names, start=2) if row % 3 == 1]
    choose(page, category="pug")
    assert sorted(shown(page)) == sorted(pugs)
    choose(page, supercategory="cat")
    assert shown(page) == []
    assert "0 of 58" in gallery(page).locator('[data-role="count"]').text_content()
    choose(page, category="", supercategory="", size="small")
    assert sorted(shown(page)) == sorted(names[:20])
    choose(page, order="small")
    assert shown(page) == list(names[:20])
    choose(page, size="", order="name")
    assert shown(page) == sorted(names)
    gallery(page).locator('[data-control="name"]').fill("ONERROR")
    assert shown(page) == [HOSTILE]


def test_boxes_toggle_and_lie_where_they_are(page, report):
    choose(page, order="name", b="1")
    gallery(page).locator('[data-control="name"]').fill("21.png")
    figure = gallery(page).locator('figure[data-image="21.png"]')
    truth = figure.locator('g[data-box="truth"]')
    assert truth.is_visible()
    assert not figure.locator('g[data-box="3"]').is_visible()
    rectangle = truth.locator("rect").first.evaluate(
        "r => ['x', 'y', 'width', 'height'].map(name => Number(r.getAttribute(name)))"
    )
    # The photo has 40 x 20 pixels; the true box is (0.2, 0, 0.4 + 0.5 * 21 / 60, 0.5).
    assert rectangle == pytest.approx([8, 0, 40 * (0.2 + 0.175), 10], abs=0.05)
    for key in ("truth", "0", "3"):
        box = figure.locator(f'g[data-box="{key}"]')
        before = box.is_visible()
        gallery(page).locator(f'input[data-box="{key}"]').click()
        assert box.is_visible() != before
    # Red is the first model's.
    assert figure.locator('g[data-box="0"] rect').last.get_attribute("stroke") == "#eb1e2d"


def test_scatter_has_a_dot_per_common_photo_and_leads_to_it(page, report):
    section = page.locator('section[data-target="head"]')
    dots = section.locator('[data-role="scatter"] circle')
    assert dots.count() == 58
    section.locator('[data-control="scatter"]').select_option("2")
    assert dots.count() == 39
    versus = json.loads((report / "pets-head" / "metrics.json").read_text())
    versus = versus["models"][2]["versus_first"]
    caption = section.locator('[data-role="scatter-caption"]').text_content()
    assert f"{versus['wins']} above the diagonal" in caption
    assert f"{versus['losses']} below" in caption
    name = dots.first.locator("title").text_content().partition(":")[0]
    dots.first.dispatch_event("click")
    assert name in shown(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_on_a_phone(page, scheme):
    show_on_a_phone(page, scheme)
    assert overflowing(page) == []


def test_a_hostile_name_is_text(page, report):
    metrics = json.loads((report / "pets-head" / "metrics.json").read_text())
    name = metrics["models"][1]["name"]
    assert name.startswith(HOSTILE)
    cell = page.locator('section[data-target="head"] .headline tbody th').nth(1)
    assert cell.text_content().strip() == name
