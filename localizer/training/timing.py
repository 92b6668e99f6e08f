"""How long an epoch of a recipe takes, from some of its steps."""

import time
from pathlib import Path

from localizer.dataset.dataset import Dataset
from localizer.recipe.config import TrainingConfig

# The first steps of an epoch find batches that were prepared before it began.
_STEPS, _UNCOUNTED_STEPS = 24, 8


def time_epoch(dataset: Dataset, config: TrainingConfig, folder: Path) -> dict[str, float]:
    """Time an epoch of a recipe with only some of its training steps, after a warm-up.

    Args:
        dataset: the opened Dataset.
        config: TrainingConfig.
        folder: an empty folder.

    Returns:
        Dict of seconds: `epoch`, with all steps; `measured`, what was run of it.
    """
    import keras

    from localizer.recipe.resolve import settle
    from localizer.training.parts import prepare
    from localizer.training.run_keeper import RunKeeper

    config = settle(config, dataset)
    parts = prepare(dataset, config)
    model, training = parts.model, parts.training
    keeper = RunKeeper(folder, parts, config, {})
    ends = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs=None: ends.append(time.perf_counter())
    )
    steps = min(len(training), _STEPS)
    with keeper.show_progress(False):
        model.fit(training, steps_per_epoch=1, shuffle=False, callbacks=[keeper], verbose=0)
        model.fit(
            training,
            steps_per_epoch=steps,
            initial_epoch=1,
            epochs=2,
            shuffle=False,
            callbacks=[keeper, clock],
            verbose=0,
        )
    measured = keeper.history[-1]["seconds"]
    counted_from = min(_UNCOUNTED_STEPS, steps // 2)
    step = (ends[-1] - ends[counted_from]) / max(steps - 1 - counted_from, 1)
    epoch = measured + (len(training) - steps) * step
    return {"epoch": round(epoch, 3), "measured": measured}
