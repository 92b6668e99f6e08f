"""The browser page in a real headless Chromium: the same boxes as Python's, and no network."""

import base64
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from localizer.errors import InputError
from localizer.export.browser import RUNTIME_BYTES, Runtime, open_runtime, write_page
from localizer.export.exporting import export_model
from localizer.export.images import ExportImages
from localizer.export.metadata import describe, open_source_model
from localizer.files import downloading
from localizer.images.photos import read_photo
from localizer.images.resizing import resample, stretch
from localizer.models.model_file import load_model_file
from localizer.predictors.keras_model import KerasModel
from tests.export.test_export import CLASSES, STORED, blobs, small_model
from tests.files.test_downloading import FileServer

pytestmark = pytest.mark.slow

PET_HEAD = Path(__file__).resolve().parents[2] / "models" / "pet_head.keras"
EDGES = ("xmin", "ymin", "xmax", "ymax")
HOSTILE = "</script><img src=x onerror=alert(1)>"
EXIF_ORIENTATION, TURNED_RIGHT = 0x0112, 6
CHELSEA = skimage.data.chelsea()


@pytest.fixture(scope="module")
def runtime():
    try:
        return open_runtime()
    except InputError as error:
        pytest.skip(f"needs the runtime from npm's registry, or kept from an earlier run: {error}")


def export_page(source, runtime, out):
    images = blobs(2, seed=0, size=source.size)
    boxes = np.tile(np.float32([0.2, 0.2, 0.8, 0.8]), (2, 1))
    given = ExportImages(images, images, boxes, "blobs", foreign=True)
    return export_model(source, "browser", given, out, runtime)


@pytest.fixture(scope="module")
def pet_head(runtime, tmp_path_factory):
    """The Export of the shipped model."""
    return export_page(open_source_model(PET_HEAD), runtime, tmp_path_factory.mktemp("page"))


class Page:
    """The page opened from its file; what it complains of or asks the network for is recorded."""

    def __init__(self, browser, file):
        self.driver = page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(600_000)
        self.complaints, self.requests = [], []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))
        page.route("http*://**/*", lambda route: route.abort())
        page.goto(file.as_uri())
        self.shows("#status", "Ready.")

    def shows(self, place, text):
        self.driver.locator(place, has_text=text).wait_for(state="attached")

    def localize(self, photo):
        """The downloaded answer for a file."""
        self.driver.set_input_files("#file", photo)
        self.shows("#status", f"{photo.name}: done.")
        return self.download()

    def download(self):
        with self.driver.expect_download() as download:
            self.driver.click("#download")
        return json.loads(Path(download.value.path()).read_text(encoding="utf-8"))

    def check(self, file):
        """Nothing but the page itself, and parts of it, was asked for; nothing was complained."""
        assert self.complaints == []
        assert {url for url in self.requests if not url.startswith("blob:")} == {file.as_uri()}


@pytest.fixture(scope="module")
def opened(browser, pet_head):
    page = Page(browser, pet_head.path)
    yield page
    page.check(pet_head.path)


def photo_files(folder):
    """Chelsea as phones, cameras and programs make files of her."""
    large = cv2.resize(CHELSEA, (2000, 1330), interpolation=cv2.INTER_CUBIC)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = TURNED_RIGHT
    alpha = np.full(CHELSEA.shape[:2], 255, np.uint8)
    alpha[:, :120], alpha[:80] = 0, 128
    images = {
        "turned.jpg": (np.rot90(large), {"exif": exif, "quality": 90}),
        "alpha.png": (np.dstack([CHELSEA, alpha]), {}),
        "grey.jpg": (CHELSEA[..., 1], {}),
        "small.png": (cv2.resize(CHELSEA, (97, 61), interpolation=cv2.INTER_AREA), {}),
        "tall.webp": (CHELSEA[:, 150:250], {"lossless": True}),
        # Lossless, as the one before: nobody knows where a slice of a face ends, so that there the
        # one grey level by which two JPEG decoders differ moves an edge by up to 8 pixels.
        "wide ü.png": (CHELSEA[60:150], {}),
    }
    for name, (pixels, options) in images.items():
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / name, **options)
    return [folder / name for name in images]


