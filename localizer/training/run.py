"""A finished training: its folder, and what its kept model is worth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """What `train` returns. It is taken wherever a model is named: `Localizer.load(run)`.

    Attributes:
        path: the run folder.
        metrics: the content of its metrics.json; `run["mean_iou"]` is one figure of it.

    >>> run = Run(Path("runs/first"), {"mean_iou": 0.8, "n": 24, "best_epoch": 5, "epochs": 6})
    >>> run
    Run('runs/first', validation mean IoU 0.800 on 24 photos, best epoch 5 of 6)
    >>> run["best_epoch"]
    5
    """

    path: Path
    metrics: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.metrics[name]

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return (
            f"Run({str(self.path)!r}, {self.metrics.get('split', 'validation')} mean IoU "
            f"{self['mean_iou']:.3f} on {self['n']} photos, best epoch {self['best_epoch']} of "
            f"{self['epochs']})"
        )
