"""Recipes, plans, and the files of datasets and runs: used, or refused with a message."""

import json
from dataclasses import fields
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from localizer.ablation.plan import METRICS, read_plan
from localizer.dataset.dataset import BOX_COLUMNS, COLUMNS, open_dataset
from localizer.dataset.finding import default_dataset
from localizer.errors import InputError
from localizer.files.checksums import sha256_of
from localizer.recipe.config import AugmentationConfig, TrainingConfig
from localizer.recipe.fields import build_config
from localizer.recipe.reading import read_recipe
from tests.fuzzing import MUTANTS, fuzzed
from tests.fuzzing.damage import damaged, mutants, naming

NAMES = [field.name for field in fields(TrainingConfig)]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["none", "voting", "recipe", "1e999", ".nan", ".inf", "0x10", 10**400, [], {}]),
    st.dictionaries(
        st.sampled_from([field.name for field in fields(AugmentationConfig)]),
        st.one_of(st.floats(), st.text(max_size=3)),
        max_size=3,
    ),
)
RECIPES = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=3)), VALUES)
YAML_TOKENS = [
    b"!!python/object/apply:os.system [exit]",
    b"!!python/name:os.system",
    b"!!binary x",
    b"&a ",
    b"*a",
    b"<<: *a",
    b"---\n",
    b"? ",
    b"- ",
    b"\t",
    b"{",
    b"\xff",
    b"%YAML 9.9\n",
    b"!x ",
    b"\0",
    b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\n",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzzed")


SOUND_RECIPE = yaml.safe_dump(TrainingConfig().to_dict(), sort_keys=False).encode()
YAML_VALUES = [b"null", b"[]", b"{}", b"nan", b".nan", b".inf", b"-1", b"0", b"1e999", b"x", b"''"]
YAML_VALUES += [b"true", b"9" * 400, b"2001-99-99", b"0o8", b"1:2:3", b"~", b"16", b"&a x", b"*a"]


@fuzzed
@given(content=damaged(RECIPES.map(lambda r: yaml.safe_dump(r).encode()), YAML_TOKENS))
def test_recipe(folder, content):
    read_fuzzed(folder, content)


def test_recipe_mutants(folder):
    for content in mutants([SOUND_RECIPE], MUTANTS, YAML_VALUES, YAML_TOKENS):
        with naming(content):
            read_fuzzed(folder, content)


def read_fuzzed(folder, content):
    path = folder / "recipe.yaml"
    path.write_bytes(content)
    try:
        config = build_config(read_recipe(path)).to_dict()
    except InputError:
        return
    assert repr(yaml.safe_load(yaml.safe_dump(config, sort_keys=False))) == repr(config)
    assert 96 <= config["image_size"] <= 1024 and config["epochs"] > 0


def test_a_field_that_is_given_nothing_is_refused():
    """Found by a long run: `image_size:` in a recipe."""
    with pytest.raises(InputError, match="image_size has no value"):
        TrainingConfig(image_size=None)


@pytest.mark.parametrize("value", [True, 2.0, 3])
def test_a_choice_is_one_of_its_values_and_of_their_kind(value):
    """To Python, and to pydantic, true is 1 and 2.0 is 2."""
    with pytest.raises(InputError, match="looks: .* is not possible: one of auto, 1, 2 is needed"):
        TrainingConfig(looks=value)


PLAN = b"""data: data/mine
recipe: null
base: {epochs: 10, unlabelled: false}
rows:
  base: {}
  no flip: {augmentation.flip: 0}
  wide: {alpha: 0.5, augmentation: {hue: 0.0}}
seeds: [0, 1]
minutes: 2.5
split: validation
metric: mean_iou
baseline: base
pictures: [base, wide]
"""
STEPS = PLAN.replace(b"rows:", b"steps:").replace(b"baseline: base\n", b"")
PLAN_TOKENS = [
    *YAML_TOKENS,
    b"factors: {alpha: [1, 2]}\n",
    b"grid: {head: [voting]}\n",
    b"steps: {a: {}, b: {alpha: 1.0}}\n",
    b"[0]",
]


@fuzzed
@given(content=damaged(PLAN, PLAN_TOKENS))
def test_plan(folder, content):
    read_sound_plan(folder, content)


def test_plan_mutants(folder):
    for content in mutants([PLAN, STEPS], MUTANTS, [*YAML_VALUES, b"base", b"wide"], PLAN_TOKENS):
        with naming(content):
            read_sound_plan(folder, content)


