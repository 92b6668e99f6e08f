"""Values of settings: checked by their type, strictly, with words that say what is needed."""

from pathlib import Path
from typing import Literal

import pytest

from localizer.errors import InputError
from localizer.recipe.fields import FIELDS, build_config, check_setting
from localizer.recipe.reading import dataset_beside, find_recipe, read_recipe
from localizer.recipe.values import (
    Count,
    ImageSize,
    Positive,
    Seed,
    Share,
    checked,
    describe,
    from_text,
)
from localizer.shipped import shipped_folder

LOOKS = Literal["auto", 1, 2]


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (True, LOOKS, "one of auto, 1, 2 is needed"),
        (1.0, LOOKS, "one of auto, 1, 2 is needed"),
        ("atuo", LOOKS, "did you mean auto"),
        (True, Count, "a whole number from 1 to 1000000 is needed"),
        (3.0, Count, "a whole number"),
        ("3", Count, "a whole number"),
        (0, Positive, "a number above 0 is needed"),
        (float("inf"), Positive, "a number above 0"),
        (float("nan"), Share, "a number from 0 to 1"),
        (2**32, Seed, "below 4294967296"),
        (1, bool, "true or false"),
        (10**400, ImageSize, "from 96 to 1024"),
    ],
)
def test_what_is_no_value_of_a_type(value, kind, message):
    with pytest.raises(InputError, match=message):
        checked(value, kind)


def test_values_keep_or_get_their_types():
    assert repr(checked(3, Positive)) == "3.0"
    assert checked("1e-3", Positive) == 0.001  # Text to YAML 1.1.
    assert repr(from_text("1", LOOKS)) == "1"
    assert from_text("yes", bool) is True and from_text("False", bool) is False
    assert from_text("a/b", Path) == Path("a/b")
    assert describe(LOOKS) == "auto|1|2"


@pytest.mark.parametrize("text", ["3.0", "1_000", "", "0x10", "１"])
def test_words_that_are_no_whole_numbers(text):
    with pytest.raises(InputError, match="a whole number"):
        from_text(text, Count)


def test_fields_are_known_by_their_dotted_names():
    assert "augmentation.flip" in FIELDS and "augmentation" not in FIELDS
    assert build_config({"augmentation": {"flip": 0.25}}).augmentation.flip == 0.25
    with pytest.raises(InputError, match="did you mean augmentation.flip"):
        check_setting("augmentation.flop", 0.5)
    with pytest.raises(InputError, match="has fields of its own"):
        check_setting("augmentation", 0.5)


def test_a_recipe_is_a_file_or_the_name_of_a_shipped_one(tmp_path, monkeypatch):
    assert find_recipe("published") == shipped_folder("recipes") / "published.yaml"
    assert read_recipe(find_recipe("published"))["head"] == "recipe"
    with pytest.raises(InputError, match="did you mean published"):
        find_recipe("pubished")
    monkeypatch.chdir(tmp_path)
    Path("published").write_text("epochs: 3\n")
    assert read_recipe(find_recipe("published")) == {"epochs": 3}


def test_a_runs_config_names_its_dataset(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("epochs: 3\ndata: data/mine\n")
    assert dataset_beside(config) == "data/mine"
    assert read_recipe(config, also=("data",)) == {"epochs": 3}
    config.write_text("data: 7\n")
    with pytest.raises(InputError, match=r"config.yaml, line 1: data: the dataset folder"):
        dataset_beside(config)
