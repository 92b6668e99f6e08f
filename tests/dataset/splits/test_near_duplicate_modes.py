"""Frames of one camera: grouped, divided on demand, and what is said of the figures."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.dataset.leaving_out import open_exclusion
from localizer.dataset.splits.near_duplicate_notes import divided_note
from localizer.dataset.splits.split_tables import open_split
from localizer.dataset.summary import summarize_dataset
from localizer.errors import InputError
from localizer.evaluation.evaluate import evaluate
from localizer.predictors.constant import constant_predictor
from localizer.reporting.wording import notes
from localizer.sources.annotated_image import AnnotatedImage

COUNT = 30


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Thirty frames of a still camera, and a byte-identical copy of the first, as read by csv."""
    root = tmp_path_factory.mktemp("camera")
    scene = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    scene = cv2.resize(scene, (120, 90), interpolation=cv2.INTER_CUBIC)
    records = []
    for number in range(COUNT):
        frame, x = scene.copy(), 3 * number
        frame[40:55, x : x + 15] = (255, 0, 0)
        Image.fromarray(frame).save(root / f"frame_{number}.png")
        box = (x / 120, 40 / 90, (x + 15) / 120, 55 / 90)
        records.append(AnnotatedImage(f"frame_{number}.png", box))
    (root / "again.png").write_bytes((root / "frame_0.png").read_bytes())
    return root, [*records, AnnotatedImage("again.png", records[0].box_rel_xyxy)]


def generate(frames, out, **options):
    root, records = frames
    settings = GenerationSettings("csv", "object", root=root, image_size=48, **options)
    return generate_dataset(lambda folder: records, settings, out, progress=False)


def splits_of(dataset):
    return dict(zip(dataset.samples["image"], dataset.samples["split"], strict=True))


def near_duplicates_of(dataset):
    return json.loads((dataset.path / "dataset.json").read_text())["near_duplicates"]


def test_frames_of_one_camera_share_a_split_and_the_messages_say_what_divides_them(
    frames, tmp_path
):
    dataset = generate(frames, tmp_path / "data")
    [split] = set(splits_of(dataset).values())
    empty = next(one for one in ("test", "train") if one != split)
    said = (
        "all 31 photos are near-duplicates of each other, so they share one split; "
        "--near-duplicates exact (or keep) divides them, and the figures then tell how the model "
        "does on this camera, not elsewhere"
    )
    assert summarize_dataset(dataset).count(said) == 1
    with pytest.raises(InputError) as error:
        dataset.indices(empty)
    assert str(error.value) == f"{dataset.path}: the {empty} split is empty: {said}"
    assert near_duplicates_of(dataset) == {
        "mode": "group",
        "groups": 1,
        "photos": 31,
        "left_out": {},
    }
    assert divided_note(dataset, "test") == ""


@pytest.mark.parametrize("mode", ["exact", "keep"])
def test_divided_frames_are_trained_and_scored_on_with_a_note(frames, tmp_path, mode):
    dataset = generate(frames, tmp_path / "data", near_duplicates=mode)
    splits = splits_of(dataset)
    assert {*splits.values()} == {"train", "validation", "test"}
    groups = dict(zip(dataset.samples["image"], dataset.samples["group"], strict=True))
    together = {image for image, group in groups.items() if [*groups.values()].count(group) > 1}
    assert together == ({"again.png", "frame_0.png"} if mode == "exact" else set())
    assert len({splits[image] for image in together}) < 2
    near = near_duplicates_of(dataset)
    assert near == {"mode": mode, "groups": 1, "photos": 31, "left_out": {}}
    assert len(pd.read_csv(dataset.path / "near_duplicates.csv")) == 31
    count = [*splits.values()].count("test")
    said = f"made with --near-duplicates {mode}: {count} of the {count} photos of the test split"
    assert said in summarize_dataset(dataset)
    model = constant_predictor("baseline:mean", dataset)
    metrics = evaluate(dataset, [model], "test", progress=False).metrics
    assert any(f"data: {said}" in note for note in notes(metrics))
    assert divided_note(dataset, "train") == ""


def test_a_split_in_time_keeps_all_frames_where_it_is_wanted(frames, tmp_path):
    table = tmp_path / "times.csv"
    rows = [f"frame_{n}.png,{'train' if n < 20 else 'test'}" for n in range(COUNT)]
    table.write_text("\n".join(["image,split", *rows, "again.png,test"]))
    split_by, file = open_split(str(table), None)
    grouped = generate(frames, tmp_path / "grouped", split_by=split_by, split_file=file)
    assert near_duplicates_of(grouped)["left_out"] == {"train": 20}
    said = "20 photos are left out because they are near-duplicates of photos held out"
    assert f"{said}; --near-duplicates exact (or keep)" in summarize_dataset(grouped)
    with pytest.raises(InputError, match=f"the train split is empty: {said}; --near-dup"):
        grouped.indices("train")
    for mode, expected in [("exact", 19), ("keep", 20)]:
        options = {"split_by": split_by, "split_file": file, "near_duplicates": mode}
        dataset = generate(frames, tmp_path / mode, **options)
        assert [*splits_of(dataset).values()].count("train") == expected
    reasons = pd.read_csv(tmp_path / "exact" / "skipped.csv")
    assert reasons[["image", "reason"]].to_numpy().tolist() == [
        ["frame_0.png", "the same picture as again.png, which is in the test split of times.csv"]
    ]


def test_other_datasets_are_kept_out_with_their_near_duplicates_in_every_mode(frames, tmp_path):
    root, records = frames
    held_out = generate((root, records[:2]), tmp_path / "other", fractions=(0, 0, 1))
    exclude = (open_exclusion(str(held_out.path)),)
    for mode in ("exact", "keep"):
        with pytest.raises(InputError, match="none of 31 images is usable"):
            generate(frames, tmp_path / mode, near_duplicates=mode, exclude=exclude)


def test_modes_that_cannot_be(frames, tmp_path, run_script):
    with pytest.raises(InputError, match="--near-duplicates some: it is group, exact, keep"):
        generate(frames, tmp_path / "data", near_duplicates="some")
    options = ["--source", "synthetic", "--count", 6, "--near-duplicates", "keep"]
    done = run_script("generate_dataset.py", *options)
    assert done.returncode == 2 and "drawn scenes are not compared" in done.stderr
