"""What a recipe trains, and what on."""

from dataclasses import dataclass

import keras

from localizer.dataset.dataset import Dataset
from localizer.models.fused_normalization import with_fused_normalization
from localizer.models.localizer_model import PUBLIC_OUTPUTS, build_localizer
from localizer.recipe.config import TrainingConfig
from localizer.training.losses import build_losses
from localizer.training.metric_variables import create_variables
from localizer.training.metrics import ClassAccuracy, MeanIoU
from localizer.training.optimization import build_optimizer
from localizer.training.views.batches import Batches


def _unlabelled(dataset, config):
    return dataset.unlabelled if config.unlabelled else None


@dataclass(frozen=True)
class Parts:
    """What a recipe trains, and what on.

    Attributes:
        network: the plain network, which is kept.
        model: the compiled network, which is trained, of the same weights.
        training: Batches of views.
        validation: Batches of what the network sees of a photo in the first look, or the only one;
            None where nothing is held out.
        photos: Batches of the same photos as the finished model takes them, or None.
        classes: names of the classes; None without a class output.
    """

    network: keras.Model
    model: keras.Model
    training: Batches
    validation: Batches | None
    photos: Batches | None
    classes: list[str] | None


def prepare(dataset: Dataset, config: TrainingConfig, validate: bool = True) -> Parts:
    """What a recipe trains, and what on.

    Args:
        dataset: an opened Dataset.
        config: TrainingConfig as `settle` makes it for the dataset.
        validate: whether there is a validation split to validate on.

    Returns:
        Parts.

    Raises:
        InputError: the dataset lacks a split or classes, or the network cannot be built.
    """
    classes = None if config.class_output == "none" else dataset.classes(config.class_output)
    train_rows = dataset.indices("train")
    validation_rows = dataset.indices("validation") if validate else train_rows
    keras.utils.set_random_seed(config.seed)
    _make_deterministic()
    network = build_localizer(config, len(classes or ()))
    model = with_fused_normalization(network)
    outputs = tuple(model.output)
    training = Batches(
        dataset,
        train_rows,
        config,
        outputs,
        classes,
        training=True,
        unlabelled=_unlabelled(dataset, config),
    )
    losses, weights = build_losses(config, outputs)
    model.compile(
        optimizer=build_optimizer(config, len(training)),
        loss=losses,
        loss_weights=weights,
        metrics={"box": [MeanIoU()], **({"class": [ClassAccuracy()]} if classes else {})},
    )
    validation = Batches(dataset, validation_rows, config, outputs, classes)
    model.optimizer.build(model.trainable_variables)
    create_variables(model, validation)
    if not validate:
        return Parts(network, model, training, None, None, classes)
    public = tuple(name for name in PUBLIC_OUTPUTS if name in model.output)
    photos = Batches(dataset, validation_rows, config, public, classes, whole=True)
    return Parts(network, model, training, validation, photos, classes)


def _make_deterministic():
    """Make two runs with one seed identical; only TensorFlow needs to be told."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
