"""TF Lite detectors of other people: what their files say is read, what cannot be is refused."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from localizer import Localizer
from localizer.errors import InputError
from localizer.predictors.predictor import Cost, Predictions, Predictor
from localizer.predictors.pretrained.litert_detector import LitertDetector
from localizer.predictors.pretrained.litert_graph import GraphOutput
from localizer.predictors.pretrained.opening import open_pretrained
from localizer.predictors.pretrained.raw_ssd_detector import RawSsdDetector
from localizer.predictors.pretrained.tflite_metadata import TensorMetadata, read_tflite_metadata
from tests.predictors.pretrained.hub_graphs import (
    BRIGHT_REL_XYXY,
    add_metadata,
    bright_box,
    photo_with_bright_part,
    signatures_to_tflite,
    to_tflite,
)

OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
PIXEL = 1 / 48


def from_bytes(image):
    return bright_box(tf.cast(image, tf.float32) / 255)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same detector in files of several kinds, by name."""
    folder = tmp_path_factory.mktemp("foreign")
    made = {
        "open": (from_bytes, (None, None, 3), tf.uint8),
        "signed": (
            lambda x: bright_box((tf.cast(x, tf.float32) + 128) / 255),
            (48, 96, 3),
            tf.int8,
        ),
        "unit": (bright_box, (64, 64, 3), tf.float32),
        "first": (lambda x: bright_box(tf.transpose(x, [0, 2, 3, 1])), (3, 48, 64), tf.float32),
    }
    for name, (function, shape, dtype) in made.items():
        to_tflite(function, folder / f"{name}.tflite", *shape, dtype=dtype)
    return folder


def assert_bright(detector, tolerance=PIXEL):
    answer = detector.predict([photo_with_bright_part()])
    assert answer.boxes_rel_xyxy[0] == pytest.approx(BRIGHT_REL_XYXY, abs=tolerance)
    assert answer.labels == ["1"] and answer.scores == pytest.approx([0.9])


def test_an_open_input_needs_a_size_and_gets_it(files, tmp_path):
    path = files / "open.tflite"
    with pytest.raises(InputError, match=r"input is \[1, -1, -1, 3\].*give \?size=320") as error:
        open_pretrained(str(path))
    assert str(path) in str(error.value)
    assert_bright(open_pretrained(f"detector:{path}?size=64"))
    oblong = open_pretrained(f"detector:{path}?size=48x96")
    assert oblong.name == "open[size=48x96]"
    assert_bright(oblong)
    assert_bright(open_pretrained(str(add_metadata(path, tmp_path / "m.tflite", size=(96, 64)))))


@pytest.mark.parametrize(
    ("name", "options"),
    [("signed", ""), ("unit", "?range=0..1"), ("first", "?range=0..1")],
)
def test_types_sides_and_layouts(files, name, options):
    assert_bright(open_pretrained(f"detector:{files / name}.tflite{options}"))


def test_the_range_is_the_users_else_the_files_else_assumed_with_a_note(files, tmp_path, capsys):
    # At half the brightness only 0..1 shows the bright part as such: 140 is 0.55, or 0.1 in -1..1.
    photo = photo_with_bright_part() // 12 * 7

    def found(model):
        return not np.isnan(open_pretrained(str(model)).predict([photo]).boxes_rel_xyxy).any()

    plain = files / "unit.tflite"
    assert found(f"detector:{plain}?range=0..1") and capsys.readouterr().err == ""
    assert not found(plain)
    assert "does not say its range; -1..1 is assumed" in capsys.readouterr().err
    said = add_metadata(plain, tmp_path / "said.tflite", mean=[0.0], std=[255.0])
    assert found(said) and capsys.readouterr().err == ""
    assert not found(f"detector:{said}?range=-1..1")
    broken = add_metadata(plain, tmp_path / "broken.tflite", mean=[0.0], std=[0.0])
    with pytest.raises(InputError, match=r"unusable normalization.*\?range="):
        open_pretrained(str(broken))


