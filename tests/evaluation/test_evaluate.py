"""Evaluation of predictors on small datasets of photos on disk."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from localizer.dataset.dataset import COLUMNS, Dataset
from localizer.errors import InputError
from localizer.evaluation import latency as costs
from localizer.evaluation.evaluate import evaluate
from localizer.evaluation.latency import latencies_ms, summarize_latency
from localizer.files.checksums import checksum
from localizer.images.reading_ahead import BATCH_PHOTOS
from localizer.predictors.constant import NAMES, constant_predictor
from localizer.predictors.predictor import Cost, Predictions, Predictor


def make_dataset(folder, count=12, train=2):
    """A dataset of 40x20 photos whose red channel holds their row; the last ones are for test."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    rows = []
    for i in range(count):
        Image.new("RGB", (40, 20), (i, 128, 0)).save(photos / f"{i}.png")
        supercategory, category = (("cat", "Bombay"), ("dog", "pug"), ("dog", "Saint_Bernard"))[
            i % 3
        ]
        xmax = 0.4 + 0.5 * i / count
        split = "train" if i < train else "test"
        rows.append(
            (f"{i}.png", split, 40, 20, 0.2, 0.0, xmax, 0.5, supercategory, category, f"{i}")
        )
    return Dataset(
        path=folder,
        images=np.zeros((count, 8, 8, 3), np.uint8),
        samples=pd.DataFrame(rows, columns=COLUMNS),
        description={"source": "test", "target": "head", "seed": 0, "root": "photos"},
    )


class FromTruth(Predictor):
    """Answers with a function of the true box, found by the row that the photo's colour says."""

    cost = Cost(parameters=7, macs=70, file_bytes=700)

    def __init__(self, name, dataset, change=lambda box, row: box, label=lambda row: "", pause=0):
        self.name, self.calls, self.clock = name, [], 0.0
        self._dataset, self._change, self._label, self._pause = dataset, change, label, pause

    def predict(self, photos):
        self.calls.append(len(photos))
        self.clock += self._pause
        rows = [int(photo[0, 0, 0]) for photo in photos]
        found = [self._change(self._dataset.boxes_rel_xyxy[row].copy(), row) for row in rows]
        return Predictions(
            boxes_rel_xyxy=np.array(found, np.float32),
            scores=np.linspace(0.5, 1, len(rows), dtype=np.float32),
            labels=[self._label(row) for row in rows],
        )


def half(box, row):
    box[2] = (box[0] + box[2]) / 2
    return box


def test_contract_and_figures_by_hand(tmp_path):
    dataset = make_dataset(tmp_path / "pets")
    predictors = [FromTruth("perfect", dataset), FromTruth("half", dataset, half)]
    evaluation = evaluate(dataset, predictors, "test", progress=False)
    metrics = evaluation.metrics
    assert {k: metrics[k] for k in ("dataset", "split", "target", "n")} == {
        "dataset": "pets",
        "split": "test",
        "target": "head",
        "n": 10,
    }
    perfect, halved = metrics["models"]
    contract = {
        "name": "half",
        "mean_iou": 0.5,
        "median_iou": 0.5,
        "micro_iou": 0.5,
        "parameters": 7,
        "macs": 70,
        "file_bytes": 700,
    }
    for key, value in contract.items():
        assert halved[key] == (pytest.approx(value, abs=1e-6) if key.endswith("iou") else value)
    assert perfect["ap50_95"] == pytest.approx(1.0) and perfect["latency_ms"] >= 0
    assert perfect["success"] == {"0.5": 1.0, "0.75": 1.0, "0.9": 1.0}
    assert halved["success"]["0.75"] == 0.0
    assert perfect["versus_first"] is None
    versus = halved["versus_first"]
    assert versus["model"] == "perfect" and versus["losses"] == 10
    assert versus["mean_difference"] == pytest.approx(-0.5, abs=1e-6)
    assert [g["n"] for g in halved["per_box_size"]] == [4, 3, 3]
    assert {g["group"]: g["n"] for g in halved["per_supercategory"]} == {"cat": 3, "dog": 7}
    table = evaluation.predictions
    assert list(table) == [
        "model",
        "image",
        "xmin",
        "ymin",
        "xmax",
        "ymax",
        "score",
        "label",
        "iou",
        "has_object",
    ]
    assert list(evaluation.predictions_of("half")["image"]) == [f"{i}.png" for i in range(2, 12)]


def test_no_answer_is_a_zero_and_json_has_no_nan(tmp_path):
    dataset = make_dataset(tmp_path)

    def silent(box, row):
        return np.full(4, np.nan) if row < 7 else box

    metrics = evaluate(dataset, [FromTruth("m", dataset, silent)], "test", progress=False).metrics
    model = metrics["models"][0]
    assert model["no_box"] == 5
    assert model["mean_iou"] == pytest.approx(0.5)
    json.dumps(metrics, allow_nan=False)


