"""The Python API: every kind of photo, batches, streams, and the examples in the documentation."""

import doctest
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import localizer.inference.output
import localizer.inference.photo_listing
from localizer import Localizer
from localizer.errors import InputError
from localizer.images import reading_ahead
from localizer.images.photos import as_rgb, read_photo
from localizer.images.resizing import resample, stretch
from localizer.inference import localizer as localizing
from localizer.models.model_file import load_model_file
from localizer.predictors.predictor import Predictions, Predictor

REPOSITORY = Path(__file__).resolve().parents[2]
PET_HEAD = REPOSITORY / "models" / "pet_head.keras"


@pytest.fixture(scope="module")
def pet_head():
    return Localizer.load(PET_HEAD)


@pytest.fixture(scope="module")
def photo():
    return read_photo(REPOSITORY / "docs" / "images" / "example.png")


class BrightPart(Predictor):
    """Finds the white part of a black photo, and nothing in a photo that has none."""

    name = "bright"

    def __init__(self):
        self.batches = []

    def predict(self, photos):
        self.batches.append(len(photos))
        boxes = np.full((len(photos), 4), np.nan, np.float32)
        for box, photo in zip(boxes, photos):
            ys, xs = np.nonzero(photo[..., 0] > 127)
            height, width = photo.shape[:2]
            if len(ys):
                box[:] = [
                    xs.min() / width,
                    ys.min() / height,
                    (xs.max() + 1) / width,
                    (ys.max() + 1) / height,
                ]
        found = np.isfinite(boxes[:, 0])
        scores = np.where(found, np.float32(0.5), np.float32("nan"))
        return Predictions(boxes, scores, ["part" if f else "" for f in found])


def scene(left, width=200, height=100):
    photo = np.zeros((height, width, 3), np.uint8)
    photo[20:60, left : left + 30] = 255
    return photo