def test_of_several_signatures_the_detector_is_run(tmp_path):
    def features(image):
        return {"feature": tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2])}

    functions = {
        "a_features": (features, (64, 64, 3), tf.uint8),
        "b_detect": (from_bytes, (64, 64, 3), tf.uint8),
    }
    path = signatures_to_tflite(tmp_path / "s.tflite", functions)
    assert_bright(open_pretrained(str(path)))
    assert_bright(open_pretrained(f"detector:{path}?signature=b_detect"))
    with pytest.raises(InputError, match="not a detector.*feature"):
        open_pretrained(f"detector:{path}?signature=a_features")
    with pytest.raises(InputError, match="no signature 'c'; it has: a_features, b_detect"):
        open_pretrained(f"detector:{path}?signature=c")
    functions = {name: (from_bytes, (None, 64, 3), tf.uint8) for name in ("left", "right")}
    path = signatures_to_tflite(tmp_path / "two.tflite", functions)
    with pytest.raises(InputError, match=r"could be meant: left, right.*\?signature=left"):
        open_pretrained(str(path))
    assert_bright(open_pretrained(f"detector:{path}?signature=right&size=32x64"), 1 / 32)


def test_metadata_name_outputs_labels_and_the_order_of_edges(tmp_path):
    def nameless(image):
        values = list(from_bytes(image).values())
        boxes = tf.gather(values[0], [1, 0, 3, 2], axis=-1)
        return {"a": values[3], "b": values[2], "c": boxes, "d": values[1]}

    plain = to_tflite(nameless, tmp_path / "p.tflite", 64, 64, 3, dtype=tf.uint8)
    # The order of the file's outputs is its own.
    interpreter = Interpreter(str(plain))
    called = interpreter.get_signature_runner().get_output_details()
    called = {one["index"]: name for name, one in called.items()}
    names = {"a": "number of detections", "b": "score", "c": "location", "d": "category"}
    said = []
    for one in interpreter.get_output_details():
        name = names[called[one["index"]]]
        order = [0, 1, 2, 3] if name == "location" else None
        said.append((name, order, "NAMES.TXT" if name == "category" else None))
    path = add_metadata(plain, tmp_path / "m.tflite", outputs=said)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.txt", "x\ny\n")
        archive.writestr("NAMES.TXT", "\ufeffnothing\r\nlamp\r\n")
    answer = open_pretrained(str(path)).predict([photo_with_bright_part()])
    assert answer.boxes_rel_xyxy[0] == pytest.approx(BRIGHT_REL_XYXY, abs=PIXEL)
    assert answer.labels == ["lamp"]


def test_damaged_metadata_are_refused(files, tmp_path):
    whole = add_metadata(files / "unit.tflite", tmp_path / "m.tflite", mean=[0.0], std=[255.0])
    content = bytearray(whole.read_bytes())
    place = content.index(b"M001")
    content[place - 4 : place] = b"\xff\xff\xff\x0f"
    with pytest.raises(InputError, match="m.tflite: its TF Lite Metadata are damaged"):
        read_tflite_metadata("m.tflite", bytes(content))
    assert read_tflite_metadata("m", whole.read_bytes())[0][0].std == (255.0,)


class StubGraph:
    """A `PhotoGraph` without a file: {name: values of one photo, or a function of it}."""

    path, runtime, cost = Path("stub.tflite"), "none", Cost()

    def __init__(self, **outputs):
        self._values = outputs
        black = np.zeros((2, 2, 3), np.uint8)
        self.outputs = [
            GraphOutput((name,), one.shape, one.dtype.type, (0.0, 0), i, TensorMetadata())
            for i, (name, one) in enumerate(zip(outputs, self._run(black)))
        ]

    def _run(self, photo):
        return [np.asarray(v(photo) if callable(v) else v) for v in self._values.values()]

    def run(self, photo):
        return [values.astype(np.float32) for values in self._run(photo)]

    def outputs_of(self, operation):
        return None


IMPOSSIBLE = [
    [np.nan, 0, 1, 1],
    [0.6, 0.1, 0.4, 0.9],
    [0.1, 0.9, 0.5, 0.2],
    [0.3, 0.3, 0.3, 0.8],
    [1.2, 1.2, 1.5, 1.5],
    [40, 60, 100, 210],
    [-np.inf, 0, 1, 1],
    [0, 0, 0, 0],
]


def detections(boxes, scores, classes=None):
    n = len(scores)
    classes = np.arange(n, dtype=np.float32) if classes is None else np.asarray(classes)
    values = np.float32([boxes]), classes[None], np.float32([scores]), np.float32([n])
    return dict(zip(OUTPUTS, values))


def test_a_box_that_cannot_be_is_no_answer_and_the_next_best_is():
    boxes, scores = [*IMPOSSIBLE, [0.1, 0.2, 0.5, 0.6]], [*[0.9] * len(IMPOSSIBLE), 0.3]
    photo = [np.zeros((20, 30, 3), np.uint8)]
    graph = StubGraph(**detections(boxes, scores))
    answer = LitertDetector(graph, "d").predict(photo)
    assert answer.boxes_rel_xyxy[0] == pytest.approx([0.2, 0.1, 0.6, 0.5])
    assert answer.labels == ["8"] and answer.scores == pytest.approx([0.3])
    nothing = LitertDetector(graph, "d", classes=[str(i) for i in range(8)])
    found = Localizer(nothing).localize(photo[0])
    assert found.box is None and found.score is None and found.label is None


