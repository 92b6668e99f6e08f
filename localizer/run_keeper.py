"""What happens around the epochs of a run: validate, keep the best, record, be able to resume."""

import contextlib
import json
import math
import time

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from localizer.atomic_files import replacing
from localizer.errors import InputError
from localizer.models.localizer_model import for_inference
from localizer.models.model_file import save_model_file
from localizer.reporting.curves import write_curves
from localizer.tensorboard_log import TensorboardLog


class RunKeeper(keras.callbacks.Callback):
    """Validates after each epoch, keeps the best model, the history and the state to resume from.

    Args:
        run: the run folder.
        model: the compiled model.
        training, validation: Batches.
        config: TrainingConfig.
        description: what goes into best.keras beside the graph.
    """

    def __init__(self, run, model, training, validation, config, description):
        super().__init__()
        self.history = []
        self._run = run
        self.set_model(model)
        self._training, self._validation = training, validation
        self._config, self._description = config, description
        self._inference = for_inference(model)
        self._bar = None
        self._log = None
        self._epoch_began = 0.0

    @property
    def best_epoch(self):
        """Number of the epoch with the best validation mean IoU, counted from 1; 0 before any."""
        return max(self.history, key=lambda row: row["val_iou"])["epoch"] if self.history else 0

    @property
    def is_over(self):
        """Whether early stopping has ended the run."""
        patience = self._config.early_stopping
        return bool(patience) and len(self.history) - self.best_epoch >= patience

    @contextlib.contextmanager
    def show_progress(self, shown):
        """A bar over all steps of the run, with the time left, while the block runs."""
        steps = len(self._training)
        self._log = TensorboardLog(self._run / "tensorboard", first_step=len(self.history) + 1)
        with tqdm(
            total=self._config.epochs * steps, initial=len(self.history) * steps,
            desc="Training", unit="step", disable=not shown,
        ) as self._bar:  # fmt: skip
            try:
                yield
            finally:
                self._log.close()

    def on_epoch_begin(self, epoch, logs=None):
        """Shuffle, and start the clock."""
        self._training.start_epoch(epoch)
        self._epoch_began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Advance the bar; stop at once when the loss is lost."""
        self._bar.update()
        if not math.isfinite(float(logs["loss"])):
            raise InputError(
                f"the loss is no longer finite in epoch {len(self.history) + 1}, step {batch + 1}. "
                "Try a lower --learning_rate, a longer --warmup_epochs or --clip_norm 1. "
                f"The best model so far, if any, is {self._run / 'best.keras'}"
            )

    def on_epoch_end(self, epoch, logs=None):
        """Validate with the averaged weights, record, and keep what is best."""
        with self._averaged_weights():
            validated = self.model.evaluate(self._validation, verbose=0, return_dict=True)
            row = self._row(epoch, logs, validated)
            is_best = not self.history or row["val_iou"] > max(r["val_iou"] for r in self.history)
            self.history.append(row)
            if is_best:
                save_model_file(self._inference, self._run / "best.keras", self._description)
        self._record(row)
        self._save_state()
        self.model.stop_training = self.is_over

    def _row(self, epoch, logs, validated):
        seconds = time.perf_counter() - self._epoch_began
        rate = self.model.optimizer.learning_rate
        measured = {**logs, **{f"val_{name}": value for name, value in validated.items()}}
        measured = {name.replace("box_iou", "iou"): float(v) for name, v in measured.items()}
        return {
            "epoch": epoch + 1,
            **measured,
            "learning_rate": float(keras.ops.convert_to_numpy(rate)),
            "seconds": round(seconds, 3),
        }

    def _record(self, row):
        self._log.add(row["epoch"], row)
        with replacing(self._run / "history.csv") as path:
            pd.DataFrame(self.history).to_csv(path, index=False)
        write_curves(self.history, self._run / "curves.png")
        best = max(r["val_iou"] for r in self.history)
        self._bar.set_postfix_str(
            f"epoch {row['epoch']}, loss {row['loss']:.4g}, validation IoU {row['val_iou']:.3f}, "
            f"best {best:.3f}"
        )

    @contextlib.contextmanager
    def _averaged_weights(self):
        """Swap the averaged weights in while the block runs."""
        if not self._config.ema_momentum:
            yield
            return
        weights = self.model.trainable_variables
        averages = self.model.optimizer._model_variables_moving_average
        kept = [np.array(weight) for weight in weights]
        for weight, average in zip(weights, averages):
            # A copy: JAX gives the memory of a weight away in the next step.
            weight.assign(np.array(average))
        try:
            yield
        finally:
            for weight, value in zip(weights, kept):
                weight.assign(value)

    def _variables(self):
        return [*self.model.variables, *self.model.optimizer.variables]

    def _save_state(self):
        arrays = {f"v{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self._variables())}
        with replacing(self._run / "resume.npz") as path:
            np.savez(path, history=np.array(json.dumps(self.history)), **arrays)

    def restore(self):
        """Go back to the end of the last whole epoch, and return the index of the next one."""
        path = self._run / "resume.npz"
        if not path.is_file():
            return 0
        self.model.optimizer.build(self.model.trainable_variables)
        try:
            with np.load(path, allow_pickle=False) as state:
                self.history = json.loads(str(state["history"]))
                for i, variable in enumerate(self._variables()):
                    variable.assign(state[f"v{i}"])
        except Exception as error:  # Damage surfaces as many kinds of exception in zipfile.
            raise InputError(f"{path}: damaged ({error}); start anew with --overwrite") from None
        return len(self.history)
