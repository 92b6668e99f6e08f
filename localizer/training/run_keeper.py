"""What happens around the epochs of a run: validate, keep the best, record, be able to resume."""

import contextlib
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from localizer.errors import InputError
from localizer.files.atomic_files import replacing
from localizer.models.localizer_model import as_used
from localizer.models.model_file import load_model_file, save_model_file
from localizer.training.curves import write_curves
from localizer.training.losses import IoULoss
from localizer.training.metric_variables import create_variables
from localizer.training.metrics import ClassAccuracy, MeanIoU
from localizer.training.tensorboard_log import TensorboardLog

# A better model waits under this name until resume.npz, which has its checksum, is written. So
# there is always a model that resume.npz knows, at whatever moment the run is killed.
NEXT_BEST = "next_best.keras"

# What is used of a row of the history. val_loss is not among them: it may overflow in a sound run.
_FINITE = ("loss", "iou", "val_iou", "learning_rate", "seconds")


class RunKeeper(keras.callbacks.Callback):
    """Validates after each epoch, keeps the best model, the history and the state to resume from.

    Where there is nothing to validate on, the last model is the best.

    Args:
        run: the run folder.
        parts: what `prepare` returned.
        config: TrainingConfig, the same that `prepare` had.
        description: what goes into best.keras beside the graph.
    """

    def __init__(self, run, parts, config, description):
        super().__init__()
        self.history = []
        self._run = run
        self.set_model(parts.model)
        self._training, self._validation, self._photos = (
            parts.training,
            parts.validation,
            parts.photos,
        )
        self._config, self._description = config, description
        self._inference = as_used(parts.network, config)
        self._two_looks = None
        if config.looks == 2 and parts.photos is not None:
            self._two_looks = _compiled(self._inference)
            create_variables(self._two_looks, parts.photos)
        self._best_checksum = ""
        self._bar = None
        self._log = None
        self._epoch_began = 0.0

    @property
    def best_epoch(self):
        """Number of the epoch with the best validation mean IoU, counted from 1; 0 before any."""
        if self._validation is None:
            return len(self.history)
        return max(self.history, key=lambda row: row["val_iou"])["epoch"] if self.history else 0

    @property
    def is_over(self):
        """Whether early stopping has ended the run."""
        patience = self._config.early_stopping
        return bool(patience) and len(self.history) - self.best_epoch >= patience

    @contextlib.contextmanager
    def show_progress(
        self, shown: bool, tensorboard: bool = False, title: str = "Training"
    ) -> Iterator[None]:
        """A bar over all steps of the run, with the time left, while the block runs.

        Args:
            shown: whether the bar is.
            tensorboard: begin the log for TensorBoard; one that is there goes on anyway.
            title: what the bar begins with.
        """
        steps = len(self._training)
        log = self._run / "tensorboard"
        if tensorboard or log.is_dir():
            self._log = TensorboardLog(log, first_step=len(self.history) + 1)
        with tqdm(
            total=self._config.epochs * steps,
            initial=len(self.history) * steps,
            desc=title,
            unit="step",
            disable=not shown,
        ) as self._bar:
            try:
                yield
            finally:
                if self._log:
                    self._log.close()

    def on_epoch_begin(self, epoch, logs=None):
        """Shuffle, and start the clock."""
        self._training.start_epoch(epoch)
        self._epoch_began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Advance the bar; stop at once when the loss is lost."""
        self._bar.update()
        if not math.isfinite(float(logs["loss"])):
            best = self._run / "best.keras"
            kept = f". The best model so far is {best}" if best.is_file() else ""
            raise InputError(
                f"the loss is no longer finite in epoch {len(self.history) + 1}, step {batch + 1}. "
                f"Try a lower --learning_rate, a longer --warmup_epochs or --clip_norm 1{kept}"
            )

    def on_epoch_end(self, epoch, logs=None):
        """Validate with the averaged weights, record, and keep what is best."""
        with self._averaged_weights():
            validated = self._validate()
            row = self._row(epoch, logs, validated)
            self.history.append(row)
            # The first of equals.
            is_best = self.best_epoch == row["epoch"]
            if is_best:
                save_model_file(self._inference, self._run / NEXT_BEST, self._description)
                self._best_checksum = _checksum(self._inference, self._description)
        self._record(row)
        self._save_state()
        if is_best:
            self._take_next_best()
        if self.is_over:
            self.model.stop_training = True
        # Keras hands the same dict to the callbacks after this one: they see the row, and no more.
        logs.clear()
        logs.update(row)

    def _validate(self):
        """Losses and metrics by name; of two looks the losses of the first, as it is trained."""
        if self._validation is None:
            return {}
        validated = _evaluated(self.model, self._validation)
        if not self._two_looks:
            return validated
        used = _evaluated(self._two_looks, self._photos)
        used = {name: value for name, value in used.items() if "loss" not in name}
        return {**validated, "first_look_iou": validated["box_iou"], **used}

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
        if self._log:
            self._log.add(row["epoch"], row)
        with replacing(self._run / "history.csv") as path:
            pd.DataFrame(self.history).to_csv(path, index=False)
        write_curves(self.history, self._run / "curves.png")
        said = f"epoch {row['epoch']}, loss {row['loss']:.4g}"
        if self._validation is not None:
            best = self.history[self.best_epoch - 1]["val_iou"]
            said += f", validation IoU {row['val_iou']:.3f}, best {best:.3f}"
        self._bar.set_postfix_str(said)

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
            np.savez(
                path,
                history=np.array(json.dumps(self.history)),
                best=np.array(self._best_checksum),
                **arrays,
            )

    def _take_next_best(self):
        best = self._run / "best.keras"
        try:
            os.replace(self._run / NEXT_BEST, best)
        except OSError as error:
            raise InputError(f"{best}: cannot be written ({error.strerror})") from error

    def restore(self):
        """Go back to the end of the last whole epoch, and return the index of the next one.

        Raises:
            InputError: resume.npz is damaged, or best.keras is not the model it belongs to.
        """
        path = self._run / "resume.npz"
        if not path.exists():
            return 0
        self.model.optimizer.build(self.model.trainable_variables)
        try:
            with np.load(path, allow_pickle=False) as state:
                self.history = json.loads(str(state["history"]))
                validated = self._validation is not None
                _check_history(self.history, self._config.epochs, validated)
                self._best_checksum = str(state["best"])
                for i, variable in enumerate(self._variables()):
                    variable.assign(state[f"v{i}"])
        except Exception as error:  # Damage surfaces as many kinds of exception in zipfile.
            raise InputError(f"{path}: damaged ({error}); start anew with --overwrite") from None
        self._restore_best()
        return len(self.history)

    def _restore_best(self):
        """See that best.keras is what resume.npz says, where need be by the renaming it lacks."""
        following = self._run / NEXT_BEST
        reason = self._reason_against(self._run / "best.keras")
        if reason:
            if self._reason_against(following):
                raise InputError(f"{reason}; put it back, or start anew with --overwrite")
            self._take_next_best()
        # Of an epoch that was not finished.
        with contextlib.suppress(OSError):
            following.unlink()

    def _reason_against(self, file):
        """Why a file is not the best model of the history; None when it is."""
        try:
            found = _checksum(*load_model_file(file))
        except InputError as error:
            return str(error)
        known = found == self._best_checksum
        return None if known else f"{file}: not the model that this run kept (another run's?)"


def _evaluated(model, batches):
    """Losses and metrics by name. Keras leaves "box_" out where the box is the only output."""
    measured = model.evaluate(batches, verbose=0, return_dict=True)
    return {"box_iou" if name == "iou" else name: value for name, value in measured.items()}


def _compiled(model):
    """A model of the same weights that can be evaluated; what is saved shall not be compiled."""
    metrics = {"box": [MeanIoU()], "class": [ClassAccuracy()]}
    judge = keras.Model(model.input, model.output)
    judge.compile(
        loss={"box": IoULoss("iou")},  # Keras evaluates nothing without a loss.
        metrics={name: metric for name, metric in metrics.items() if name in model.output},
    )
    return judge


def _checksum(model, description):
    """Of all that makes a model file: the same for each file that one training could write.

    The file's own bytes hold the time and the commit, which another start of the run changes.
    """
    lasting = {name: value for name, value in description.items() if name != "commit"}
    digest = hashlib.sha256(json.dumps(lasting, sort_keys=True).encode())
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


def _check_history(history, epochs, validated):
    """See that there is a row of numbers for each epoch from the first on; ValueError if not."""
    finite = [name for name in _FINITE if validated or not name.startswith("val_")]
    if not isinstance(history, list) or not 1 <= len(history) <= epochs:
        raise ValueError(f"its history is no list of 1 to {epochs} epochs")
    for number, row in enumerate(history, 1):
        if not isinstance(row, dict) or repr(row.get("epoch")) != str(number):
            raise ValueError(f"its history has no epoch {number} where it should be")
        measured = {*(["val_loss"] if validated else []), *finite, *row} - {"epoch"}
        if not all(isinstance(row.get(name), float) for name in measured):
            raise ValueError(f"its history lacks numbers in epoch {number}")
        if not all(math.isfinite(row[name]) for name in finite):
            raise ValueError(f"its history has numbers that are not finite in epoch {number}")
