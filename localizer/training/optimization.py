"""Optimizers and learning-rate schedules of a recipe."""

import keras
from keras import ops


class _WarmingAverage:
    """Lets the averaged weights follow the first steps closely, whatever their momentum.

    min(momentum, (1 + step) / (10 + step)), as `num_updates` of TensorFlow's
    ExponentialMovingAverage has it. A momentum of 0.995 alone would still hold 40 % of the initial
    weights after 180 steps, which is all there are where photos are few.
    """

    def _update_model_variables_moving_average(self, trainable_variables):
        step = ops.cast(self.iterations, "float32")
        momentum = ops.minimum(self.ema_momentum, (1.0 + step) / (10.0 + step))
        momentum = ops.where(step > 0, momentum, 0.0)
        for variable, average in zip(trainable_variables, self._model_variables_moving_average):
            average.assign(momentum * average + (1.0 - momentum) * variable)


class AveragingAdam(_WarmingAverage, keras.optimizers.Adam):
    pass


class AveragingAdamW(_WarmingAverage, keras.optimizers.AdamW):
    pass


def build_schedule(config, steps_per_epoch):
    """Learning rate by step: linear warm-up, then constant or a cosine down to 0.

    The cosine is that of I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, without restarts.
    """
    warmup = round(config.warmup_epochs * steps_per_epoch)
    total = config.epochs * steps_per_epoch
    if config.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else config.learning_rate,
            decay_steps=max(total - warmup, 1),
            warmup_target=config.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if not warmup:
        return config.learning_rate
    return keras.optimizers.schedules.PolynomialDecay(
        initial_learning_rate=0.0, decay_steps=warmup, end_learning_rate=config.learning_rate
    )


def build_optimizer(config, steps_per_epoch):
    """Adam, or AdamW with its weight decay on kernels only, with averaged weights if asked for."""
    options = {
        "learning_rate": build_schedule(config, steps_per_epoch),
        "global_clipnorm": config.clip_norm or None,
        "use_ema": config.ema_momentum > 0,
        "ema_momentum": config.ema_momentum or 0.99,
    }
    if config.optimizer == "adam":
        return AveragingAdam(**options)
    optimizer = AveragingAdamW(weight_decay=config.weight_decay, **options)
    # Decaying biases and batch norm's scale and shift pulls outputs to zero, not the function
    # to simplicity (T. He et al., "Bag of Tricks", CVPR 2019, section 3.1).
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
