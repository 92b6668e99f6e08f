"""Near-duplicates: changed copies of one photo are found, other photos are not taken for such."""

import io
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from localizer.dataset.splits import near_duplicates
from localizer.dataset.splits.near_duplicates import find_groups, is_same_picture, thumbnail
from localizer.images.resizing import stretch


@pytest.fixture(scope="module")
def originals():
    grey = [data.camera(), data.coins()]
    pictures = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    return pictures + [np.repeat(one[..., None], 3, axis=2) for one in grey]


def recompressed(photo):
    file = io.BytesIO()
    Image.fromarray(photo).save(file, format="JPEG", quality=20)
    return np.asarray(Image.open(file))


def resized(photo):
    return cv2.resize(photo, (190, 250), interpolation=cv2.INTER_AREA)


def cropped(photo, share=0.85, both=True, corner=(0.0, 0.0)):
    height, width = photo.shape[:2]
    rows, columns = round(share * height), round(share * width) if both else width
    top, left = (round(corner[0] * (height - rows)), round(corner[1] * (width - columns)))
    return photo[top : top + rows, left : left + columns]


def brightened(photo):
    return np.clip(photo * 1.2 + 15, 0, 255).astype(np.uint8)


COPIES = [recompressed, resized, brightened]


def thumbnails_of(photos):
    return np.array([thumbnail(stretch(photo, 160)) for photo in photos])


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
def test_finds_copies(originals, copy):
    count = len(originals)
    groups = find_groups(thumbnails_of(originals + [copy(photo) for photo in originals]))
    assert groups == [[index, index + count] for index in range(count)]


def test_finds_most_crops_and_nothing_else(originals):
    count, found, tried = len(originals), 0, 0
    for both in (True, False):
        for corner in ((0, 0), (0, 1), (0.5, 0.5), (1, 0), (1, 1)):
            crops = [cropped(photo, both=both, corner=corner) for photo in originals]
            groups = find_groups(thumbnails_of(originals + crops))
            assert all(len(group) == 2 and group[1] - group[0] == count for group in groups)
            found, tried = found + len(groups), tried + count
    # What is missed are crops of pictures that repeat themselves, such as a field of coins.
    assert found >= 0.85 * tried


def test_groups_all_copies_of_a_photo_and_no_two_photos(originals, monkeypatch):
    photos = originals + [copy(photo) for copy in COPIES for photo in originals]
    thumbnails = thumbnails_of(photos)
    count = len(originals)
    expected = [list(range(index, len(photos), count)) for index in range(count)]
    assert find_groups(thumbnails) == expected
    monkeypatch.setattr(near_duplicates, "_PAIRS_AT_A_TIME", 1)  # A block for each photo.
    assert find_groups(thumbnails) == expected


def test_parts_of_one_photo_that_share_nothing_are_different_photos(originals):
    quarters = []
    for photo in originals:
        height, width = photo.shape[0] // 2, photo.shape[1] // 2
        quarters += [photo[:height, :width], photo[height:, width:]]
    assert find_groups(thumbnails_of(quarters)) == []


def test_soft_gradients_and_blank_pictures_are_not_taken_for_copies():
    ramp = np.tile(np.linspace(0, 200, 64), (64, 1))
    rng = np.random.default_rng(0)
    noisy = [np.clip(ramp + rng.normal(0, 6, ramp.shape), 0, 255).astype(np.uint8) for _ in "ab"]
    blank = [np.full((64, 64), value, np.uint8) for value in (0, 128, 255)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_groups(np.array(noisy + blank)) == []
        assert not is_same_picture(blank[0], blank[1])
        assert not is_same_picture(ramp.astype(np.uint8), blank[1])


@pytest.mark.parametrize("count", [0, 1])
def test_few_photos(count):
    assert find_groups(np.zeros((count, 64, 64), np.uint8)) == []


def candidates_of(thumbnails, joining=False):
    groups = near_duplicates._Groups(len(thumbnails))
    with pytest.MonkeyPatch.context() as patch:
        if not joining:
            patch.setattr(near_duplicates, "_join_unmoved", lambda *arguments: None)
        first, second, correlation = near_duplicates._candidates(thumbnails, groups)
    assert (np.diff(correlation) <= 0).all()
    return set(zip(first.tolist(), second.tolist(), strict=True))


def test_candidates_are_the_pairs_that_correlate(originals):
    """Against NumPy's own correlation of each window, averaged by OpenCV."""
    thumbnails = thumbnails_of(originals + [cropped(photo) for photo in originals])
    whole = [
        cv2.resize(t.astype(np.float32), (8, 8), interpolation=cv2.INTER_AREA) for t in thumbnails
    ]
    spans = list(near_duplicates._spans())
    expected = set()
    for rows, columns in near_duplicates._windows():
        (top, bottom), (left, right) = spans[rows], spans[columns]
        for i, one in enumerate(thumbnails):
            part = one[top:bottom, left:right].astype(np.float32)
            part = cv2.resize(part, (8, 8), interpolation=cv2.INTER_AREA)
            for j, other in enumerate(whole):
                if i != j and np.corrcoef(part.ravel(), other.ravel())[0, 1] > 0.92:
                    expected.add((min(i, j), max(i, j)))
    assert len(expected) >= len(originals)
    assert candidates_of(thumbnails) == expected


def test_a_sketch_never_hides_a_pair():
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(300, 64)) + 2 * rng.normal(size=64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sketches = near_duplicates._sketches(vectors)
    bounds, products = sketches @ sketches.T, vectors @ vectors.T
    assert (bounds >= products - 1e-9).all()
    assert (bounds - products).mean() < 0.5  # It is of use, too.


def frames(count, seed):
    """What a camera sees that does not move: one background, and something small that does."""
    rng = np.random.default_rng(seed)
    scene = cv2.resize(
        rng.integers(0, 256, (9, 9), np.uint8), (64, 64), interpolation=cv2.INTER_CUBIC
    )
    pictures = np.tile(scene, (count, 1, 1))
    for picture in pictures:
        x, y = rng.integers(0, 56, 2)
        picture[y : y + 8, x : x + 8] = rng.integers(0, 256)
    return pictures


def test_frames_of_one_camera_are_one_group_with_hardly_any_alignment(monkeypatch):
    cameras = np.concatenate([frames(60, seed) for seed in range(3)])
    tried = []

    def is_same(*pair):
        tried.append(pair)
        return is_same_picture(*pair)

    monkeypatch.setattr(near_duplicates, "is_same_picture", is_same)
    for pairs in (2**21, 1):  # In one block, and in a block for each photo.
        monkeypatch.setattr(near_duplicates, "_PAIRS_AT_A_TIME", pairs)
        assert find_groups(cameras) == [[*range(start, start + 60)] for start in (0, 60, 120)]
    assert len(tried) < 20


def test_what_verification_costs_is_bounded_by_the_number_of_photos(monkeypatch):
    """Gradients with noise all correlate, and none is a copy: 120 photos have 7,140 candidates."""
    rng = np.random.default_rng(0)
    ramp = np.tile(np.linspace(0, 200, 64), (64, 1)) + 20
    noisy = np.clip(ramp + rng.normal(0, 6, (120, 64, 64)), 0, 255).astype(np.uint8)
    assert len(candidates_of(noisy, joining=True)) > 3000
    tried = []
    monkeypatch.setattr(near_duplicates, "is_same_picture", lambda *pair: tried.append(pair))
    assert find_groups(noisy) == []
    assert 1000 < len(tried) <= 120 * near_duplicates.FAILURES / 2