@pytest.mark.parametrize(
    "module", [localizing, localizer.inference.output, localizer.inference.photo_listing]
)
def test_examples_in_the_documentation(module, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, localizer; "
        "print([m for m in ('numpy', 'cv2', 'keras', 'tensorflow') if m in sys.modules]); "
        "from localizer import Localizer; print(Localizer.__name__, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "Localizer False"]
    with pytest.raises(AttributeError, match="nothing"):
        _ = localizer.nothing


def test_pixels_score_and_label_of_the_given_photo():
    found = Localizer(BrightPart()).localize(scene(50))
    assert found.box == pytest.approx((50, 20, 80, 60), abs=1e-4)
    assert (found.xmin, found.ymin, found.xmax, found.ymax) == found.box
    assert all(type(side) is float for side in found.box)
    assert (found.score, found.label) == (0.5, "part")
    nothing = Localizer(BrightPart()).localize(np.zeros((10, 10), np.uint8))
    assert nothing == localizing.Localization(None, None, None, None)
    assert nothing.box is None


def test_one_photo_in_every_form(tmp_path):
    bright, pixels = Localizer(BrightPart()), scene(50)
    expected = pytest.approx((50, 20, 80, 60), abs=1e-4)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    forms = [
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        Image.fromarray(pixels),
        pixels,
        pixels[..., 0],
        np.uint16(pixels) * 257,
    ]
    for form in forms:
        assert bright.localize(form).box == expected
    # A phone's photo, held upright: the box is in the frame that a viewer shows.
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    assert bright.localize(tmp_path / "turned.png").box == pytest.approx((40, 50, 80, 80), abs=1e-4)
    with Image.open(tmp_path / "turned.png") as image:
        assert bright.localize(image).box == expected


def turned_jpeg():
    """The bytes of a phone's photo: pixels as `scene(50)`, to be turned by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(scene(50)).save(file, "PNG", exif=exif)
    return file.getvalue()


def test_bytes_and_file_objects_are_read_as_the_file_is(tmp_path):
    bright, content = Localizer(BrightPart()), turned_jpeg()
    (tmp_path / "a.png").write_bytes(content)
    expected = bright.localize(tmp_path / "a.png")
    assert expected.box == pytest.approx((40, 50, 80, 80), abs=1e-4)
    written = io.BytesIO()
    written.write(content)  # It stands at its end.
    within = io.BytesIO(b"head of a message" + content)
    within.seek(len(b"head of a message"))
    with open(tmp_path / "a.png", "rb") as file:
        forms = [
            content,
            bytearray(content),
            memoryview(content),
            io.BytesIO(content),
            written,
            within,
            file,
        ]
        found = bright.localize_batch(forms)
    assert found == [expected] * len(forms)
    assert bright.localize(written) == bright.localize(written) == expected


def test_bytes_that_are_no_photo():
    bright = Localizer(BrightPart())
    closed = io.BytesIO(turned_jpeg())
    closed.close()
    for given, message in (
        (b"", "the photo's bytes: the file is empty"),
        (io.BytesIO(), "the photo's bytes: the file is empty"),
        (b"no photo", "the photo's bytes: not an image"),
        (turned_jpeg()[:90], "the photo's bytes: cannot be decoded"),
        (io.StringIO("text"), "the photo's bytes: .* gives str, not bytes; open it in binary"),
        (closed, "the photo's bytes: the file object cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            bright.localize(given)
    for one in (turned_jpeg(), bytearray(b"x"), memoryview(b"x"), io.BytesIO(b"a\nb")):
        with pytest.raises(InputError, match="for a single one: localize"):
            bright.localize_batch(one)


def test_arrays_that_opencv_read(tmp_path):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:20, 10:20] = [255, 0, 0]
    pixels[30:40, 40:50] = [0, 0, 255]
    Image.fromarray(pixels).save(tmp_path / "a.png")
    bgr = cv2.imread(str(tmp_path / "a.png"))
    bgra = cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA)
    red, blue = (pytest.approx(box, abs=1e-3) for box in ((10, 10, 20, 20), (40, 30, 50, 40)))
    bright = Localizer(BrightPart())  # It looks at the red.
    assert bright.localize(bgr).box == blue
    for array in (bgr, bgra, np.uint16(bgr) * 257, bgr[:, ::-1][:, ::-1]):
        assert bright.localize(array, channels="bgr").box == red
    assert as_rgb(bgr, channels="bgr").flags.c_contiguous
    # Of grey there is one order, and files and PIL images know their own.
    forms = [bgr, tmp_path / "a.png", Image.fromarray(pixels), pixels[..., 0], pixels[..., :1]]
    assert [found.box for found in bright.localize_batch(forms, channels="bgr")] == [red] * 5
    assert next(bright.localize_many([bgr], channels="bgr")).box == red
    [[item]] = bright.stream([bgr], channels="bgr")
    assert (item.pixels == pixels).all() and item.photo is bgr
    for wrong in ("BGR", "rgba", None):
        with pytest.raises(InputError, match="channels is 'rgb' or 'bgr', not"):
            bright.localize(tmp_path / "a.png", channels=wrong)


def test_the_network_gets_the_resize_it_was_trained_with(pet_head, photo):
    import keras

    found = pet_head.localize(photo)
    model = keras.saving.load_model(PET_HEAD)
    outputs = model(resample(stretch(photo, 160), 128)[None], training=False)
    box = np.clip(keras.ops.convert_to_numpy(outputs["box"])[0], 0, 1)
    height, width = photo.shape[:2]
    assert found.box == pytest.approx(tuple(box * [width, height, width, height]), abs=1e-2)
    assert found.score == pytest.approx(float(outputs["score"][0]), abs=1e-4)
    probabilities = keras.ops.convert_to_numpy(outputs["class"][0])
    assert found.label == load_model_file(PET_HEAD)[1]["classes"][probabilities.argmax()]


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 33])
def test_the_number_of_photos_changes_no_answer(pet_head, photo, count):
    photos = [np.roll(photo, 7 * i, axis=1) for i in range(count)]
    together = pet_head.localize_batch(photos)
    assert len(together) == count
    for one, found in zip(photos, together):
        alone = pet_head.localize(one)
        # To 1e-4 of the photo's width: a batch sums in another order than a photo alone, which
        # depends on the processor, and the second look enlarges what the first one differs by.
        assert found.box == pytest.approx(alone.box, abs=1e-4 * photo.shape[1])
        assert found.score == pytest.approx(alone.score, abs=1e-4)


def test_the_network_is_compiled_for_two_sizes_only(photo):
    from localizer.predictors.keras_model import BATCH_PHOTOS, KerasModel

    predictor = KerasModel(PET_HEAD)
    sizes = set()
    run = predictor._model.predict_on_batch

    def recording(images):
        sizes.add(len(images))
        return run(images)

    predictor._model.predict_on_batch = recording
    for count in (1, 2, 3, 16, 21, 40):
        assert predictor.predict([photo] * count).boxes_rel_xyxy.shape == (count, 4)
    assert sizes == {1, BATCH_PHOTOS}


def test_a_stream_keeps_order_and_batch_size(tmp_path):
    paths = []
    for i in range(50):
        # Large ones take longer, so later photos are decoded before them.
        size = (2000, 1000) if i % 7 == 0 else (200, 100)
        Image.fromarray(scene(i, *size)).save(tmp_path / f"{i}.png")
        paths.append(tmp_path / f"{i}.png")
    predictor = BrightPart()
    found = list(Localizer(predictor).localize_many(iter(paths), batch_size=8, workers=4))
    assert [round(each.xmin) for each in found] == list(range(50))
    assert predictor.batches == [8] * 6 + [2]


def test_a_stream_is_drawn_from_as_it_is_consumed():
    drawn = []

    def many():
        for _ in range(1000):
            drawn.append(None)
            yield scene(len(drawn) % 100)

    found = Localizer(BrightPart()).localize_many(many(), batch_size=4, workers=2)
    assert round(next(found).xmin) == 1
    # What waits, what the two threads hold, and the batch.
    assert len(drawn) <= reading_ahead.AHEAD_PHOTOS + 2 + 4
    before = threading.active_count()
    found.close()
    assert threading.active_count() == before - 2


def test_large_photos_wait_in_small_numbers():
    drawn = []

    def large():
        for _ in range(40):
            drawn.append(None)
            yield np.zeros((2000, 2000, 3), np.uint8)

    predictor = BrightPart()
    stream = Localizer(predictor).stream(large(), batch_size=32, workers=2)
    assert len(next(stream)) == reading_ahead.BATCH_PIXELS // 4_000_000 == 8
    # Threads may be at two more when the limit is reached.
    assert len(drawn) <= 8 + reading_ahead.AHEAD_PIXELS // 4_000_000 + 2
    assert sum(len(batch) for batch in stream) == 32


def test_a_broken_photo_ends_localize_many_and_is_reported_by_stream(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    photos = [scene(1), tmp_path / "broken.jpg", scene(3), np.zeros((2, 2))]
    answers = Localizer(BrightPart()).localize_many(photos)
    assert round(next(answers).xmin) == 1
    with pytest.raises(InputError, match=r"broken\.jpg: not an image"):
        next(answers)
    [batch] = Localizer(BrightPart()).stream(photos)
    assert [item.error is None for item in batch] == [True, False, True, False]
    assert [item.localization and round(item.localization.xmin) for item in batch] == [
        1,
        None,
        3,
        None,
    ]
    assert batch[1].photo == tmp_path / "broken.jpg" and batch[1].pixels is None
    np.testing.assert_array_equal(batch[2].pixels, scene(3))
    [only_broken] = Localizer(BrightPart()).stream(photos[1:2])
    assert only_broken[0].error is not None


def test_an_error_in_the_callers_own_iterable_arrives():
    def failing():
        yield scene(1)
        raise RuntimeError("the camera is gone")

    answers = Localizer(BrightPart()).localize_many(failing(), batch_size=1)
    assert round(next(answers).xmin) == 1
    with pytest.raises(RuntimeError, match="the camera is gone"):
        next(answers)


def test_empty_and_single_where_several_are_expected():
    bright = Localizer(BrightPart())
    assert bright.localize_batch([]) == []
    assert len(bright.localize_batch(np.stack([scene(1), scene(2)]))) == 2
    for single in ("a.jpg", Path("a.jpg"), scene(1), Image.fromarray(scene(1))):
        with pytest.raises(InputError, match=r"for a single one: localize\(photo\)"):
            bright.localize_batch(single)


def test_models_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match=r"none\.keras: no such model file"):
        Localizer.load(tmp_path / "none.keras")
    for name in ("baseline:mean", "flip:baseline:mean"):
        with pytest.raises(InputError, match="needs a dataset"):
            Localizer.load(name)


def test_real_photos_streamed_are_as_real_photos_alone(pet_head, oxford_root):
    paths = sorted(oxford_root.glob("images/*.jpg"))[:40]
    streamed = list(pet_head.localize_many(paths, batch_size=16, workers=2))
    for path, found in zip(paths, streamed):
        height, width = as_rgb(path).shape[:2]
        assert 0 <= found.xmin < found.xmax <= width and 0 <= found.ymin < found.ymax <= height
        assert found.box == pytest.approx(pet_head.localize(os.fspath(path)).box, abs=0.02)
