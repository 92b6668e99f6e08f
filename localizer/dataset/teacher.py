"""Boxes that a trained model, the teacher, predicts on photos nobody annotated.

They are good to train a smaller model on (knowledge distillation, self-training: D.-H. Lee,
"Pseudo-Label", ICML workshop 2013), and never the truth that a model is scored against.
"""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from localizer.dataset.samples import checked_box
from localizer.dataset.skip_reasons import tell_apart
from localizer.errors import InputError
from localizer.images.photos import read_photo
from localizer.images.reading_ahead import in_batches, read_ahead
from localizer.predictors.predictor import Predictor

_SPLIT_FACTS = ("source", "target", "seed", "fractions", "split_by")


@dataclass(frozen=True)
class Teacher:
    """A predictor that labels photos.

    Attributes:
        predictor: a Predictor.
        min_score: photos whose box has a lower score are left out; 0 takes all.
        sha256: checksum of the model's file; None when that is not known.
    """

    predictor: Predictor
    min_score: float = 0.0
    sha256: str | None = None

    @property
    def description(self):
        """What dataset.json says of the labels: `teacher` (its name), `sha256`, `min_score`, and
        `trained_on`: the source, target and split of its own training; None where unknown.
        """
        before = self.predictor.trained_on
        return {
            "teacher": self.predictor.name,
            "sha256": self.sha256,
            "min_score": self.min_score,
            "trained_on": before and {fact: before.get(fact) for fact in _SPLIT_FACTS},
        }


def label_samples(samples, teacher, root, progress):
    """Let the teacher predict the box of each photo at the photo's own size.

    Args:
        samples: dicts with `image`.
        teacher: Teacher.
        root: folder below which the photos are.
        progress: show a progress bar.

    Returns:
        A list with, for each sample, a dict of its box columns (`rel_xyxy`), `clipped` and `score`,
        or a Skipped with the reason why there is no label.

    Raises:
        InputError: `min_score` is above 0 and the teacher gives no scores.
    """
    answers = []
    bar = tqdm(total=len(samples), desc="Labelling photos", unit=" images", disable=not progress)
    images = (sample["image"] for sample in samples)
    with bar:
        for chunk in in_batches(read_ahead(images, lambda image: read_photo(root / image))):
            photos = [photo for _, photo in chunk if isinstance(photo, np.ndarray)]
            found = iter(_predicted(teacher, photos)) if photos else iter(())
            for image, photo in chunk:
                try:
                    if isinstance(photo, InputError):
                        raise photo
                    answers.append(_label(teacher, *next(found)))
                except InputError as error:
                    answers.append(tell_apart(image, str(error), root))
            bar.update(len(chunk))
    return answers


def _predicted(teacher, photos):
    """(box, score) of each photo."""
    predictions = teacher.predictor.predict(photos)
    scores = np.asarray(predictions.scores, np.float64)
    boxes = np.asarray(predictions.boxes_rel_xyxy, np.float64)
    found = np.isfinite(boxes).all(axis=1)
    if teacher.min_score > 0 and np.isnan(scores[found]).any():
        raise InputError(
            f"--min-score {teacher.min_score}: {teacher.predictor.name} gives no scores; leave "
            "the option away"
        )
    return zip(boxes.tolist(), scores.tolist(), strict=True)


def _label(teacher, box_rel_xyxy, score):
    if np.isnan(box_rel_xyxy).any():
        raise InputError("the teacher found no object")
    if score < teacher.min_score:
        raise InputError(f"score {score:.4f} is below --min-score {teacher.min_score:g}")
    return {**checked_box(box_rel_xyxy), "score": score}
