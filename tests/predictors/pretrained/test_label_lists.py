"""Lists of class names in the forms that people have them: the right number, or refused."""

import pytest

from localizer.errors import InputError
from localizer.predictors.pretrained.label_lists import read_labels

LABEL_MAP = """# made by hand
item {{
  name: "/m/01"
  id: {0}
  display_name: 'Cat\\'s eye'
}}
item {{ id: {1}, name: 'dog' keypoints {{ id: 9 label: "nose" }} }}
"""
CAT_DOG = {0: "cat", 1: "dog"}


def labels_of(tmp_path, content, **options):
    path = tmp_path / "names"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_labels(path, **options)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("cat\ndog\n", CAT_DOG),
        ("# mine\ncat\ndog\n\n\n", CAT_DOG),
        ("\ufeffcat\r\ndog\r\n", CAT_DOG),
        ("cat\ndog".encode("utf-16"), CAT_DOG),
        ("???\ncat\n???\n7 up\ntench, carp\n", {1: "cat", 3: "7 up", 4: "tench, carp"}),
        ("0 cat\n1 dog\n", CAT_DOG),
        ("0: cat\n\n12:  hot dog\n", {0: "cat", 12: "hot dog"}),
        ("0,cat\n1,dog\n", CAT_DOG),
        ("0\t???\n3\tdog\n", {3: "dog"}),
        ("cat: 0\ndog: 1\n", CAT_DOG),
        ('["1 cent", "2 cent"]', {0: "1 cent", 1: "2 cent"}),
        ('{"1": "dog", "0": "cat"}', CAT_DOG),
        ('{"cat": 0, "dog": 1}', CAT_DOG),
        ('{"id2label": {"0": "cat", "1": "dog"}, "layers": 3}', CAT_DOG),
        ('{"categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]}', CAT_DOG),
        ("path: ../x\nnc: 2\nnames:\n  0: cat\n  1: dog\n", CAT_DOG),
        ("names: [cat, dog]\n", CAT_DOG),
        ("- cat\n- dog\n", CAT_DOG),
        ("id,name,colour\n0,cat,red\n1,dog,\n", CAT_DOG),
        ('Name;Class_ID\n"cat";0\ndog;1\n', CAT_DOG),
        (LABEL_MAP.format(0, 1), {0: "Cat's eye", 1: "dog"}),
    ],
)
def test_the_right_class_has_the_name(tmp_path, content, expected):
    assert labels_of(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 person\n2 bicycle\n", "smallest number is 1, so it may count from 1.*class 0 first"),
        (LABEL_MAP.format(1, 2), "smallest number is 1"),
        ('[{"id": 1, "name": "cat"}]', "smallest number is 1"),
        ("1 cent\n2 cent\n1 euro\n", "line 3: class 1 is 'cent' already, and 'euro' here"),
        ("cat\n\ndog\n", "line 2 is blank; does it count"),
        ("0 cat\n1 dog\nbird\n", "line 3 has no number, where most lines have one"),
        ("name\ncat\ndog\n", r"line 1 \('name'\) looks like a table's header"),
        ("id,name\n0,cat\nx,dog\n", "line 3 .*does not fit the header"),
        ('{"cat": "dog"}', "no class names that are known here"),
        ("[cat, dog]", "is not the JSON that it begins as"),
        ("names: [cat", "is not the YAML"),
        ("[" * 100_000, "is not the JSON"),
        ("names: " + "[" * 5_000, "is not the YAML"),
        ("item { name: 'cat' }", "item 1 has no id, or no name"),
        ("item { id: 0 name: 'cat' } and more", "holds more than items"),
        ("<labels/>", "holds no class names"),
        ("\n# none\n", "holds no class names"),
        ("cat\ndog".encode("utf-16-le"), "zero bytes"),
        (b"caf\xe9\n", "Save it as UTF-8"),
    ],
)
def test_what_could_be_counted_in_two_ways_is_refused(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as error:
        labels_of(tmp_path, content)
    assert str(tmp_path / "names") in str(error.value)


def test_numbers_from_one_where_the_model_is_known_to_count_so(tmp_path):
    content = LABEL_MAP.format(1, 2)
    assert labels_of(tmp_path, content, ids_from_one=True) == {1: "Cat's eye", 2: "dog"}
    assert labels_of(tmp_path, "1 cat\n2 dog\n", ids_from_one=True) == {1: "cat", 2: "dog"}
    from_one = {"label_map_from_one": True}
    assert labels_of(tmp_path, content, **from_one) == {0: "Cat's eye", 1: "dog"}
    with pytest.raises(InputError, match="smallest number is 1"):
        labels_of(tmp_path, "1 cat\n2 dog\n", **from_one)