def test_boxes_are_clipped_to_the_image(tmp_path):
    dataset = make_dataset(tmp_path)
    wide = FromTruth("m", dataset, lambda box, row: [-5, -5, 5, 5])
    table = evaluate(dataset, [wide], "test", progress=False).predictions
    assert (table[["xmin", "ymin", "xmax", "ymax"]].to_numpy() == [0, 0, 1, 1]).all()
    areas = 0.5 * (dataset.boxes_rel_xyxy[2:, 2] - 0.2)
    assert table["iou"].to_numpy() == pytest.approx(areas, abs=1e-6)


def test_unreadable_photos_are_left_out_for_all(tmp_path):
    dataset = make_dataset(tmp_path)
    (dataset.root / "3.png").unlink()
    (dataset.root / "5.png").write_bytes(b"no photo")
    predictors = [FromTruth("a", dataset), FromTruth("b", dataset, half)]
    evaluation = evaluate(dataset, predictors, "test", progress=False)
    assert [u["image"] for u in evaluation.metrics["unreadable"]] == ["3.png", "5.png"]
    assert evaluation.metrics["n"] == 8
    assert list(evaluation.rows) == [2, 4, 6, 7, 8, 9, 10, 11]
    assert evaluation.metrics["models"][0]["mean_iou"] == pytest.approx(1.0)


def test_nothing_readable_names_the_dataset(tmp_path):
    dataset = make_dataset(tmp_path)
    for file in dataset.root.iterdir():
        file.unlink()
    with pytest.raises(InputError, match="none of the 10 photos of the test split"):
        evaluate(dataset, [FromTruth("a", dataset)], "test", progress=False)


def test_empty_split_and_equal_names_are_refused(tmp_path):
    dataset = make_dataset(tmp_path)
    with pytest.raises(InputError, match="validation"):
        evaluate(dataset, [FromTruth("a", dataset)], "validation", progress=False)
    with pytest.raises(InputError, match="given twice"):
        evaluate(dataset, [FromTruth("a", dataset)] * 2, "test", progress=False)


def test_photos_come_in_chunks(tmp_path):
    dataset = make_dataset(tmp_path, count=BATCH_PHOTOS + 10, train=0)
    predictor = FromTruth("a", dataset)
    metrics = evaluate(dataset, [predictor], "test", progress=False).metrics
    assert predictor.calls[:2] == [BATCH_PHOTOS, 10]
    assert metrics["models"][0]["mean_iou"] == pytest.approx(1.0)


def test_latency_is_of_one_photo_and_none_for_constants(tmp_path, monkeypatch):
    dataset = make_dataset(tmp_path)
    slow = FromTruth("slow", dataset, pause=0.003)
    # A clock on which nothing else takes time, however busy the machine is.
    monkeypatch.setattr(costs, "time", SimpleNamespace(perf_counter=lambda: slow.clock))
    predictors = [slow, constant_predictor("baseline:center", dataset)]
    models = evaluate(dataset, predictors, "test", progress=False).metrics["models"]
    assert slow.calls == [10] + [1] * 20  # the pass, then each photo twice
    assert models[0]["latency_ms"] == pytest.approx(3.0)
    assert models[1]["latency_ms"] is None and models[1]["parameters"] is None


def test_predictors_take_turns_and_quartiles_hold_the_median(tmp_path, monkeypatch):
    dataset = make_dataset(tmp_path)
    turns = []

    class Noted(FromTruth):
        def predict(self, photos):
            turns.append((self.name, int(photos[0][0, 0, 0])))
            return super().predict(photos)

    predictors = [Noted(name, dataset) for name in "ab"]
    times = latencies_ms(dataset, np.arange(2, 12), predictors)
    photos = [photo for _, photo in turns[::4]]
    assert sorted(photos) == list(range(2, 12))
    assert turns == [(name, photo) for photo in photos for name in "aabb"]
    assert [len(measured) for measured in times] == [10, 10]
    monkeypatch.setattr(costs, "LATENCY_PHOTOS", (3, 200))
    monkeypatch.setattr(costs, "LATENCY_SECONDS", 0)
    assert [len(t) for t in latencies_ms(dataset, np.arange(2, 12), predictors)] == [3, 3]
    assert summarize_latency([1.0, 2.0, 3.0, 4.0, 10.0]) == {
        "latency_ms": 3.0,
        "latency_quartiles_ms": [2.0, 4.0],
        "latency_photos": 5,
    }


