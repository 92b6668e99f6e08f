"""Metrics of a report: figures between 0 and 1, or none, whatever a model answers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from localizer.evaluation import iou_statistics as statistics
from localizer.evaluation.coco_metrics import average_precision
from localizer.images.boxes import clip_rel_xyxy, iou_xyxy
from tests.fuzzing import MUTANTS, fuzzed

CORNERS = st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4)
ANY_NUMBER = st.floats(width=32)


@st.composite
def answers(draw):
    """True boxes [n, 4], a model's boxes [n, 4] and scores [n], anything in them."""
    n = draw(st.integers(1, 4))
    true = np.array(draw(st.lists(CORNERS, min_size=n, max_size=n)), np.float32)
    true = np.concatenate([true[:, :2].clip(0, 0.9), true[:, 2:].clip(0.95, 1)], axis=1)
    boxes = draw(hnp.arrays(np.float32, (n, 4), elements=ANY_NUMBER))
    return true, boxes, draw(hnp.arrays(np.float32, n, elements=ANY_NUMBER))


@fuzzed
@given(answers())
def test_metrics(case):
    check(*case)


def test_metrics_of_dice():
    dice = np.random.default_rng(0)
    odd = np.array([np.nan, np.inf, -np.inf, 0, 1, -1, 1e-30, 1e30, 0.5, 2], np.float32)
    for _ in range(MUTANTS):
        n = int(dice.integers(1, 9))
        true = dice.random((n, 4), np.float32) * [0.5, 0.5, 0.4, 0.4] + [0, 0, 0.6, 0.6]
        boxes = (true + dice.normal(0, 0.2, (n, 4))).astype(np.float32)
        scores = dice.random(n, np.float32)
        boxes[dice.random((n, 4)) < 0.1] = dice.choice(odd)
        scores[dice.random(n) < 0.2] = dice.choice(odd)
        check(true.astype(np.float32), boxes, scores)


def check(true, boxes, scores):
    boxes = np.where(np.isfinite(boxes).all(axis=1, keepdims=True), boxes, np.float32("nan"))
    clipped = clip_rel_xyxy(boxes)
    iou = iou_xyxy(true, clipped)
    assert ((iou >= 0) & (iou <= 1)).all()
    summary = statistics.summarize(iou)
    figures = [summary["mean_iou"], summary["median_iou"], *summary["success"].values()]
    figures += [statistics.micro_iou(true, clipped)]
    figures += average_precision(true, clipped, scores).values()
    figures += (statistics.selective_mean_iou(iou, scores) or {}).values()
    figures += [figure for figure in summary["ci95"] if len(iou) > 1]
    assert all(0 <= figure <= 1 + 1e-6 for figure in figures), figures
    pair = statistics.paired_difference(iou, iou[::-1])
    assert pair["wins"] + pair["ties"] + pair["losses"] == len(iou)
