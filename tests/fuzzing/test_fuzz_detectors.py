"""What detectors carry with them: label lists and TF Lite Metadata are read, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localizer.errors import InputError
from localizer.predictors.pretrained.label_lists import read_labels
from localizer.predictors.pretrained.tflite_metadata import read_tflite_metadata
from tests.fuzzing import MUTANTS, fuzzed
from tests.fuzzing.damage import damaged, mutants
from tests.predictors.pretrained.hub_graphs import metadata_buffer, only_metadata

LISTS = (
    b"cat\ndog\n???\n",
    b"0 cat\n1 dog\n",
    b'id,name\n0,cat\n1,"d,og"\n',
    b'{"names": {"0": "a"}}',
    b"names:\n  0: a\n  1: b\n",
    b'["a", "b"]',
    "cat\ndog".encode("utf-16"),
    b"item { id: 0 name: 'x' }\nitem { id: 1 name: \"y\" keypoints { id: 3 } }\n",
)
TOKENS = [
    b"{",
    b"}",
    b"'",
    b'"',
    b"\\",
    b":",
    b"\n",
    b"#",
    b"\0",
    b"item",
    b"&a",
    b"*a",
    b"<",
    b"-",
]
METADATA = only_metadata(
    metadata_buffer([127.5], [1.0, 2.0, 3.0], (320, 240), [("location", [1, 0, 3, 2], "a.txt")])
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzzed") / "names.txt"


def reads_labels(file, content):
    file.write_bytes(content)
    try:
        labels = read_labels(file)
    except InputError as error:
        assert str(file) in str(error)
    else:
        assert all(type(i) is int and i >= 0 and type(n) is str for i, n in labels.items())


@fuzzed
@given(content=damaged(st.sampled_from(LISTS), TOKENS))
def test_label_lists(file, content):
    reads_labels(file, content)


def test_mutants_of_label_lists(file):
    for content in mutants(LISTS, MUTANTS, tokens=TOKENS):
        reads_labels(file, content)


def test_mutants_of_metadata():
    for content in mutants([METADATA], MUTANTS):
        try:
            inputs, _ = read_tflite_metadata("m", content)
        except InputError:
            continue
        assert all(one.size is None or len(one.size) == 2 for one in inputs)
