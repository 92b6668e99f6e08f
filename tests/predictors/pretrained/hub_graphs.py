"""Small TF Lite files and SavedModels that answer like pretrained detectors; built in seconds."""

import zipfile

import flatbuffers
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema


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


def bright_box(values):
    """A detector's answer: the extent of what is brighter than half, class 1, at 0.9.

    Args:
        values: [1, height, width, 3], 0 for black to 1 for white.
    """
    bright = tf.cast(tf.reduce_mean(values, axis=-1) > 0.5, tf.float32)
    edges = []
    for axis in (2, 1):
        line = tf.reduce_max(bright, axis=axis)[0]
        n = tf.cast(tf.shape(line)[0], tf.float32)
        places = tf.range(n)
        edges.append(tf.reduce_min(tf.where(line > 0, places, n)) / n)
        edges.append(tf.reduce_max(line * (places + 1)) / n)
    ymin, ymax, xmin, xmax = edges
    box = tf.stack([ymin, xmin, ymax, xmax])[None, None]
    nothing = 0 * box[..., 0]
    return {
        "detection_boxes": tf.concat([box, tf.zeros([1, 1, 4])], axis=1),
        "detection_classes": tf.concat([nothing + 1, nothing], axis=1),
        "detection_scores": tf.concat([nothing + 0.9, nothing], axis=1),
        "num_detections": nothing[0] + 1,
    }


def photo_with_bright_part():
    """200 pixels high, 300 wide; its box is 60, 40, 210, 100."""
    photo = np.full((200, 300, 3), 20, np.uint8)
    photo[40:100, 60:210] = 240
    return photo


BRIGHT_REL_XYXY = [0.2, 0.2, 0.7, 0.5]


def signatures_to_tflite(path, functions):
    """A TF Lite file with a signature for each of {name: (function of one image, shape, dtype)}."""
    module = tf.Module()
    for name, (function, shape, dtype) in functions.items():
        spec = tf.TensorSpec([1, *shape], dtype, name="image")
        setattr(module, name, tf.function(function, input_signature=[spec]))
    folder = path.with_suffix(".saved_model")
    signatures = {name: getattr(module, name) for name in functions}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    keys = list(functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=keys)
    path.write_bytes(converter.convert())
    return path


def add_metadata(path, copy, mean=None, std=None, size=None, outputs=()):
    """Write a copy of a TF Lite file with TF Lite Metadata in it.

    Args:
        path, copy: the two files.
        mean, std: lists, of the input's normalization.
        size: (width, height), the input's default size.
        outputs: (name, order of a box's edges or None, name of a label list or None) of each.
    """
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    copy.write_bytes(only_metadata(metadata_buffer(mean, std, size, outputs), model))
    return copy


def only_metadata(content, model=None):
    """Bytes of a TF Lite file with such metadata, and nothing else where no model is given."""
    model = model or schema.ModelT()
    described, buffer = schema.MetadataT(), schema.BufferT()
    model.buffers = [*(model.buffers or []), buffer]
    described.name, described.buffer = "TFLITE_METADATA", len(model.buffers) - 1
    buffer.data = np.frombuffer(content, np.uint8)
    model.metadata = [*(model.metadata or []), described]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def metadata_buffer(mean, std, size, outputs):
    """The flatbuffer, by the places of metadata_schema.fbs: {place: (kind, value)} a table."""
    image = {} if size is None else {1: {0: ("Uint32", size[0]), 1: ("Uint32", size[1])}}
    tensor = {0: "image", 3: {0: ("Uint8", 2), 1: image}}
    if mean is not None:
        tensor[4] = [{0: ("Uint8", 1), 1: {0: ("Float32", mean), 1: ("Float32", std)}}]
    said = []
    for name, order, labels in outputs:
        said.append({0: name})
        if order:
            said[-1][3] = {0: ("Uint8", 3), 1: {0: ("Uint32", order), 1: ("Uint8", 1)}}
        if labels:
            said[-1][6] = [{0: labels, 2: ("Uint8", 3)}]
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write(builder, {3: [{2: [tensor], 3: said}]}), b"M001")
    return bytes(builder.Output())


def _write(builder, value):
    """A table (dict), a list of tables, a text, or (kind, numbers): its offset."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, tuple):
        kind, numbers = value
        builder.StartVector(4, len(numbers), 4)
        for number in reversed(numbers):
            getattr(builder, f"Prepend{kind}")(number)
        return builder.EndVector()
    if isinstance(value, list):
        offsets = [_write(builder, one) for one in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    is_number = {place: type(v) is tuple and np.isscalar(v[1]) for place, v in value.items()}
    offsets = {p: _write(builder, v) for p, v in value.items() if not is_number[p]}
    builder.StartObject(8)
    for place, one in value.items():
        if is_number[place]:
            getattr(builder, f"Prepend{one[0]}Slot")(place, one[1], 0)
        else:
            builder.PrependUOffsetTRelativeSlot(place, offsets[place], 0)
    return builder.EndObject()
