"""What a network's answers become, whatever file it is in."""

import numpy as np

from localizer.predictors.network import as_predictions


def test_boxes_are_clipped_and_crossed_edges_change_places():
    boxes = np.float32([[-0.2, 0.1, 1.4, 0.9], [0.6, 0.8, 0.2, 0.7], [0.1, 0.2, 0.3, 0.4]])
    answer = as_predictions({"box": boxes}, None).boxes_rel_xyxy
    expected = [[0, 0.1, 1, 0.9], [0.2, 0.7, 0.6, 0.8], [0.1, 0.2, 0.3, 0.4]]
    np.testing.assert_allclose(answer, expected, atol=1e-6)
