"""What a predictor is: anything that proposes one box for each photo."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from localizer.images.boxes import is_possible_rel_xyxy


@dataclass(frozen=True)
class Predictions:
    """One answer per photo.

    Attributes:
        boxes_rel_xyxy: float32 [n, 4]; a row of NaN where the predictor found nothing.
        scores: float32 [n], confidence in [0, 1]; NaN where the predictor has none.
        labels: n class names; "" where the predictor has none.
        probabilities: float32 [n, number of classes], of each class, NaN where there is no answer;
            None where the predictor gives none.
        classes: names of the classes, in the order of `probabilities`.
    """

    boxes_rel_xyxy: np.ndarray
    scores: np.ndarray
    labels: list[str]
    probabilities: np.ndarray | None = None
    classes: tuple[str, ...] = ()

    def of(self, mask: np.ndarray) -> "Predictions":
        """The answers for some of the photos: bool [n]."""
        return Predictions(
            self.boxes_rel_xyxy[mask],
            self.scores[mask],
            [label for label, kept in zip(self.labels, mask) if kept],
            None if self.probabilities is None else self.probabilities[mask],
            self.classes,
        )


def only_possible(predictions: Predictions) -> Predictions:
    """The same answers, but none (NaN, NaN, "") where a box cannot be.

    Whatever predicted it: a box that is empty, inverted, outside the photo or no number reaches
    nobody as an answer.
    """
    boxes_rel_xyxy = np.asarray(predictions.boxes_rel_xyxy, np.float32)
    possible = is_possible_rel_xyxy(boxes_rel_xyxy)
    if possible.all():
        return predictions
    probabilities = predictions.probabilities
    if probabilities is not None:
        probabilities = np.where(possible[:, None], probabilities, np.float32("nan"))
    return replace(
        predictions,
        boxes_rel_xyxy=np.where(possible[:, None], boxes_rel_xyxy, np.float32("nan")),
        scores=np.where(possible, np.asarray(predictions.scores, np.float32), np.float32("nan")),
        labels=[label if ok else "" for label, ok in zip(predictions.labels, possible)],
        probabilities=probabilities,
    )


@dataclass(frozen=True)
class Cost:
    """What a predictor costs; None where a figure does not apply.

    Attributes:
        parameters: number of weights, batch normalisation's moving statistics included.
        macs: multiply-adds for one photo.
        file_bytes: size of the model's file.
    """

    parameters: int | None = None
    macs: int | None = None
    file_bytes: int | None = None


def bytes_of(path: Path) -> int:
    """Size of a file, or of all files below a folder."""
    files = [path] if path.is_file() else list(path.rglob("*"))
    return sum(file.stat().st_size for file in files if file.is_file())


class Predictor(ABC):
    """Proposes one box for each photo, and does the resize that its model documents itself.

    Threads may share a predictor: each gets the answers to its own photos, those that one thread
    alone would get. What is not safe in threads by itself, as a LiteRT interpreter, is guarded by
    a lock (`fork_safe_lock`). After a fork a predictor answers, or raises an InputError where what
    runs its model would wait for ever (`refuse_fork`).

    A predictor says this class as its base; what it does not set has the value here.

    Attributes:
        name: shown in tables.
        cost: what it costs.
        trained_on: dataset.json of what it was trained on; None when it was not trained, or nobody
            knows.
        path: the model's file or folder.
        runtime: what runs it, and on how many threads where that is known.
        notes: what a reader of its figures has to know, such as "boxes heads".
        threshold: the least score that means that something is in the photo; None where nobody
            chose one.
        seen_categories: categories whose photos it was trained on, by the names of the `category`
            column: its figures on them are no test.
    """

    name: str
    cost: Cost = Cost()
    trained_on: dict | None = None
    path: Path | None = None
    runtime: str | None = None
    notes: tuple[str, ...] = ()
    threshold: float | None = None
    seen_categories: frozenset[str] = frozenset()

    def take_facts_of(self, other: "Predictor") -> None:
        """Set all of the above as another predictor has it, which this one asks."""
        for fact in Predictor.__annotations__:
            setattr(self, fact, getattr(other, fact))

    @abstractmethod
    def predict(self, photos: list[np.ndarray]) -> Predictions:
        """Localize the object in each photo: uint8 RGB, each [height, width, 3] at its own size."""
        ...
