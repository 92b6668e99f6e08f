"""The synthetic source: what it writes, and whether its boxes and layouts are as claimed."""

import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw

from localizer.errors import InputError
from localizer.images.boxes import area_xyxy
from localizer.images.photos import read_photo
from localizer.images.resizing import stretch
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.drawn.generate import generate
from localizer.sources.drawn.painting import paint_layer, paint_occluder, sample_coat
from localizer.sources.drawn.scene import render_scene, sample_layout


@pytest.fixture(scope="module")
def layouts():
    return [sample_layout(3, index) for index in range(2000)]


def _extent(mask):
    """Continuous pixel edges [xmin, ymin, xmax, ymax] of the true pixels of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def _pillow_extent(parts, layout, fine=8):
    """Extent of the parts inside the photo, in pixels, drawn by Pillow `fine` times as large."""
    canvas = Image.new("1", (layout.width * fine, layout.height * fine))
    draw = ImageDraw.Draw(canvas)
    for part in parts:
        draw.polygon([tuple(point) for point in part.polygon * fine - 0.5], fill=1)
    return _extent(np.asarray(canvas)) / fine


def _pixels(box_rel_xyxy, layout):
    return np.array(box_rel_xyxy) * [layout.width, layout.height, layout.width, layout.height]


def _files(root):
    return {path.name: path.read_bytes() for path in (root / "images").iterdir()}


def test_writes_what_it_yields(tmp_path):
    images = list(generate(tmp_path, "head", count=12, seed=5, workers=1))

    assert len(images) == 12 and all(type(image) is AnnotatedImage for image in images)
    assert {image.image.removeprefix("images/") for image in images} == set(_files(tmp_path))
    for index, image in enumerate(images):
        scene = render_scene(5, index)
        photo = read_photo(tmp_path / image.image)
        assert image.image == f"images/{scene.category}_{index + 1:06d}.jpg"
        assert (image.supercategory, image.category) == (scene.supercategory, scene.category)
        assert photo.shape == (image.height, image.width, 3) == scene.photo.shape
        # JPEG loses the noise of single pixels, not the mean of eight by eight.
        difference = stretch(photo, 32).astype(float) - stretch(scene.photo, 32)
        assert abs(difference).mean() < 2
        assert image.box_rel_xyxy == scene.head_box_rel_xyxy


def test_target_chooses_the_box(tmp_path):
    (image,) = generate(tmp_path, "body", count=1, seed=1, workers=0)
    assert image.box_rel_xyxy == render_scene(1, 0).body_box_rel_xyxy
    assert image.box_rel_xyxy != render_scene(1, 0).head_box_rel_xyxy


def test_independent_of_count_and_workers(tmp_path):
    long = list(generate(tmp_path / "long", "head", count=40, seed=2, workers=2))
    short = list(generate(tmp_path / "short", "head", count=9, seed=2, workers=1))

    assert len(long) == 40
    assert long[:9] == short
    long_files, short_files = _files(tmp_path / "long"), _files(tmp_path / "short")
    assert len(long_files) == 40
    assert {name: long_files[name] for name in short_files} == short_files


def test_independent_of_order_and_different_by_seed():
    later = [render_scene(4, index).photo for index in (2, 0)]
    assert np.array_equal(later[1], render_scene(4, 0).photo)
    assert np.array_equal(later[0], render_scene(4, 2).photo)
    other = render_scene(5, 0).photo
    assert other.shape != later[1].shape or not np.array_equal(other, later[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_draws_a_bounded_number_ahead(tmp_path, workers):
    images = generate(tmp_path, "head", count=10**6, workers=workers)
    first = list(itertools.islice(images, 3))
    images.close()

    endings = [image.image[-11:] for image in first]
    assert endings == ["_000001.jpg", "_000002.jpg", "_000003.jpg"]
    # Chunks of 16 scenes: two for each worker wait, and one more is read from.
    assert 3 <= len(_files(tmp_path)) <= (2 * workers + 1) * 16


def test_boxes_are_tight(layouts):
    cut = 0
    for layout in layouts[:300]:
        animal = layout.animal
        head_pixels = _pixels(layout.head_box_rel_xyxy, layout)
        body_pixels = _pixels(layout.body_box_rel_xyxy, layout)
        np.testing.assert_allclose(head_pixels, _pillow_extent(animal.head, layout), atol=0.75)
        whole = _pillow_extent(animal.body + animal.head, layout)
        np.testing.assert_allclose(body_pixels, whole, atol=0.75)
        corners = np.concatenate([part.polygon for part in animal.head + animal.body])
        cut += (corners < 0).any() or (corners > [layout.width, layout.height]).any()
    assert 50 < cut < 299  # both kinds were compared


def test_masks_and_paint_lie_in_the_boxes():
    for index in range(40):
        layout, scene = sample_layout(6, index), render_scene(6, index)
        animal, shape = layout.animal, scene.photo.shape
        head = _pixels(scene.head_box_rel_xyxy, layout)
        body = _pixels(scene.body_box_rel_xyxy, layout)
        # OpenCV also fills the pixels that an edge runs through, here half a pixel wide.
        np.testing.assert_allclose(_extent(scene.head_mask), head, atol=1.5)
        np.testing.assert_allclose(_extent(scene.body_mask), body, atol=1.5)
        assert (scene.body_mask | ~scene.head_mask).all()

        rng = np.random.default_rng(index)
        coat = sample_coat(animal.category, rng)
        picture = np.full(shape, -1.0, np.float32)
        paint_layer(picture, animal.head, animal.face, coat, "plain", layout.unit, 0.0, rng)
        painted = (picture != -1.0).any(axis=-1)
        np.testing.assert_allclose(_extent(painted), head, atol=1.5)


def test_occluders_leave_the_middle_of_the_head():
    covered = []
    for index in range(150):
        layout, rng = sample_layout(7, index), np.random.default_rng(index)
        picture = np.full((layout.height, layout.width, 3), -1.0, np.float32)
        paint_occluder(picture, layout.head_centre, layout.unit, rng)
        x0, y0, x1, y1 = _pixels(layout.head_box_rel_xyxy, layout).round().astype(int)
        x, y = np.minimum(layout.head_centre.astype(int), [layout.width - 1, layout.height - 1])
        assert (picture[y, x] == -1.0).all()
        covered.append((picture[y0:y1, x0:x1, 0] != -1.0).mean())
    assert max(covered) < 0.5
    assert np.mean(np.array(covered) > 0.02) > 0.3  # they do cover something


def test_layouts_spread_like_photos(layouts):
    heads = np.array([layout.head_box_rel_xyxy for layout in layouts])
    bodies = np.array([layout.body_box_rel_xyxy for layout in layouts])
    areas = area_xyxy(heads)

    assert 0.12 < np.median(areas) < 0.20
    assert areas.min() < 0.01 and areas.max() > 0.8
    assert (heads >= 0).all() and (heads <= 1).all() and (bodies >= 0).all() and (bodies <= 1).all()
    assert (bodies[:, :2] <= heads[:, :2]).all() and (bodies[:, 2:] >= heads[:, 2:]).all()
    assert all(max(layout.width, layout.height) == 256 for layout in layouts)
    assert len({layout.width / layout.height for layout in layouts}) > 50
    centres = (heads[:, :2] + heads[:, 2:]) / 2
    assert (centres.std(axis=0) > 0.07).all()  # a constant box is a poor answer


def test_both_supercategories_have_several_categories(layouts):
    categories = [layout.animal.category for layout in layouts]
    for supercategory in ("cat", "dog"):
        names = [
            category.name for category in categories if category.supercategory == supercategory
        ]
        assert len(names) > 0.4 * len(categories)
        assert len(set(names)) >= 2
        assert min(names.count(name) for name in set(names)) > 200


@pytest.mark.parametrize(
    ("argument", "message"),
    [({"target": "tail"}, "tail"), ({"count": 0}, "count 0"), ({"seed": -1}, "seed -1")],
)
def test_bad_arguments(tmp_path, argument, message):
    with pytest.raises(InputError, match=message):
        generate(tmp_path, **{"target": "head", "count": 1, **argument})


def test_a_root_that_is_a_file(tmp_path):
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(InputError, match="taken"):
        generate(tmp_path / "taken", "head", count=1)


def test_an_image_that_cannot_be_written(tmp_path):
    name = f"{render_scene(0, 0).category}_000001.jpg"
    (tmp_path / "images" / name / "in the way").mkdir(parents=True)
    with pytest.raises(InputError, match=name):
        next(generate(tmp_path, "head", count=1, workers=1))
    assert [path.name for path in (tmp_path / "images").iterdir()] == [name]


def test_a_share_of_scenes_is_empty_and_the_others_stay(tmp_path):
    plain = list(generate(tmp_path / "plain", "head", count=12, workers=1))
    some = list(generate(tmp_path / "some", "head", count=12, workers=1, empty_share=0.5))
    assert 2 < sum(one.is_empty for one in some) < 10
    for before, now in zip(plain, some, strict=True):
        if now.is_empty:
            assert now.box_rel_xyxy is None and now.category == ""
            assert (now.width, now.height) == (before.width, before.height)
        else:
            assert now == before
            files = [tmp_path / folder / now.image for folder in ("plain", "some")]
            assert files[0].read_bytes() == files[1].read_bytes()