def test_scores_that_are_none():
    box = [0.1, 0.2, 0.5, 0.6]
    graph = StubGraph(**detections([box] * 3, [np.nan, -1, 0.4]))
    assert LitertDetector(graph, "d").predict([np.zeros((4, 4, 3), np.uint8)]).labels == ["2"]
    graph = StubGraph(**detections([box] * 2, [5.2, 0.3]))
    with pytest.raises(InputError, match="stub.tflite: a score of 5.2.*sigmoid"):
        LitertDetector(graph, "d").predict([np.zeros((4, 4, 3), np.uint8)])


def test_nameless_outputs_are_told_apart_by_shape_and_values():
    boxes, classes, scores, count = detections(
        [[0.1, 0.2, 0.5, 0.6], [0, 0, 0.3, 0.3]], [0.4, 0.8], np.float32([3, 5])
    ).values()
    photo = [np.zeros((4, 4, 3), np.uint8)]
    for a, b in ((classes, scores), (scores, classes)):
        graph = StubGraph(output_0=a, output_1=count, output_2=b, output_3=boxes)
        answer = LitertDetector(graph, "d").predict(photo)
        assert answer.labels == ["5"] and answer.scores == pytest.approx([0.8])
    # Whole numbers from 0 to 1 in both: scores of 1, or classes?
    ones = StubGraph(a=np.float32([[0, 1]]), b=boxes, c=np.float32([[1, 0]]), d=count)
    with pytest.raises(InputError, match="have no names, and of two it cannot be told"):
        LitertDetector(ones, "d")
    typed = StubGraph(a=np.float32([[0, 1]]), b=boxes, c=np.int32([[1, 0]]), d=count)
    assert LitertDetector(typed, "d").predict(photo).labels == ["0"]


def test_more_outputs_than_four_are_chosen_by_their_names():
    more = {
        "raw_detection_boxes": np.zeros((1, 5, 4), np.float32),
        "detection_multiclass_scores": np.zeros((1, 2, 91), np.float32),
    }
    usual = detections([[0.1, 0.2, 0.5, 0.6], [0, 0, 0.3, 0.3]], [0.4, 0.8])
    answer = LitertDetector(StubGraph(**more, **usual), "d").predict(
        [np.zeros((4, 4, 3), np.uint8)]
    )
    assert answer.labels == ["1"]


def test_an_undecoded_box_that_cannot_be_gives_way_to_the_next():
    encodings, logits = np.zeros((1, 1917, 4)), np.full((1, 1917, 3), -5.0)
    logits[0, 20, 1], logits[0, 30, 1], logits[0, 40, 2] = np.inf, 4, 2
    encodings[0, 30] = np.nan
    detector = RawSsdDetector(StubGraph(box_encodings=encodings, logits=logits), "d")
    answer = detector.predict([np.zeros((4, 4, 3), np.uint8)])
    assert answer.labels == ["2"] and answer.scores == pytest.approx([1 / (1 + np.exp(-2))])
    assert np.isfinite(answer.boxes_rel_xyxy).all()


@pytest.mark.parametrize("box", [*np.array(IMPOSSIBLE)[:, [1, 0, 3, 2]], [0.5, 0.5, 0.5002, 0.9]])
def test_no_predictor_gets_such_a_box_to_a_user(box):
    class Any(Predictor):
        def predict(self, photos):
            return Predictions(np.float32([box]), np.float32([0.9]), ["cat"])

    found = Localizer(Any()).localize(np.zeros((100, 200, 3), np.uint8))
    assert found.box is None and found.label is None


def test_eight_threads_share_a_detector(files):
    localizer = Localizer(open_pretrained(f"detector:{files / 'signed.tflite'}"))
    photos = []
    for i in range(16):
        photo = np.full((48, 96, 3), 10, np.uint8)
        photo[i : i + 20, 2 * i : 2 * i + 40] = 250
        photos.append(photo)
    expected = [localizer.localize(photo).box for photo in photos]
    assert len(set(expected)) == 16
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda k: localizer.localize(photos[k % 16]).box, range(800)))
    assert answers == [expected[k % 16] for k in range(800)]
