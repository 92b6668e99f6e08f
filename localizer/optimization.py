"""Optimizers and learning-rate schedules of a recipe."""

import keras


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
        return keras.optimizers.Adam(**options)
    optimizer = keras.optimizers.AdamW(weight_decay=config.weight_decay, **options)
    # Decaying biases and batch norm's scale and shift pulls outputs to zero, not the function
    # to simplicity (T. He et al., "Bag of Tricks", CVPR 2019, section 3.1).
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
