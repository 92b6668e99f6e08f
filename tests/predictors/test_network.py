"""What a network's answers become, whatever file it is in."""

import numpy as np

from localizer.predictors.network import as_predictions


def test_boxes_are_clipped_and_crossed_edges_change_places():
    boxes = np.float32([[-0.2, 0.1, 1.4, 0.9], [0.6, 0.8, 0.2, 0.7], [0.1, 0.2, 0.3, 0.4]])
    answer = as_predictions({"box": boxes}, None).boxes_rel_xyxy
    expected = [[0, 0.1, 1, 0.9], [0.2, 0.7, 0.6, 0.8], [0.1, 0.2, 0.3, 0.4]]
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_what_cannot_be_a_box_is_no_answer():
    boxes = np.float32(
        [[0.1, 0.2, np.nan, 0.4], [0.3, 0.2, 0.3, 0.4], [1.2, 0, 1.4, 1], [0, 0, 1, 1]]
    )
    outputs = {"box": boxes, "score": np.float32([0.9] * 4), "class": np.eye(4)[[1] * 4]}
    answer = as_predictions(outputs, ["a", "b", "c", "d"])
    assert np.isnan(answer.boxes_rel_xyxy[:3]).all() and np.isnan(answer.scores[:3]).all()
    assert answer.labels == ["", "", "", "b"] and answer.scores[3] == np.float32(0.9)
