"""Folds of a dataset: who is held out when."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from localizer.dataset.dataset import BOX_COLUMNS, Dataset
from localizer.dataset.folds import all_folds, as_trained, hold_out
from localizer.errors import InputError
from localizer.models.description import check_dataset


def dataset_of(names, groups=None, splits="train", seed=0, path="data/none"):
    samples = pd.DataFrame(
        {"image": names, "split": splits, "group": groups if groups is not None else names}
    )
    samples[BOX_COLUMNS] = [0.25, 0.25, 0.75, 0.75]
    return Dataset(path, np.zeros((len(names), 8, 8, 3), np.uint8), samples, {"seed": seed})


def held_out(dataset, of):
    return [
        set(fold.samples.loc[fold.samples["split"] == "validation", "image"])
        for fold in all_folds(dataset, of)
    ]


def test_each_photo_is_held_out_once_and_no_test_photo_ever():
    names = [f"{kind}_{i}.jpg" for kind in ("cat", "dog") for i in range(52)]
    splits = ["test" if i % 10 == 0 else "validation" if i % 3 else "train" for i in range(104)]
    dataset = dataset_of(names, splits=splits)
    parts = held_out(dataset, 5)
    kept = {name for name, split in zip(names, splits) if split != "test"}
    assert sum(map(len, parts)) == len(kept) and set.union(*parts) == kept
    assert {len(part) for part in parts} <= {len(kept) // 5, len(kept) // 5 + 1}
    # Numbered names are spread evenly: nearly as many cats as dogs in each.
    cats = [sum(name.startswith("cat") for name in part) for part in parts]
    assert max(cats) - min(cats) <= 4
    for fold in (*all_folds(dataset, 5), hold_out(dataset, None, 5)):
        assert ((fold.samples["split"] == "test") == (np.array(splits) == "test")).all()
    whole = hold_out(dataset, None, 5)
    assert len(whole.indices("train")) == len(kept)
    assert whole.description["counts"]["validation"] == 0
    with pytest.raises(InputError, match="validation split is empty"):
        whole.indices("validation")


def test_folds_follow_from_the_names_and_the_seed_alone():
    names = [f"IMG_{i:04d}.jpg" for i in range(40)]
    parts = held_out(dataset_of(names), 4)
    assert held_out(dataset_of(names[::-1], splits="validation"), 4) == parts
    assert held_out(dataset_of(names, seed=1), 4) != parts


def test_near_duplicates_share_a_fold_and_the_folds_are_balanced():
    groups = ["a"] * 7 + ["b"] * 5 + ["c"] * 3 + [f"single{i}" for i in range(15)]
    names = [f"{i}.jpg" for i in range(30)]
    parts = held_out(dataset_of(names, groups), 3)
    assert [len(part) for part in parts] == [10, 10, 10]
    for group in "abc":
        of_group = {name for name, one in zip(names, groups) if one == group}
        assert sum(bool(of_group & part) for part in parts) == 1


def test_too_few_photos_for_the_folds():
    with pytest.raises(InputError, match=r"5 folds need.*there are 2.*fewer --folds"):
        all_folds(dataset_of(["1", "2", "3"], ["a", "a", "b"]), 5)


def test_a_model_tells_what_it_was_trained_on():
    dataset = dataset_of([f"{i}.jpg" for i in range(9)], splits=["train"] * 6 + ["validation"] * 3)
    assert as_trained(dataset, {}) is dataset
    for fold in (*all_folds(dataset, 3), hold_out(dataset, None, 3)):
        description = json.loads(json.dumps(fold.description))
        again = as_trained(dataset, description)
        assert list(again.samples["split"]) == list(fold.samples["split"])
        # Folds of a view are those of the dataset.
        assert list(as_trained(again, description).samples["split"]) == list(again.samples["split"])


@pytest.mark.parametrize("folds", [5, {"of": 1, "fold": 0}, {"of": 10**9}, {"of": 5, "fold": "1"}])
def test_unusable_folds_of_a_model_file_are_refused(folds):
    dataset = {"target": "t", "source": "voc", "sha256": {"samples.csv": ""}, "folds": folds}
    with pytest.raises(InputError, match="no usable `folds`"):
        check_dataset("m.keras", {"dataset": dataset})
    check_dataset("m.keras", {"dataset": dataset | {"folds": {"of": 5, "fold": None}}})


def test_photos_of_a_teacher_that_show_what_is_held_out_are_not_used(tmp_path, monkeypatch):
    dataset = dataset_of([f"{i}.jpg" for i in range(4)], path=tmp_path)
    table = [
        ("0.jpg", "0.jpg"),
        ("0.jpg", "extra-0.jpg"),
        ("1.jpg", "1.jpg"),
        ("1.jpg", "extra-1.jpg"),
    ]
    pd.DataFrame(table, columns=["group", "image"]).to_csv(
        tmp_path / "near_duplicates.csv", index=False
    )
    added = dataset_of([f"extra-{i}.jpg" for i in range(4)])
    monkeypatch.setattr(Dataset, "unlabelled", property(lambda self: added))
    used = Counter()
    for fold in all_folds(dataset, 4):
        out = set(fold.samples["image"][fold.indices("validation")])
        samples = fold.unlabelled.samples
        kept = set(samples.loc[samples["split"] != "", "image"])
        assert kept == {f"extra-{i}.jpg" for i in range(4)} - {
            f"extra-{one}" for one in out & {"0.jpg", "1.jpg"}
        }
        used.update(kept)
    assert used == {"extra-0.jpg": 3, "extra-1.jpg": 3, "extra-2.jpg": 4, "extra-3.jpg": 4}
    assert len(hold_out(dataset, None, 4).unlabelled.indices("train")) == 4
