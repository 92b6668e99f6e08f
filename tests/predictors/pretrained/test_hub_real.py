"""The published detectors on a sample of real photos: their figures as they were measured.

On all 611 official test photos with a usable trimap the means are 0.869 (mobile_object_localizer),
0.897 (the 24-class SSD) and 0.799 (COCO SSD, cats and dogs).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from localizer.evaluation.crop_labels import label_crops
from localizer.images.boxes import iou_xyxy
from localizer.images.photos import read_photo
from localizer.predictors.loading import load_predictor
from localizer.predictors.pretrained.hub_models import hub_model
from localizer.predictors.pretrained.labeler import Labeler
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.oxford.oxford_pet import read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(oxford_root):
    """Every tenth of the official test photos that have a body box: (records, photos)."""
    listed = (oxford_root / "annotations" / "test.txt").read_text().splitlines()
    names = {line.split()[0] for line in listed if line and not line.startswith("#")}
    records = [
        record
        for record in read(oxford_root, "body")
        if isinstance(record, AnnotatedImage) and Path(record.image).stem in names
    ][::10]
    return records, [read_photo(oxford_root / record.image) for record in records]


def hub_file(name):
    """The file of a known model; hub and peer models may lie in two folders of one parent."""
    if not os.environ.get("LOCALIZER_HUB"):
        pytest.skip("needs the environment variable LOCALIZER_HUB")
    hub, file = Path(os.environ["LOCALIZER_HUB"]), hub_model(name).file
    for path in (hub / file, hub.parent / "peers" / file):
        if path.exists():
            return path
    pytest.fail(f"LOCALIZER_HUB is {hub}, which does not hold {file}, nor does ../peers")


def truth_of(records):
    return np.array([record.box_rel_xyxy for record in records], np.float32)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("mobile_object_localizer_v1", 0.86, 0.90),
        ("openimages_v4_ssd_mobilenet_v2_24class", 0.89, 0.925),
        ("coco_ssd_mobilenet_v1", 0.75, 0.80),
    ],
)
def test_mean_iou_on_whole_animals(sample, name, low, high):
    predictor = load_predictor(f"detector:{hub_file(name)}", None)
    assert predictor.name == name and len(predictor.notes) == 1, "another file than was measured"
    records, photos = sample
    answer = predictor.predict(photos)
    mean = iou_xyxy(truth_of(records), answer.boxes_rel_xyxy).mean()
    assert low < mean < high
    if name.startswith("openimages"):
        supercategory = [label.casefold() for label in answer.labels]
        assert np.mean([a == r.supercategory for a, r in zip(supercategory, records)]) > 0.85


def test_the_peer_for_heads_is_marked_and_boxes_less_than_the_animal(sample):
    predictor = load_predictor(f"detector:{hub_file('ssdlite_mobiledet_pet_heads')}", None)
    assert predictor.seen_categories == {"Abyssinian", "american_bulldog"}
    records, photos = sample
    boxes = predictor.predict(photos[:10]).boxes_rel_xyxy
    assert iou_xyxy(truth_of(records[:10]), boxes).mean() < 0.6
    assert set(predictor.predict(photos[:10]).labels) <= predictor.seen_categories


def test_published_sizes():
    # SSD MobileNet v1 and v2 at 300 pixels have 0.7 to 1.3 G multiply-adds with 24 to 91 classes;
    # both files store a byte or two for each parameter.
    cost = load_predictor(f"detector:{hub_file('coco_ssd_mobilenet_v1')}", None).cost
    assert 0.9 < cost.parameters / cost.file_bytes < 1 and 0.7e9 < cost.macs < 1.3e9
    name = "openimages_v4_ssd_mobilenet_v2_24class"
    cost = load_predictor(f"detector:{hub_file(name)}", None).cost
    assert 1.9 < cost.file_bytes / cost.parameters < 2.1 and 0.6e9 < cost.macs < 1.0e9


def test_labeler_tells_cats_and_has_no_dog(sample):
    labeler = Labeler(hub_file("mobile_object_labeler_v1"))
    assert len(labeler.labels) == 631 and labeler.labels.index("Cat") == 137
    assert "Dog" not in labeler.labels
    records, photos = (part[::3] for part in sample)
    boxes = {"truth": truth_of(records), "whole image": np.array([[0, 0, 1, 1]] * len(records))}
    found = label_crops(
        [r.image for r in records], [r.supercategory for r in records], photos, boxes, labeler
    )
    truth, whole = found.summary["box_makers"]
    assert truth["cats_rank_1"] > 0.7 and truth["same_as_truth"] == 1.0
    assert 0.1 < whole["same_as_truth"] < 0.9
    dogs = {r.image for r in records if r.supercategory == "dog"}
    scores = found.table[found.table["image"].isin(dogs)]["cat_score"]
    cats = found.table[~found.table["image"].isin(dogs)]["cat_score"]
    assert cats.mean() > scores.mean() + 0.3


def test_eight_threads_share_what_the_project_did_not_train():
    localizer = load_predictor(f"detector:{hub_file('mobile_object_localizer_v1')}", None)
    labeler = Labeler(hub_file("mobile_object_labeler_v1"))
    photos = list(np.random.default_rng(0).integers(0, 256, (8, 40, 60, 3), np.uint8))
    for i, photo in enumerate(photos):
        photo[5 : 20 + i, 2 * i : 2 * i + 30] //= 8

    def answer(i):
        found = localizer.predict([photos[i]])
        return found.boxes_rel_xyxy.tobytes(), labeler.classify([photos[i]]).tobytes()

    expected = [answer(i) for i in range(8)]
    assert len(set(expected)) == 8
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(answer, [k % 8 for k in range(96)]))
    assert answers == [expected[k % 8] for k in range(96)]