def check_same_answers(page, predictor, files):
    for file in files:
        photo = read_photo(file)
        height, width = photo.shape[:2]
        expected = predictor.predict([photo])
        answer = page.localize(file)
        assert (answer["image"], answer["width"], answer["height"]) == (file.name, width, height)
        box = expected.boxes_rel_xyxy[0] * [width, height, width, height]
        # Of a slice, a pixel that is rounded the other way in resizing moves an edge, too.
        atol = 3 if file.name in ("tall.webp", "wide ü.png") else 2
        found = [answer[edge] for edge in EDGES]
        np.testing.assert_allclose(found, box, atol=atol, err_msg=file.name)
        assert answer["score"] == pytest.approx(expected.scores[0], abs=0.01)
        assert (answer["label"] or "") == expected.labels[0]


def test_boxes_are_those_of_python(opened, tmp_path):
    check_same_answers(opened, KerasModel(PET_HEAD), photo_files(tmp_path))


def test_boxes_of_real_photos_are_those_of_python(opened, oxford_root):
    files = sorted((oxford_root / "images").glob("*.jpg"))[::700]
    assert len(files) >= 5
    check_same_answers(opened, KerasModel(PET_HEAD), files)


@pytest.mark.parametrize(
    ("width", "height", "stored", "size"),
    [
        (640, 480, 160, 128),
        (333, 777, 160, 128),
        (70, 50, 160, 128),
        (501, 40, 96, 128),
        (60, 900, 128, 128),
        (256, 256, 256, 128),
        (160, 160, 160, 160),
        (1, 3, 96, 96),
    ],
)
def test_the_resize_is_that_of_python(opened, width, height, stored, size):
    photo = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "png")
    pixels = opened.driver.evaluate(
        """async ([text, stored, size]) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const bitmap = await createImageBitmap(new Blob([bytes]));
            return Array.from(networkInput(bitmap, stored, size));
        }""",
        [base64.b64encode(file.getvalue()).decode(), stored, size],
    )
    expected = resample(stretch(photo, stored), size).astype(int)
    difference = np.abs(np.reshape(pixels, expected.shape) - expected)
    assert difference.max() <= 2 and difference.mean() < 0.01


