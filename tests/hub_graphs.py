"""Small TF Lite files and SavedModels that answer like pretrained detectors; built in seconds."""

import zipfile

import numpy as np
import tensorflow as tf


def to_tflite(function, path, *input_shape, dtype=tf.float32, signature=True, labels=None):
    """Convert a function of one image (which gives a tensor or a dict of them) to a TF Lite file.

    `labels` is {file name: list of names}, zipped into the file as TF Lite's metadata are.
    """
    module = tf.Module()
    module.call = tf.function(
        function, input_signature=[tf.TensorSpec([1, *input_shape], dtype, name="image")]
    )
    concrete = module.call.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    if signature:
        folder = path.with_suffix(".saved_model")
        tf.saved_model.save(module, str(folder), signatures=concrete)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    path.write_bytes(converter.convert())
    if labels:
        with zipfile.ZipFile(path, "a") as archive:
            for name, lines in labels.items():
                archive.writestr(name, "\n".join(lines) + "\n")
    return path


# rel_yxyx; the fourth has the best score and lies beyond the count, the first a little outside.
BOXES = np.array(
    [[-0.1, 0.1, 0.5, 0.6], [0.2, 0.3, 0.4, 0.9], [0.5, 0.1, 1.0, 0.2], [0, 0, 1, 1]], np.float32
)
CLASSES = np.array([16, 17, 0, 0], np.float32)
SCORES = np.array([0.5, 0.25, 0.75, 1.0], np.float32)


def four_outputs(image, count=3):
    """A detector's answer; the scores shrink with the mean of the input, whose range so shows."""
    level = tf.reduce_mean(tf.cast(image, tf.float32))
    # The names' order in a signature is alphabetical: another than that of the operation.
    return {
        "detection_scores": SCORES[None] * (0.75 + 0.25 * level),
        "detection_boxes": BOXES[None] + 0 * level,
        "num_detections": tf.constant([float(count)]) + 0 * level,
        "detection_classes": CLASSES[None] + 0 * level,
    }


class OpenImagesModule(tf.Module):
    """Has the documented interface of google/openimages_v4/ssd/mobilenet_v2.

    Its first box is the extent of what is brighter than half; the second, with the best score, is
    always the lower right quarter and no animal.
    """

    def __init__(self):
        super().__init__()
        self.threshold = tf.Variable(0.5)

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.float32, name="images")])
    def detect(self, images):
        bright = tf.reduce_max(images[0], axis=-1) > self.threshold
        size = tf.cast(tf.shape(bright), tf.float32)
        where = tf.cast(tf.where(bright), tf.float32)
        low, high = tf.reduce_min(where, axis=0), tf.reduce_max(where, axis=0) + 1
        first = tf.concat([low / size, high / size], axis=0)
        return {
            "detection_boxes": tf.stack([first, tf.constant([0.5, 0.5, 1.0, 1.0])]),
            "detection_class_entities": tf.constant(["Cat", "Tree"]),
            "detection_class_names": tf.constant(["/m/01yrx", "/m/07j7r"]),
            "detection_class_labels": tf.constant([8, 9], tf.int64),
            "detection_scores": tf.constant([0.6, 0.9]),
        }


def save_openimages_module(folder):
    """Write an `OpenImagesModule` as a TF1 hub module would lie there: signature "default"."""
    module = OpenImagesModule()
    tf.saved_model.save(module, str(folder), signatures={"default": module.detect})
    return folder
