"""What an evaluation found: figures and boxes, and how Python and a notebook show them."""

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from localizer.evaluation.iou_statistics import interval


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found. A notebook shows it as a table.

    Attributes:
        metrics: the content of metrics.json, ready for JSON: a figure that does not apply is None.
        predictions: one row per model and photo, with columns model, image, xmin, ymin, xmax,
            ymax (`rel_xyxy`, clipped to the image; NaN for no answer), score, label, iou (NaN for
            photos without an object) and has_object. The index is the photo's position in `rows`,
            and goes on with that in `empty_rows`.
        rows: the rows of `dataset.samples` that were scored, int [n].
        empty_rows: those of photos without an object that the models answered on, int [m].
    """

    metrics: dict[str, Any]
    predictions: pd.DataFrame
    rows: np.ndarray
    empty_rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))

    def __repr__(self) -> str:
        metrics = self.metrics
        means = ", ".join(f"{model['name']} {model['mean_iou']:.3f}" for model in metrics["models"])
        of = f"{metrics['split']} of {metrics['dataset']}, {metrics['n']} photos"
        return f"Evaluation({of}; mean IoU: {means})"

    def _repr_html_(self) -> str:
        metrics = self.metrics
        rows = "".join(
            f"<tr><td>{escape(model['name'])}</td><td>{model['mean_iou']:.3f}</td>"
            f"<td>{interval(model['ci95'])}</td><td>{model['n']}</td></tr>"
            for model in metrics["models"]
        )
        warnings = "".join(f"<p>warning: {escape(warning)}</p>" for warning in metrics["warnings"])
        return (
            f"<table><caption>{escape(metrics['dataset'])}, {metrics['split']} split</caption>"
            "<thead><tr><th>model</th><th>mean IoU</th><th>95 % interval</th><th>photos</th></tr>"
            f"</thead><tbody>{rows}</tbody></table>{warnings}"
        )

    def predictions_of(self, model: str) -> pd.DataFrame:
        """The rows of `predictions` of the model of that name, on photos with an object."""
        table = self.predictions
        return table[(table["model"] == model) & table["has_object"]]

    def false_alarms_of(self, model: str) -> pd.DataFrame:
        """Its answers on photos without an object, the highest score first."""
        table = self.predictions
        alarms = table[(table["model"] == model) & ~table["has_object"]].dropna(subset=["xmin"])
        return alarms.sort_values("score", ascending=False, kind="stable")
