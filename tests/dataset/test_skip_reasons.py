"""Reasons in skipped.csv: the place apart, so that what is the same is counted as the same."""

import pytest

from localizer.dataset.skip_reasons import count_reasons, tell_apart
from localizer.sources.annotated_image import Skipped


@pytest.mark.parametrize(
    ("reason", "place", "rest"),
    [
        ("{root}/a.xml: <size/width>: '0' is no size", "a.xml", "<size/width>: '0' is no size"),
        ("a.xml: object 2: <name> is missing", "a.xml: object 2", "<name> is missing"),
        ("{root}/sub/t: x.csv line 4: xmin: bad", "sub/t: x.csv line 4", "xmin: bad"),
        ("{root}/k.json: images[7].width: bad", "k.json: images[7]", "width: bad"),
        ("k.json: annotations[0]: the box is bad", "k.json: annotations[0]", "the box is bad"),
        ("{root}/rex.jpg: the file is empty", "", "the file is empty"),
        ("there is no file 'a.xml': look", "", "there is no file 'a.xml': look"),
        ("gone.xml: object 2: bad", "", "gone.xml: object 2: bad"),
    ],
)
def test_the_place_is_told_from_the_reason(tmp_path, reason, place, rest):
    (tmp_path / "sub").mkdir()
    for name in ("a.xml", "sub/t: x.csv", "k.json", "rex.jpg"):
        (tmp_path / name).write_text("")
    found = tell_apart("rex.jpg", reason.format(root=tmp_path), tmp_path)
    assert found == Skipped("rex.jpg", rest, place=place)


def test_a_known_place_needs_no_file(tmp_path):
    found = tell_apart("rex.jpg", "x.csv line 3: bad", tmp_path, "x.csv line 3")
    assert found == Skipped("rex.jpg", "bad", place="x.csv line 3")


def test_reasons_of_a_kind_are_counted_together():
    sizes = [(40, 60), (30, 50), (40, 60)]
    reasons = [f"the photo is {w}x9 pixels, not {h}: another" for w, h in sizes]
    reasons += ["xmin: 'a' is not a number", "xmin: 'b' is not a number", "no annotation"]
    reasons += ["ymin: 'a' is not a number"] * 4
    reasons += [f"near-duplicate of {n}, which is in the test split of s.csv" for n in "ab"]
    reasons += ["several annotations claim it (a.xml and b.xml): remove the wrong ones"]
    reasons += ["several annotations claim it (c.xml and d.xml): remove the wrong ones"]
    assert count_reasons(reasons) == [
        ("ymin: 'a' is not a number", 4),
        ("the photo is ...x9 pixels, not ...: another", 3),
        ("xmin: ... is not a number", 2),
        ("near-duplicate of a photo, which is in the test split of s.csv", 2),
        ("several annotations claim it: remove the wrong ones", 2),
        ("no annotation", 1),
    ]
