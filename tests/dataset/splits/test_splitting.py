"""The split as a function of the name: order, missing photos, fractions, seeds, classes."""

import hashlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localizer.dataset.splits.splitting import SPLITS, leader, position, split_of

FRACTIONS = (0.8, 0.1, 0.1)
BREEDS = [f"breed{chr(97 + k)}" for k in range(26)]
NAMES = [f"images/{breed}_{number}.jpg" for breed in BREEDS for number in range(1, 201)]


def test_is_the_same_in_every_process():
    code = (
        "from localizer.dataset.splits.splitting import split_of, position;"
        "print(split_of('images/beagle_12.jpg', 3, (0.5, 0.25, 0.25)), position('a/rex.jpg', 0))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    here = split_of("images/beagle_12.jpg", 3, (0.5, 0.25, 0.25)), position("a/rex.jpg", 0)
    assert texts == {f"{here[0]} {here[1]}\n"}


def test_known_positions():
    digest = hashlib.sha256(b"0/rex").hexdigest()
    assert position("photos/rex.png", 0) == pytest.approx(int(digest[:16], 16) / 2**64)
    step = (position("beagle_13.jpg", 5) - position("beagle_12.jpg", 5)) % 1
    assert step == pytest.approx((5**0.5 - 1) / 2)


@given(st.text(min_size=1), st.integers(0, 2**64))
def test_any_name_has_a_place(name, seed):
    assert 0 <= position(name, seed) < 1
    assert split_of(name, seed, FRACTIONS) in SPLITS


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (1, 0, 0), (0, 0, 1)])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "names", [NAMES, [f"{k * 7919:x}_scan.jpg" for k in range(5000)]], ids=["numbered", "other"]
)
def test_fractions(fractions, seed, names):
    shares = Counter(split_of(name, seed, fractions) for name in names)
    for split, fraction in zip(SPLITS, fractions, strict=True):
        # Three standard deviations of as many independent draws.
        spread = 3 * (fraction * (1 - fraction) / len(names)) ** 0.5
        assert shares[split] / len(names) == pytest.approx(fraction, abs=spread + 1e-12)


def test_seeds_differ():
    for names in (NAMES, [f"photo {name}x" for name in NAMES]):
        one, other = ([split_of(name, seed, FRACTIONS) for name in names] for seed in (0, 1))
        # Independent splits agree on 0.8**2 + 2 * 0.1**2 = 66 % of the names.
        assert np.mean(np.array(one) == np.array(other)) == pytest.approx(0.66, abs=0.08)


def test_every_breed_has_its_share_also_where_photos_are_missing():
    rng = np.random.default_rng(0)
    kept = [name for name in NAMES if rng.random() < 0.45]
    counts = Counter((name.split("_")[0], split_of(name, 0, FRACTIONS)) for name in kept)
    totals = Counter(name.split("_")[0] for name in kept)
    tests = np.array([counts[breed, "test"] / totals[breed] for breed in totals])
    plain = rng.binomial(list(totals.values()), 0.1, (2000, len(totals))) / [*totals.values()]
    # Better than chance: the spread over breeds is below that of almost all random splits.
    assert tests.std() < np.quantile(plain.std(axis=1), 0.05)
    assert tests.min() > 0.03

    whole = Counter((name.split("_")[0], split_of(name, 0, FRACTIONS)) for name in NAMES)
    assert {whole[f"images/{breed}", "test"] for breed in BREEDS} <= set(range(18, 23))


def test_the_leader_does_not_depend_on_order_folder_or_copies_that_are_missing():
    group = NAMES[:6]
    first = leader(group)
    assert first == leader(group[::-1])
    for missing in set(group) - {first}:
        assert leader([name for name in group if name != missing]) == first
    moved = [name.replace("images/", "elsewhere/") for name in group]
    assert leader(moved) == first.replace("images/", "elsewhere/")