def read_sound_plan(folder, content):
    path = folder / "plan.yaml"
    path.write_bytes(content)
    try:
        plan = read_plan(path)
    except InputError as error:
        assert str(path) in str(error)
        return
    names = [row.name for row in plan.rows]
    assert names and len(set(names)) == len(names) and plan.baseline in names
    assert plan.seeds and plan.split in ("validation", "test") and plan.metric in METRICS
    assert plan.minutes is None or 0 < plan.minutes < float("inf")


RUN = b"image_size: 128\ndata: data/mine\nseed: 0\n"


@fuzzed
@given(content=damaged(RUN, [*YAML_TOKENS, b"data: [1]\n", b"data: 7\n", b"data: {}\n"]))
def test_settings_of_a_run(folder, content):
    read_run(folder, content)


def test_settings_of_a_run_mutants(folder):
    for content in mutants([RUN], MUTANTS, YAML_VALUES, YAML_TOKENS):
        with naming(content):
            read_run(folder, content)


def read_run(folder, content):
    (folder / "config.yaml").write_bytes(content)
    with patch("pathlib.Path.glob", return_value=iter(())), pytest.raises(InputError):
        default_dataset([folder])


def write_dataset(folder):
    """Three grey images with everything that belongs to a dataset folder; gives dataset.json."""
    np.save(folder / "images.npy", np.full((3, 32, 32, 3), 128, np.uint8))
    samples = pd.DataFrame({name: ["a", "b", "c"] for name in COLUMNS})
    samples["split"] = ["train", "validation", "test"]
    samples[["width", "height"]] = 32
    samples[BOX_COLUMNS] = [0.1, 0.1, 0.9, 0.9]
    samples.to_csv(folder / "samples.csv", index=False)
    sums = {name: sha256_of(folder / name) for name in ("images.npy", "samples.csv")}
    description = {"source": "csv", "target": "object", "root": ".", "sha256": sums}
    (folder / "dataset.json").write_text(json.dumps(description))
    return {name: (folder / name).read_bytes() for name in (*sums, "dataset.json")}


NPY_TOKENS = [
    b"{'descr': '|O'",
    b"|u1",
    b"<f8",
    b"(3, 32",
    b"(99999999999, 32",
    b"True",
    b"\x93NUM",
]


TOKENS = [*NPY_TOKENS, b"nan", b"inf", b"null", b'"', b"\0"]
DAMAGEABLE = ["images.npy", "samples.csv", "dataset.json"]


@pytest.fixture(scope="module")
def sound(folder):
    return write_dataset(folder)


@fuzzed
@given(edits=st.data(), name=st.sampled_from(DAMAGEABLE), resealed=st.booleans())
def test_dataset(folder, sound, edits, name, resealed):
    start = sound[name][:128]
    content = edits.draw(damaged(start if name == "images.npy" else sound[name], TOKENS))
    damage_dataset(folder, sound, name, content, resealed)


@pytest.mark.parametrize("name", DAMAGEABLE)
def test_dataset_mutants(folder, sound, name):
    start = sound[name][:128] if name == "images.npy" else sound[name]
    values = [b"null", b"[]", b"{}", b"nan", b"inf", b"-1", b"7", b"x", b""]
    resealed = False
    for content in mutants([start], MUTANTS // 3, values, TOKENS):
        resealed = not resealed
        with naming(content):
            damage_dataset(folder, sound, name, content, resealed)


def damage_dataset(folder, sound, name, content, resealed):
    """`resealed`: the checksum is that of the damaged table, as after a bug or an attack."""
    for other in DAMAGEABLE:
        (folder / other).write_bytes(sound[other])
    rest = sound[name][128:] if name == "images.npy" else b""
    (folder / name).write_bytes(content + rest)
    if resealed and name == "samples.csv":
        description = json.loads(sound["dataset.json"])
        description["sha256"][name] = sha256_of(folder / name)
        (folder / "dataset.json").write_text(json.dumps(description))
    try:
        dataset = open_dataset(folder)
    except InputError as error:
        assert str(folder) in str(error)
        return
    assert dataset.images.dtype == np.uint8 and len(dataset.images) == len(dataset.samples)
    corners = np.isfinite(dataset.boxes_rel_xyxy).sum(axis=1)
    assert set(corners) <= {0, 4} or not resealed