@pytest.mark.parametrize(("height", "width", "size"), [(90, 160, 160), (61, 97, 160), (1, 3, 96)])
def test_photos_that_grow_are_enlarged_as_opencv_does_it(opened, height, width, size):
    photo = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels = opened.driver.evaluate(
        "([pixels, width, height, size]) => Array.from(enlarge(pixels, width, height, size))",
        [photo.ravel().tolist(), width, height, size],
    )
    expected = cv2.resize(photo, (size, size), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(np.reshape(pixels, expected.shape), expected)


def test_the_sample_photo_is_localized(opened):
    opened.driver.click("#sample")
    opened.shows("#status", "chelsea.jpg: done.")
    answer = opened.download()
    assert answer["model"] == "pet_head" and answer["target"] == "head"
    assert answer["score"] > 0.5


def test_a_dropped_photo_is_localized(opened, tmp_path):
    file = photo_files(tmp_path)[3]
    opened.driver.evaluate(
        """(text) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "dropped.png"));
            const event = { dataTransfer, bubbles: true, cancelable: true };
            document.getElementById("stage").dispatchEvent(new DragEvent("drop", event));
        }""",
        base64.b64encode(file.read_bytes()).decode(),
    )
    opened.shows("#status", "dropped.png: done.")
    assert opened.download()["width"] == 97


def test_broken_files_give_a_message(opened, tmp_path):
    whole = io.BytesIO()
    Image.fromarray(CHELSEA).save(whole, "jpeg")
    contents = {"empty.jpg": b"", "text.png": b"no photo", "cut.jpg": whole.getvalue()[:200]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        opened.driver.set_input_files("#file", tmp_path / name)
        what = "the file is empty" if not content else "cannot read it as a photo"
        opened.shows("#problem", f"{name}: ")
        opened.shows("#problem", what)
        assert not opened.driver.locator("#result").is_visible()
    assert opened.localize(photo_files(tmp_path)[2])["image"] == "grey.jpg"
    assert opened.driver.locator("#problem").inner_text() == ""


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows(opened, tmp_path, width):
    long_name = tmp_path / f"{'long' * 40}.jpg"
    photo_files(tmp_path)[0].rename(long_name)
    opened.localize(long_name)
    opened.driver.set_viewport_size({"width": width, "height": 844})
    assert opened.driver.evaluate("document.documentElement.scrollWidth") == width
    for element in ("#view", "#result", "#download", "#camera", ".about"):
        box = opened.driver.locator(element).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, element


def test_the_camera_runs_and_stops(opened):
    page = opened.driver
    page.click("#camera")
    opened.shows("#value-rate", "per second")
    assert page.locator("#value-photo").inner_text() == "camera"
    page.evaluate("globalThis.track = stream.getVideoTracks()[0]; globalThis.seen = latest")
    # Playwright's own waiting evaluates text in the page, which the page's policy forbids.
    while page.evaluate("latest === seen"):
        page.wait_for_timeout(20)
    page.click("#camera")
    opened.shows("#status", "The camera is off.")
    assert page.evaluate("track.readyState") == "ended"
    assert page.locator("#camera").inner_text() == "Use the camera"
    shown = page.evaluate("new Promise(requestAnimationFrame).then(() => globalThis.seen = latest)")
    assert shown["image"] == "camera" and shown["width"] > 0
    page.wait_for_timeout(300)
    assert page.evaluate("latest === seen")


def test_choosing_a_photo_stops_the_camera(opened, tmp_path):
    opened.driver.click("#camera")
    opened.shows("#value-rate", "per second")
    assert opened.localize(photo_files(tmp_path)[2])["image"] == "grey.jpg"
    assert opened.driver.evaluate("stream") is None


def test_classes_are_named(browser, runtime, tmp_path):
    source = small_model(tmp_path, voting=True, head_width=88)
    export = export_page(source, runtime, tmp_path)
    page = Page(browser, export.path)
    # Without rounding in the resize: an untrained network makes much of small differences.
    Image.fromarray(blobs(1, seed=0, size=STORED)[0]).save(tmp_path / "blobs.png")
    check_same_answers(page, KerasModel(source.file), [tmp_path / "blobs.png"])
    assert page.download()["label"] in CLASSES[1:]
    page.check(export.path)


def test_metadata_is_escaped(browser, tmp_path):
    metadata = describe(open_source_model(PET_HEAD), "browser", "float32", "float32")
    hostile = {"name": HOSTILE, "target": HOSTILE, "training_data": HOSTILE, "labels": [HOSTILE]}
    page = tmp_path / "page.html"
    write_page(b"no graph", metadata | hostile, True, Runtime(b"no module", b""), page)
    driver = browser.new_page()
    complaints = []
    driver.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
    driver.goto(page.as_uri())
    driver.locator("#problem", has_text="cannot be started").wait_for()
    assert complaints == [] and driver.locator("img").count() == 0
    assert HOSTILE in driver.locator(".about").inner_text()


def test_the_size_is_that_of_the_page(pet_head):
    assert pet_head.path.name == "pet_head_browser.html"
    size = pet_head.path.stat().st_size
    assert pet_head.check.file_bytes == size
    # The model takes 4 bytes a parameter, in base64; the rest is the runtime and the page.
    weights = 4 * load_model_file(PET_HEAD)[0].count_params()
    assert size < 4_800_000 + weights * 4 / 3
    assert pet_head.check.difference < 1e-4


def test_without_a_network_the_message_names_the_option(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(downloading, "RETRY_WAITS_S", ())
    with FileServer({"runtime.tgz": b"another file"}) as server:
        for name, reason in (("missing.tgz", "404"), ("runtime.tgz", f"{RUNTIME_BYTES:,}")):
            with pytest.raises(InputError, match="--runtime") as raised:
                open_runtime(url=f"{server.url}/{name}")
            assert reason in str(raised.value)
    with pytest.raises(InputError, match="cannot be downloaded .*--runtime"):
        open_runtime(url=f"{server.url}/runtime.tgz")


def test_a_local_runtime_is_checked(tmp_path):
    with pytest.raises(InputError, match="no such file; get it from https://registry.npmjs.org/"):
        open_runtime(tmp_path / "missing.tgz")
    (tmp_path / "other.tgz").write_bytes(b"another file")
    with pytest.raises(InputError, match=r"not onnxruntime-web-.*SHA-256 differs"):
        open_runtime(tmp_path / "other.tgz")


def test_the_script_refuses_a_wrong_runtime_at_once(run_script, tmp_path):
    done = run_script("export_model.py", "--formats", "browser", "--runtime", tmp_path / "no.tgz")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.startswith("error: --runtime ") and "no such file" in done.stderr
