"""Losses, metrics, schedules and optimizers against NumPy and arithmetic by hand."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from localizer.images import boxes
from localizer.models.iou import iou_xyxy
from localizer.recipe.config import TrainingConfig
from localizer.training.losses import (
    ClassLoss,
    CoordinateLoss,
    DistributionLoss,
    IoULoss,
    build_losses,
)
from localizer.training.metrics import ClassAccuracy, MeanIoU
from localizer.training.optimization import build_optimizer, build_schedule

TRUE = np.array([[0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 0.5, 1.0]], np.float32)


def test_mse_in_pixels_by_hand():
    predicted = TRUE * 128 + np.array([[1, 2, 3, 4], [0, 0, 0, 0]], np.float32)
    loss = CoordinateLoss("mse", "corners", 128)(TRUE, predicted)
    assert float(loss) == pytest.approx((1 + 4 + 9 + 16) / 8)


def test_smooth_l1_by_hand():
    predicted = TRUE * 128 + np.array([[0.5, -0.5, 3, -4], [0, 0, 0, 0]], np.float32)
    loss = CoordinateLoss("smooth_l1", "corners", 128)(TRUE, predicted)
    assert float(loss) == pytest.approx((0.125 + 0.125 + 2.5 + 3.5) / 8)


def test_diou_by_hand():
    true = np.array([[0.0, 0.0, 0.5, 0.5]], np.float32)
    moved = np.array([[0.25, 0.0, 0.75, 0.5]], np.float32)
    apart = np.array([[0.5, 0.5, 1.0, 1.0]], np.float32)
    loss = IoULoss("diou")
    assert float(loss(true, true)) == pytest.approx(0)
    assert float(loss(true, moved)) == pytest.approx(1 - 1 / 3 + 0.0625 / (0.75**2 + 0.5**2))
    assert float(loss(true, apart)) == pytest.approx(1 + 0.5 / 2)


def test_iou_and_giou_by_hand():
    true = np.array([[0.0, 0.0, 0.5, 0.5]], np.float32)
    moved = np.array([[0.25, 0.0, 0.75, 0.5]], np.float32)
    apart = np.array([[0.5, 0.5, 1.0, 1.0]], np.float32)
    assert float(IoULoss("iou")(true, moved)) == pytest.approx(2 / 3)
    assert float(IoULoss("giou")(true, moved)) == pytest.approx(2 / 3)  # Nothing is uncovered.
    assert float(IoULoss("giou")(true, apart)) == pytest.approx(1 + 0.5)


def test_ciou_by_hand():
    true = np.array([[0.0, 0.0, 0.5, 0.5]], np.float32)
    wide = np.array([[0.0, 0.0, 0.5, 0.25]], np.float32)
    unlike = 4 / np.pi**2 * (np.pi / 4 - np.arctan(2)) ** 2
    diou = 0.5 + 0.125**2 / 0.5
    expected = diou + unlike / (0.5 + unlike) * unlike
    assert float(IoULoss("ciou")(true, wide)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["iou", "giou", "diou", "ciou"])
def test_the_gradient_is_finite_for_any_box(kind):
    true = tf.constant([[0.2, 0.2, 0.6, 0.6]] * 4)
    odd = [[0.4, 0.4, 0.4, 0.4], [0.6, 0.6, 0.2, 0.2], [-2.0, -2.0, 3.0, 3.0], [0.2, 0.2, 0.6, 0.6]]
    predicted = tf.Variable(odd)
    with tf.GradientTape() as tape:
        loss = IoULoss(kind)(true, predicted)
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, predicted)).all()


def test_distribution_loss_against_numpy():
    rng = np.random.default_rng(0)
    distributions = rng.dirichlet(np.ones(64), (2, 4)).transpose(0, 2, 1).astype(np.float32)
    expected = 0.0
    for box, distribution in zip(TRUE, distributions):
        for edge, probability in zip(box, distribution.T):
            label = np.exp(-0.5 * ((np.arange(64) - edge * 63) / 1.5) ** 2)
            expected -= (label / label.sum() * np.log(probability + 1e-8)).sum() / 8
    assert float(DistributionLoss()(TRUE, distributions)) == pytest.approx(expected, rel=1e-4)


def test_class_loss_and_accuracy_by_hand_leave_out_unknown_classes():
    known = np.array([[1, 0], [0, 0], [0, 1]], np.float32)
    probabilities = np.array([[0.8, 0.2], [0.9, 0.1], [0.6, 0.4]], np.float32)
    expected = -(np.log(0.8) + np.log(0.4)) / 3
    assert float(ClassLoss("categorical_crossentropy")(known, probabilities)) == pytest.approx(
        expected, rel=1e-5
    )
    # Two outputs a photo, both wrong by as much: the mean over the classes is the same.
    assert float(ClassLoss("binary_crossentropy")(known, probabilities)) == pytest.approx(
        expected, rel=1e-5
    )
    accuracy = ClassAccuracy()
    accuracy.update_state(known, probabilities)
    assert accuracy.name == "accuracy" and float(accuracy.result()) == 0.5


def test_every_loss_is_built_for_what_it_compares():
    config = TrainingConfig(class_output="supercategory", class_loss_weight=3.0, head="recipe")
    recipe, simcc = ("coordinates", "box", "class"), ("box", "mean_box", "coordinates", "edges")
    losses, weights = build_losses(config, recipe)
    assert set(losses) == {"box", "class"} and weights == {"box": 1.0, "class": 3.0}
    losses, weights = build_losses(replace(config, box_loss="mse", class_output="none"), recipe)
    assert set(losses) == {"coordinates"} and weights == {"coordinates": 1.0}
    config = TrainingConfig(class_output="none", distribution_loss_weight=0.3)
    losses, weights = build_losses(config, simcc)
    assert set(losses) == {"mean_box", "edges"} and weights == {"mean_box": 1.0, "edges": 0.3}
    losses, _ = build_losses(replace(config, distribution_loss_weight=0.0), simcc)
    assert set(losses) == {"mean_box"}


def test_square_rooted_sizes_weigh_small_boxes_more():
    loss = CoordinateLoss("mse", "sqrt_size", 1.0)

    def of(size, error):
        true = np.array(
            [[0.5 - size / 2, 0.5 - size / 2, 0.5 + size / 2, 0.5 + size / 2]], np.float32
        )
        root = np.sqrt(size + error)
        return float(loss(true, np.array([[0.5, 0.5, root, root]], np.float32)))

    assert of(0.05, 0.02) > 5 * of(0.5, 0.02)
    assert of(0.3, 0.0) == pytest.approx(0, abs=1e-7)


# Thousandths: float32 has no IoU for boxes whose area is near its smallest number.
place = st.integers(0, 1000).map(lambda thousandth: thousandth / 1000)
box = st.tuples(place, place, place, place)


@given(st.lists(st.tuples(box, box), min_size=1, max_size=8))
def test_iou_in_the_graph_agrees_with_numpy(pairs):
    a, b = (np.array([pair[i] for pair in pairs], np.float32) for i in (0, 1))
    np.testing.assert_allclose(iou_xyxy(a, b), boxes.iou_xyxy(a, b), atol=1e-4)


def test_mean_iou_clips_the_prediction():
    metric = MeanIoU()
    metric.update_state(TRUE[1:], np.array([[-1, -1, 0.5, 2]], np.float32))
    assert float(metric.result()) == pytest.approx(1.0)


def schedule_values(config, steps_per_epoch=10):
    schedule = build_schedule(config, steps_per_epoch)
    steps = range(config.epochs * steps_per_epoch)
    return [float(ops.convert_to_numpy(schedule(step))) for step in steps]


def test_cosine_with_warm_up_by_formula():
    config = TrainingConfig(epochs=5, warmup_epochs=1.0, learning_rate=0.1)
    rates = schedule_values(config)
    np.testing.assert_allclose(rates[:11], np.arange(11) / 10 * 0.1, atol=1e-7)
    expected = 0.05 * (1 + np.cos(np.pi * np.arange(40) / 40))
    np.testing.assert_allclose(rates[10:], expected, atol=1e-6)


def test_constant_with_warm_up():
    rates = schedule_values(TrainingConfig(epochs=3, schedule="constant", learning_rate=0.1))
    np.testing.assert_allclose(rates, np.minimum(np.arange(30) / 10, 1) * 0.1, atol=1e-7)
    config = TrainingConfig(schedule="constant", warmup_epochs=0.0, learning_rate=0.1)
    assert build_schedule(config, 10) == 0.1


def test_weight_decay_spares_biases_and_batch_norm():
    config = replace(
        TrainingConfig(),
        optimizer="adamw",
        weight_decay=0.5,
        schedule="constant",
        warmup_epochs=0.0,
        learning_rate=0.1,
    )
    inputs = keras.Input((3,))
    normal = keras.layers.BatchNormalization()(keras.layers.Dense(2)(inputs))
    model = keras.Model(inputs, normal)
    before = [ops.convert_to_numpy(v) for v in model.trainable_variables]
    optimizer = build_optimizer(config, 10)
    optimizer.apply(
        [ops.zeros_like(v) for v in model.trainable_variables], model.trainable_variables
    )
    for variable, old in zip(model.trainable_variables, before):
        factor = 0.95 if variable.name == "kernel" else 1.0
        np.testing.assert_allclose(ops.convert_to_numpy(variable), factor * old, rtol=1e-5)
