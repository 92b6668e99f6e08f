"""The Python side: what `localizer` offers, its examples, and docs/python.md."""

import doctest
import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from skimage import data

import localizer
from localizer import InputError, Localization, Localizer, evaluate, open_dataset, train
from localizer.dataset.generation import GenerationSettings, generate_dataset
from localizer.sources.opening import open_source

REPOSITORY = Path(__file__).resolve().parents[1]
TINY = {"epochs": 9, "weights": "none", "looks": 1, "head": "recipe", "image_size": 96}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data/scenes: 48 drawn scenes."""
    place = tmp_path_factory.mktemp("python")
    read, _ = open_source("synthetic", None, "head", count=48, workers=1)
    settings = GenerationSettings("synthetic", "head", root=None, find_duplicates=False)
    generate_dataset(read, settings, place / "data" / "scenes", progress=False)
    return place


@pytest.fixture
def here(place, monkeypatch):
    """That folder, as the current one."""
    monkeypatch.chdir(place)
    return place


def test_the_public_names():
    code = "import localizer, sys; print('numpy' in sys.modules, 'keras' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]
    assert set(dir(localizer)) == {*localizer.__all__, "__version__"}
    for name in localizer.__all__:
        assert getattr(localizer, name).__doc__


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "train" else [])
        for name in localizer.__all__
    ],
)
def test_the_examples_of_docstrings(here, name):
    thing = getattr(localizer, name)
    names = vars(sys.modules[thing.__module__]).copy()
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder().find(thing, name, globs=names):
        runner.run(test)
    assert not runner.failures
    if inspect.isfunction(thing):
        assert runner.tries and set(inspect.signature(thing).parameters) < {
            *inspect.get_annotations(thing)
        }


@pytest.mark.slow
def test_the_blocks_of_the_page_on_python(here):
    page = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    Image.fromarray(data.chelsea()).save("cat.jpg")
    matplotlib.use("Agg")
    names = {}
    assert len(blocks) == 4
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)


class Tracker(keras.callbacks.Callback):
    """Notes the logs of each epoch, and stops after the first batch of the second."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = bool(self.rows)

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(dict(logs))


@pytest.mark.slow
def test_a_callback_sees_the_row_of_the_history(here):
    tracker = Tracker()
    run = train("data/scenes", TINY, "runs/tracked", [tracker], progress=False)
    header, *rows = Path("runs/tracked/history.csv").read_text().split()
    assert {"loss", "iou", "val_loss", "val_iou", "learning_rate"} < set(header.split(","))
    assert [set(row) for row in tracker.rows] == [set(header.split(","))] * 2
    assert rows[1].startswith("2,") and run["epochs"] == 2
    assert repr(run).startswith("Run('runs/tracked', validation mean IoU 0.")
    scored = evaluate(open_dataset("data/scenes"), run, progress=False)
    assert scored.metrics["models"][0]["mean_iou"] == pytest.approx(run["mean_iou"], abs=0.05)
    with pytest.raises(InputError, match="callbacks: .*keras.callbacks.Callback is needed"):
        train("data/scenes", TINY, "runs/other", [print], progress=False)
    with pytest.raises(InputError, match="recipe: 3 is not possible"):
        train("data/scenes", 3, "runs/other", progress=False)
    assert not Path("runs/other").exists()


def test_tensorboard_names_its_extra(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match=r"single-object-localizer\[tensorboard\]"):
        train("data/scenes", TINY, "runs/board", tensorboard=True, progress=False)


def test_one_line_each(here):
    dataset = open_dataset("data/scenes")
    assert repr(dataset) == (
        "Dataset('data/scenes', target 'head', 48 images: 38 train, 6 validation, 4 test)"
    )
    assert dataset._repr_png_().startswith(b"\x89PNG")
    model = repr(Localizer.load("pet_head"))
    assert re.fullmatch(r"Localizer\('.*', target 'head', \d+ x \d+ pixels, from '.*'\)", model)
    found = evaluate(dataset, Localizer.load("baseline:center"), progress=False)
    assert re.fullmatch(
        r"Evaluation\(validation of scenes, .*baseline:center 0\.\d+\)", repr(found)
    )
    assert "<td>baseline:center</td>" in found._repr_html_()
    with pytest.raises(InputError, match="models: 3 is not possible"):
        evaluate(dataset, [3], progress=False)


def test_an_answer_shows_its_photo(tmp_path):
    model = Localizer.load("baseline:center")
    photo = data.chelsea()
    path = tmp_path / "cat.png"
    Image.fromarray(photo).save(path)
    of_pixels, of_file = model.localize(photo), model.localize(str(path))
    (in_batch,), (streamed,) = model.localize_batch([photo]), model.localize_many([path])
    assert of_pixels == of_file == in_batch == streamed
    for answer in (of_pixels, of_file, in_batch, streamed):
        assert answer._repr_png_() == of_pixels._repr_png_() is not None
    assert of_file.crop().size == (227, 150) and of_file.crop(margin=1).size == photo.shape[1::-1]
    axes = Figure().add_subplot()
    assert of_file.plot(axes) is axes
    assert axes.patches[0].get_bbox().extents == pytest.approx(of_file.box)
    Image.fromarray(photo[:50]).save(path)
    with pytest.raises(InputError, match="another photo now"):
        of_file.crop()
    with pytest.raises(InputError, match="margin"):
        of_pixels.crop(-1)


def test_an_answer_without_a_photo():
    (streamed,) = Localizer.load("baseline:center").localize_many([data.chelsea()])
    kept = Localizer.load("baseline:center").localize(data.chelsea())
    for answer in (streamed, pickle.loads(pickle.dumps(kept))):
        assert answer == kept and answer._repr_png_() is None
        with pytest.raises(InputError, match="has kept no photo"):
            answer.plot()
    assert Localization(None, None, None, None).probabilities is None


@pytest.mark.parametrize("model", ["pet_head", "models/pet_head.tflite", "flip:pet_head"])
def test_probabilities(monkeypatch, model):
    monkeypatch.chdir(REPOSITORY)
    answer = Localizer.load(model).localize(data.chelsea())
    assert len(answer.probabilities) == 37
    assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert max(answer.probabilities, key=answer.probabilities.get) == answer.label
    assert pickle.loads(pickle.dumps(answer)).probabilities == answer.probabilities
    nothing = Localizer.load("baseline:center").localize(np.zeros((9, 9, 3), np.uint8))
    assert nothing.probabilities is None
