"""Detectors from TF Lite files and SavedModels, on small graphs that the tests build."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from localizer.errors import InputError
from localizer.models.cost import count_macs
from localizer.predictors.pretrained.detections import class_ids
from localizer.predictors.pretrained.litert_graph import PhotoGraph, dequantize
from localizer.predictors.pretrained.opening import open_pretrained
from localizer.predictors.pretrained.ssd_anchors import decode_rel_yxyx, ssd_anchors
from tests.predictors.pretrained.hub_graphs import four_outputs, save_openimages_module, to_tflite

WHITE = np.full((6, 9, 3), 255, np.uint8)


@pytest.fixture(scope="module")
def detector_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("detector") / "d.tflite"
    labels = ["person", *["???"] * 15, "cat", "dog"]
    return to_tflite(four_outputs, path, 8, 8, 3, labels={"labelmap.txt": labels})


def test_best_box_within_the_count_clipped_and_named(detector_file):
    detector = open_pretrained(f"detector:{detector_file}")
    answer = detector.predict([WHITE, np.zeros((4, 4, 3), np.uint8)])
    assert answer.boxes_rel_xyxy[0] == pytest.approx([0.1, 0.5, 0.2, 1.0])
    # White is 1 and black is -1 after x / 127.5 - 1.
    assert answer.scores == pytest.approx([0.75, 0.375])
    assert answer.labels == ["person", "person"]
    assert detector.name == "d" and detector.trained_on is None and detector.notes == ()


@pytest.mark.parametrize(
    ("classes", "box", "label"),
    [
        ("16,17", [0.1, 0.0, 0.6, 0.5], "cat"),
        ("Dog", [0.3, 0.2, 0.9, 0.4], "dog"),
        ("any", [0.1, 0.5, 0.2, 1.0], "person"),
    ],
)
def test_only_the_classes_asked_for_count(detector_file, classes, box, label):
    detector = open_pretrained(f"detector:{detector_file}?classes={classes}")
    answer = detector.predict([WHITE])
    assert answer.boxes_rel_xyxy[0] == pytest.approx(box) and answer.labels == [label]
    assert detector.name == f"d[{classes}]"


def test_no_box_of_the_class_is_a_row_of_nan(detector_file):
    answer = open_pretrained(f"detector:{detector_file}?classes=99").predict([WHITE])
    assert np.isnan(answer.boxes_rel_xyxy).all() and answer.boxes_rel_xyxy.shape == (1, 4)
    assert np.isnan(answer.scores[0]) and answer.labels == [""]


def test_a_label_file_names_the_classes(detector_file, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(["x"] * 17 + ["hound"]))
    names = tmp_path / "names.txt"
    detector = open_pretrained(f"detector:{detector_file}?classes=hound&labels={names}")
    assert detector.predict([WHITE]).labels == ["hound"]


def test_uint8_input_gets_the_bytes(tmp_path):
    def bytes_seen(image):
        return four_outputs(tf.cast(image, tf.float32) / 255.0)

    path = to_tflite(bytes_seen, tmp_path / "u.tflite", 8, 8, 3, dtype=tf.uint8)
    answer = open_pretrained(f"detector:{path}").predict([np.full((3, 3, 3), 51, np.uint8)])
    assert answer.scores == pytest.approx([0.6])
    assert answer.labels == ["0"]


def test_unusable_files_say_why(tmp_path):
    (tmp_path / "text.tflite").write_text("no model")
    classifier = to_tflite(
        lambda image: tf.reduce_mean(image, axis=[1, 2]), tmp_path / "c.tflite", 8, 8, 3
    )
    grey = to_tflite(four_outputs, tmp_path / "grey.tflite", 8, 8, 1)
    cases = {
        tmp_path / "none.tflite": "no such file",
        tmp_path / "text.tflite": "cannot be opened as a TF Lite model",
        classifier: r"needs four outputs.*it has: .*\[1, 3\]",
        grey: r"input is float32 \[1, 8, 8, 1\]; a detector of one colour photo",
    }
    for path, message in cases.items():
        with pytest.raises(InputError, match=message) as error:
            open_pretrained(f"detector:{path}")
        assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("?classes=zebra", "no class 'zebra'.*person, cat, dog"),
        ("?klasses=1", "'klasses' is no option; did you mean classes="),
        ("?classes=cats", "no class 'cats'.*did you mean 'cat'"),
        ("?classes=cat&classes=dog", "classes is given twice"),
        ("?classes", "'classes' is no option"),
        ("?range=0-255", "'0-255' is no range; there are 0..1, -1..1, 0..255"),
        ("?size=0", "'0' is no size"),
        ("?size=8x9x3", "'8x9x3' is no size; write size=320 or"),
        ("?size=32", r"input is \[1, 8, 8, 3\], which cannot be 32 x 32"),
        ("?signature=", "signature is empty"),
        ("?signature=detect", "no signature 'detect'; it has: serving_default"),
        ("?classes=16,,17", "an empty class"),
        ("?labels=/nowhere.txt", "/nowhere.txt: cannot be read"),
    ],
)
def test_unusable_options_say_why(detector_file, options, message):
    with pytest.raises(InputError, match=message):
        open_pretrained(f"detector:{detector_file}{options}")


def test_class_names_without_a_list():
    with pytest.raises(InputError, match="no names are known.*labels=FILE"):
        class_ids(["cat"], {}, "m")
    assert class_ids([], {}, "m") is None


def test_dequantize_by_hand():
    values = np.array([0, 128, 255], np.uint8)
    assert dequantize(values, (0.5, 128)) == pytest.approx([-64, 0, 63.5])
    assert dequantize(np.float32([0.25]), (0.0, 0)) == pytest.approx([0.25])


def test_cost_agrees_with_the_layers_of_keras(tmp_path):
    image = keras.Input((16, 16, 3), batch_size=1)
    # The converter leaves out biases of zero, and equal ones but one.
    bias = {"bias_initializer": "random_normal"}
    x = layers.Conv2D(8, 3, strides=2, padding="same", **bias)(image)
    x = layers.DepthwiseConv2D(3, padding="same", **bias)(x)
    x = layers.Conv2D(5, 1, **bias)(layers.ReLU()(x))
    model = keras.Model(image, layers.Dense(7, **bias)(layers.Flatten()(x)))
    path = tmp_path / "m.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    cost = PhotoGraph(path).cost
    assert cost.parameters == model.count_params()
    assert cost.macs == count_macs(model)
    assert cost.file_bytes == path.stat().st_size


def anchors_one_by_one():
    """The published construction, written out: Liu et al. 2016, section 2.2."""
    scales = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0]
    for layer, grid in enumerate((19, 10, 5, 3, 2, 1)):
        pairs = [(0.1, 1), (0.2, 2), (0.2, 1 / 2)]
        if layer:
            pairs = [(scales[layer], ratio) for ratio in (1, 2, 1 / 2, 3, 0.3333)]
            pairs.append(((scales[layer] * scales[layer + 1]) ** 0.5, 1))
        for row in range(grid):
            for column in range(grid):
                for scale, ratio in pairs:
                    height, width = scale / ratio**0.5, scale * ratio**0.5
                    yield (row + 0.5) / grid, (column + 0.5) / grid, height, width


def test_anchors_are_the_published_ones():
    expected = np.array(list(anchors_one_by_one()))
    assert expected.shape == (1917, 4)
    np.testing.assert_allclose(ssd_anchors(), expected, rtol=1e-12)


def test_decoding_by_hand():
    anchor = np.array([0.5, 0.4, 0.2, 0.1])
    code = [1.0, -2.0, 5 * np.log(2), 0.0]
    # Centre (0.5 + 0.1 * 0.2, 0.4 - 0.2 * 0.1), height doubled to 0.4, width 0.1.
    assert decode_rel_yxyx(code, anchor) == pytest.approx([0.32, 0.33, 0.72, 0.43])


@pytest.mark.parametrize(
    ("classes", "anchor", "label", "logit"), [("2", 30, "b", 1.0), ("any", 40, "c", 2.0)]
)
def test_undecoded_ssd(tmp_path, classes, anchor, label, logit):
    logits = np.full((1, 1917, 4), -3, np.float32)
    logits[0, 20, 0], logits[0, 30, 2], logits[0, 40, 3] = 9, 1, 2

    def network(image):
        nothing = 0 * tf.reduce_mean(image)
        return {"box_encodings": tf.zeros([1, 1917, 4]) + nothing, "logits": logits + nothing}

    path = to_tflite(network, tmp_path / "ssd.tflite", 8, 8, 3)
    (tmp_path / "ssd_labels.txt").write_text("???\na\nb\nc\n")
    answer = open_pretrained(f"detector:{path}?classes={classes}").predict([WHITE])
    y, x, height, width = list(anchors_one_by_one())[anchor]
    box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    assert answer.boxes_rel_xyxy[0] == pytest.approx(np.clip(box, 0, 1))
    assert answer.labels == [label]
    assert answer.scores == pytest.approx([1 / (1 + np.exp(-logit))])
    with pytest.raises(InputError, match="classes are 1 to 3"):
        open_pretrained(f"detector:{path}?classes=4")


@pytest.fixture(scope="module")
def hub_module(tmp_path_factory):
    return save_openimages_module(tmp_path_factory.mktemp("hub") / "openimages_v4_ssd_mobilenet_v2")


def photo_with_spot():
    """20 pixels high and 40 wide; rows 5 to 9 and columns 10 to 29 are bright."""
    photo = np.zeros((20, 40, 3), np.uint8)
    photo[5:10, 10:30] = 200
    return photo


def test_hub_module_with_its_default_classes(hub_module):
    detector = open_pretrained(str(hub_module))
    answer = detector.predict([photo_with_spot(), np.full((7, 5, 3), 255, np.uint8)])
    assert answer.boxes_rel_xyxy[0] == pytest.approx([0.25, 0.25, 0.75, 0.5])
    assert answer.boxes_rel_xyxy[1] == pytest.approx([0, 0, 1, 1])
    assert answer.scores == pytest.approx([0.6, 0.6]) and answer.labels == ["Cat", "Cat"]
    assert detector.name == "openimages_v4_ssd_mobilenet_v2"
    assert detector.cost.parameters == 1 and detector.cost.macs is None
    assert detector.cost.file_bytes > 1000


@pytest.mark.parametrize(
    ("classes", "label"),
    [("any", "Tree"), ("tree", "Tree"), ("/m/01yrx", "Cat"), ("8", "Cat"), ("Zebra", "")],
)
def test_hub_module_classes(hub_module, classes, label):
    answer = open_pretrained(f"{hub_module}?classes={classes}").predict([photo_with_spot()])
    assert answer.labels == [label]
    assert np.isnan(answer.boxes_rel_xyxy).any() == (label == "")


def test_hub_module_of_the_usual_batched_outputs(tmp_path):
    module = tf.Module()
    module.detect = tf.function(
        four_outputs, input_signature=[tf.TensorSpec([1, 8, 8, 3], tf.float32, name="images")]
    )
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"default": module.detect})
    answer = open_pretrained(f"{tmp_path / 'm'}?classes=17,16").predict([WHITE])
    assert answer.boxes_rel_xyxy[0] == pytest.approx([0.1, 0.0, 0.6, 0.5])
    # White is 1 in [0, 1].
    assert answer.scores == pytest.approx([0.5]) and answer.labels == ["16"]


def test_other_saved_models_are_refused(tmp_path):
    module = tf.Module()
    module.call = tf.function(lambda x: x, input_signature=[tf.TensorSpec([1, 2])])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"other": module.call})
    with pytest.raises(InputError, match="not a detector.*detection_boxes.*it has: other"):
        open_pretrained(str(tmp_path / "m"))
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(InputError, match="cannot be loaded as a SavedModel"):
        open_pretrained(str(tmp_path / "m"))
    with pytest.raises(InputError, match="leave out labels="):
        open_pretrained(f"{tmp_path / 'm'}?labels=x")
