"""Batches for Keras from a dataset folder: augmented for training, plain for validation."""

import keras
import numpy as np
import pandas as pd

from localizer.dataset.dataset import BOX_COLUMNS
from localizer.images.resizing import resample
from localizer.recipe.config import NO_AUGMENTATION
from localizer.training.views.augmentation import augment, philox
from localizer.training.views.close_ups import SHARE

# Marks the generator that orders the samples, apart from those of the samples themselves.
_ORDER_STREAM = 2**64 - 1
# Keeps the rows of a second dataset apart from those of the first.
_STORE_STREAM = 2**39


class Batches(keras.utils.PyDataset):
    """Images and targets of one split, in batches.

    Which samples a batch holds and how they are augmented follows from (seed, epoch, batch) alone,
    so the number of threads does not matter, and a resumed run goes on as if it had never stopped.

    Keras' threads keep what they have read ahead and give it to the next epoch, in front of that
    one's own batches. So Keras may read none before it trains: see `create_variables`.

    Attributes:
        epoch: index of the epoch whose batches it gives.
        samples: the rows of the dataset's samples that are in it, unshuffled; those of
            `unlabelled` come after them.

    Args:
        dataset: an opened Dataset.
        rows: rows of the dataset, int [n].
        config: TrainingConfig.
        outputs: names of the network's outputs. Keras wants a target for each, if it has a loss or
            not: the box, but for `class`.
        classes: names of the class output in its order, if there is one.
        training: shuffled, augmented if the recipe says so, and without the incomplete last batch.
        unlabelled: another Dataset, whose photos in any split are added. The row of the target
            `class` is 0 for those that have none of the classes.
        whole: images of the model's input, not of what its network sees in one of two looks.
    """

    def __init__(
        self,
        dataset,
        rows,
        config,
        outputs=("box",),
        classes=None,
        training=False,
        unlabelled=None,
        whole=False,
    ):
        super().__init__(workers=config.workers, max_queue_size=8)
        self._config = config
        self._outputs = outputs
        self._training = training
        self._whole = whole
        self._augmentation = config.augmentation if config.augment else NO_AUGMENTATION
        self._close_ups = SHARE if config.looks == 2 else 0.0
        self._stores = [dataset.images]
        # Where each sample's pixels are: store, row in it.
        self._places = [(0, int(row)) for row in rows]
        tables = [dataset.samples.iloc[rows]]
        if unlabelled is not None:
            self._stores.append(unlabelled.images)
            used = (unlabelled.samples["split"] != "").to_numpy()
            self._places += [(1, int(row)) for row in np.flatnonzero(used)]
            tables.append(unlabelled.samples[used])
        self.samples = pd.concat(tables)
        self._boxes = self.samples[BOX_COLUMNS].to_numpy(np.float32)
        self._one_hot = None
        if classes:
            names = self.samples[config.class_output]
            self._one_hot = (names.to_numpy()[:, None] == np.array(classes)).astype(np.float32)
        self._order = np.arange(len(self._places))
        self.start_epoch(0)

    def start_epoch(self, epoch):
        """Shuffle for an epoch; call it before a batch of the epoch is read."""
        self.epoch = epoch
        if self._training:
            generator = philox(self._config.seed, _ORDER_STREAM - epoch)
            self._order = generator.permutation(len(self._places))

    def __len__(self):
        batches, rest = divmod(len(self._places), self._config.batch_size)
        return max(batches, 1) if self._training else batches + bool(rest)

    def __getitem__(self, batch):
        start = batch * self._config.batch_size
        chosen = self._order[start : start + self._config.batch_size]
        size = self._config.image_size if self._whole else self._config.view_size
        images = np.empty((len(chosen), size, size, 3), np.uint8)
        boxes = self._boxes[chosen]
        for i, sample in enumerate(chosen):
            store, row = self._places[sample]
            pixels = self._stores[store][row]
            if self._config.looks == 2 and not self._whole:
                pixels = self._as_taken_in(pixels)
            if self._training:
                images[i], boxes[i] = augment(
                    pixels,
                    boxes[i],
                    size,
                    self._augmentation,
                    self._config.seed,
                    self.epoch,
                    store * _STORE_STREAM + row,
                    self._close_ups,
                )
            else:
                images[i] = resample(pixels, size)
        targets = {name: boxes for name in self._outputs}
        if "class" in targets:
            targets["class"] = self._one_hot[chosen]
        return images, targets

    def _as_taken_in(self, pixels):
        """A photo as a model of two looks takes it in: views of it are as blurred as in use."""
        size = self._config.image_size
        return pixels if len(pixels) == size else resample(pixels, size)