def test_photos_of_seen_categories_are_left_out_of_one_row(tmp_path):
    dataset = make_dataset(tmp_path)
    seen = FromTruth("seen", dataset, half, label=lambda row: "dog")
    seen.seen_categories, seen.notes = frozenset({"saint bernard"}), ("boxes heads",)

    def half_of_saint_bernards(box, row):
        return half(box, row) if row % 3 == 2 else box

    ours = FromTruth("ours", dataset, half_of_saint_bernards)
    evaluation = evaluate(dataset, [ours, seen], "test", progress=False)
    first, second = evaluation.metrics["models"]
    # Rows 2 to 11: four Saint Bernards (2, 5, 8, 11), three Bombays, three pugs.
    assert (first["n"], first["left_out"], second["n"], second["left_out"]) == (10, 0, 6, 4)
    assert first["mean_iou"] == pytest.approx(0.8) and second["mean_iou"] == pytest.approx(0.5)
    assert second["versus_first"]["n"] == 6
    assert second["versus_first"]["mean_difference"] == pytest.approx(-0.5)
    assert [g["group"] for g in second["per_category"]] == ["Bombay", "pug"]
    assert second["supercategory_accuracy"] == 0.5  # Three pugs are dogs, three Bombays are not.
    assert second["notes"] == ["boxes heads"] and second["seen_categories"] == ["saint bernard"]
    assert list(evaluation.predictions_of("seen").index) == [1, 2, 4, 5, 7, 8]
    assert list(evaluation.predictions_of("seen")["image"]) == [
        f"{row}.png" for row in (3, 4, 6, 7, 9, 10)
    ]
    seen.seen_categories = frozenset({"Bombay", "pug", "Saint_Bernard"})
    with pytest.raises(InputError, match="all categories"):
        evaluate(dataset, [seen], "test", progress=False)


def test_labels_of_a_teacher_are_no_truth(tmp_path):
    dataset = make_dataset(tmp_path)
    dataset.description["labels"] = "hub:mobile_object_localizer_v1"
    with pytest.raises(InputError, match="teacher labels are no truth"):
        evaluate(dataset, [FromTruth("m", dataset)], "test", progress=False)


def test_checksum_names_a_file_and_a_folder(tmp_path):
    file = tmp_path / "model" / "weights.bin"
    file.parent.mkdir()
    file.write_bytes(b"abc")
    # The SHA-256 of "abc" as FIPS 180-2 gives it.
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checksum(file) == abc and checksum(None) is None
    before = checksum(file.parent)
    file.rename(file.with_name("other.bin"))
    assert checksum(file.parent) not in (before, abc)
    dataset = make_dataset(tmp_path / "pets")
    predictor = FromTruth("m", dataset)
    predictor.path = file.with_name("other.bin")
    assert evaluate(dataset, [predictor], "test", False).metrics["models"][0]["sha256"] == abc


@pytest.mark.parametrize(
    ("label", "supercategory_accuracy", "category_accuracy"),
    [
        (lambda row: "", None, None),
        (lambda row: "airplane", None, None),
        (lambda row: "Dog", 0.7, None),
        (lambda row: ("Bombay", "pug", "saint bernard")[row % 3], 1.0, 1.0),
        (lambda row: ("Bombay", "pug", "pug")[row % 3], 1.0, 0.6),
    ],
    ids=["no labels", "other labels", "supercategory", "categories", "one category for another"],
)
def test_label_accuracy(tmp_path, label, supercategory_accuracy, category_accuracy):
    dataset = make_dataset(tmp_path)
    predictor = FromTruth("m", dataset, label=label)
    model = evaluate(dataset, [predictor], "test", progress=False).metrics["models"][0]
    assert model["supercategory_accuracy"] == (
        supercategory_accuracy and pytest.approx(supercategory_accuracy)
    )
    assert model["category_accuracy"] == (category_accuracy and pytest.approx(category_accuracy))


def test_dataset_without_classes(tmp_path):
    dataset = make_dataset(tmp_path)
    dataset.samples[["supercategory", "category"]] = ""
    predictor = FromTruth("m", dataset, label=lambda row: "dog")
    model = evaluate(dataset, [predictor], "test", progress=False).metrics["models"][0]
    assert model["per_category"] is None and model["per_supercategory"] is None
    assert model["supercategory_accuracy"] is None and model["category_accuracy"] is None


def test_constant_boxes(tmp_path):
    dataset = make_dataset(tmp_path)
    found = {}
    for name in NAMES:
        answer = constant_predictor(name, dataset).predict([np.zeros((5, 7, 3), np.uint8)] * 2)
        assert answer.boxes_rel_xyxy.shape == (2, 4) and np.isnan(answer.scores).all()
        found[name] = answer.boxes_rel_xyxy[1].tolist()
    assert found["baseline:center"] == [0.25, 0.25, 0.75, 0.75]
    assert found["baseline:whole"] == [0, 0, 1, 1]
    # The training split is rows 0 and 1: xmax 0.4 and 0.4 + 0.5 / 12.
    assert found["baseline:mean"] == pytest.approx([0.2, 0.0, 0.4 + 0.25 / 12, 0.5])
    with pytest.raises(InputError, match="baseline:median.*baseline:center"):
        constant_predictor("baseline:median", dataset)
