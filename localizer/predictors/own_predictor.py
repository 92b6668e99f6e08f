"""A predictor that somebody added: docs/own_parts.md says what it takes and gives."""

import numpy as np

from localizer.errors import InputError
from localizer.plugins import PREDICTORS
from localizer.predictors.predictor import Predictions, Predictor


def is_own_predictor(model: str) -> bool:
    """Whether a model's name, as "mine:ANYTHING", begins with that of an own predictor."""
    kind, colon, _ = model.partition(":")
    return bool(colon) and PREDICTORS.is_own(kind)


class OwnPredictor(Predictor):
    """An own predictor, whose errors name its file and whose answers are checked.

    Args:
        model: its name, a colon, and what it is made with.

    Raises:
        InputError: it could not be made, or cannot predict.
    """

    def __init__(self, model: str):
        self._kind, _, text = model.partition(":")
        self._predictor = PREDICTORS.call(self._kind, text)
        if not isinstance(self._predictor, Predictor):
            raise self._error(
                f"gives a {type(self._predictor).__name__}, which has not "
                "localizer.predictors.predictor.Predictor as its base"
            )
        self.take_facts_of(self._predictor)

    def predict(self, photos: list[np.ndarray]) -> Predictions:
        """See `Predictor.predict`."""
        with PREDICTORS.blamed(self._kind):
            answers = self._predictor.predict(photos)
        if not isinstance(answers, Predictions):
            raise self._error(f"gives a {type(answers).__name__}, and Predictions are needed")
        n = len(photos)
        boxes, scores = np.asarray(answers.boxes_rel_xyxy), np.asarray(answers.scores)
        shapes = (boxes.shape, scores.shape, len(answers.labels))
        if shapes != ((n, 4), (n,), n):
            raise self._error(
                f"for {n} photos gives boxes {list(boxes.shape)}, scores {list(scores.shape)} and "
                f"{len(answers.labels)} labels; [{n}, 4], [{n}] and {n} are needed"
            )
        return answers

    def _error(self, words):
        return InputError(f"predictor {self._kind}: {words}")
