"""COCO's average precision for one box per photo and one class, by faster-coco-eval."""

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster


def average_precision(true_rel_xyxy, predicted_rel_xyxy, scores):
    """AP as COCO defines it: precision at 101 recalls, boxes ranked by score over all photos.

    Where scores tie, the order of the photos decides, as in COCO's own code. IoU does not change
    when an axis is scaled, so boxes in units of the image serve as well as pixels.
    See https://cocodataset.org/#detection-eval.

    Args:
        true_rel_xyxy: [n, 4], one object per photo.
        predicted_rel_xyxy: [n, 4], one answer per photo; a row with NaN is no answer.
        scores: [n]; NaN, a predictor that gives none, counts as 1.

    Returns:
        dict of floats in [0, 1]: `ap50_95` (mean over the IoU thresholds 0.5, 0.55 ... 0.95),
        `ap50` and `ap75`; NaN for no photos.
    """
    true = _xyxy_to_xywh(true_rel_xyxy)
    predicted = _xyxy_to_xywh(predicted_rel_xyxy)
    scores = np.nan_to_num(np.asarray(scores, np.float64), nan=1.0)
    answered = np.isfinite(predicted).all(axis=1)
    if not len(true):
        return dict.fromkeys(("ap50_95", "ap50", "ap75"), float("nan"))
    if not answered.any():  # The library takes an empty list of results for a mistake.
        return dict.fromkeys(("ap50_95", "ap50", "ap75"), 0.0)
    truth = COCO(_ground_truth(true))
    results = truth.loadRes(
        [
            {"image_id": i + 1, "category_id": 1, "bbox": predicted[i].tolist(), "score": scores[i]}
            for i in np.flatnonzero(answered)
        ]
    )
    evaluation = COCOeval_faster(truth, results, iouType="bbox", print_function=lambda *_: None)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return {name: float(evaluation.stats[i]) for i, name in enumerate(("ap50_95", "ap50", "ap75"))}


def _ground_truth(true_xywh):
    return {
        "images": [{"id": i + 1, "width": 1, "height": 1} for i in range(len(true_xywh))],
        "categories": [{"id": 1, "name": "object"}],
        "annotations": [
            {
                "id": i + 1,
                "image_id": i + 1,
                "category_id": 1,
                "bbox": box.tolist(),
                "area": float(box[2] * box[3]),
                "iscrowd": 0,
            }
            for i, box in enumerate(true_xywh)
        ],
    }


def _xyxy_to_xywh(boxes_xyxy):
    boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)], axis=1)
