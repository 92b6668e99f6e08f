"""SavedModel: what TensorFlow Serving reads, and what the converter to LiteRT starts from."""

import errno
import json
import os

import keras
import tensorflow as tf

from localizer.models.description import DESCRIPTION


def write_saved_model(model, folder, batch=None, input_type=tf.float32):
    """Write a Keras model as a SavedModel with the signature `serving_default`.

    Args:
        model: keras.Model from an image batch to a dict of outputs.
        folder: where to; must not exist.
        batch: fixed batch size; None for any.
        input_type: of the input `image`, RGB 0 to 255.
    """
    shape = (batch, *model.input.shape[1:])

    def localize(image):
        return model(tf.cast(image, tf.float32), training=False)

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default", localize, [tf.TensorSpec(shape, input_type, name="image")]
    )
    try:
        archive.write_out(str(folder), verbose=False)
    except tf.errors.ResourceExhaustedError as error:
        if "No space left" not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from None


def add_metadata(folder, metadata):
    """Put the metadata where TensorFlow Serving keeps a SavedModel's extra files."""
    extra = folder / "assets.extra"
    extra.mkdir()
    (extra / DESCRIPTION).write_text(json.dumps(metadata, indent=2), encoding="utf-8")
