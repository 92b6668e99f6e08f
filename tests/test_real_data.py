"""On the real photos a short training beats every box that never looks at the photo."""

import pytest

from localizer.evaluation.evaluate import evaluate
from localizer.predictors.constant import NAMES, constant_predictor
from localizer.predictors.keras_model import KerasModel
from localizer.recipe.config import TrainingConfig
from localizer.training.training import train

pytestmark = pytest.mark.slow


def test_a_few_epochs_beat_every_constant_box(pet_head_dataset, tmp_path):
    config = TrainingConfig(epochs=2, image_size=96, bn_momentum=0.9, ema_momentum=0.97)
    train(pet_head_dataset, config, tmp_path / "run", progress=False)
    predictors = [KerasModel(tmp_path / "run")]
    predictors += [constant_predictor(name, pet_head_dataset) for name in NAMES]
    evaluation = evaluate(pet_head_dataset, predictors, "validation", progress=False)
    trained, *constant = evaluation.metrics["models"]
    assert evaluation.metrics["target"] == "head" and evaluation.metrics["n"] == 349
    for model in constant:
        # Not only on average: the interval of the difference on the same photos is below zero.
        assert model["versus_first"]["ci95"][1] < 0, (trained["mean_iou"], model["mean_iou"])
