"""What threads and processes share: predictors, and all that a process has only one of."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

import localizer
from localizer import Localizer
from localizer.errors import InputError
from localizer.export.metadata import describe, open_source_model
from localizer.export.onnx_file import write_onnx
from localizer.export.saved_model import add_metadata, write_saved_model
from localizer.models.backbones import mobilenet_v1
from localizer.models.model_file import load_model_file
from localizer.models.weight_limit import build_within
from localizer.predictors.loading import load_predictor
from localizer.predictors.pretrained.label_lists import read_labels
from localizer.runtimes.one_thread import one_thread
from localizer.runtimes.quiet import quiet_stderr
from tests.predictors.pretrained.hub_graphs import save_openimages_module

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "models"
THREADS = 8


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Names of one model in all formats, and what else there is."""
    out = tmp_path_factory.mktemp("formats")
    source = open_source_model(MODELS / "pet_body.keras")
    write_onnx(source.model, out / "m.onnx", describe(source, "onnx", "float32", "float32"))
    write_saved_model(source.model, out / "saved")
    add_metadata(out / "saved", describe(source, "saved_model", "float32", "float32"))
    return {
        "litert": str(MODELS / "pet_body.tflite"),
        "int8": str(MODELS / "pet_body_int8.tflite"),
        "keras": str(MODELS / "pet_body.keras"),
        "onnx": str(out / "m.onnx"),
        "saved_model": str(out / "saved"),
        "hub_module": f"{save_openimages_module(out / 'hub')}?classes=Cat",
        "flip": "flip:" + str(MODELS / "pet_body.tflite"),
    }


@pytest.fixture(scope="module")
def photos():
    """Photos with different answers: a bright part on a dark ground, each somewhere else."""
    made = np.random.default_rng(0).integers(0, 90, (10, 90, 120, 3), dtype=np.uint8)
    for i, photo in enumerate(made):
        photo[8 * (i % 5) : 8 * (i % 5) + 40, 7 * i : 7 * i + 50] += 140
    return list(made)


def alike(found, expected):
    """Whether two answers are one photo's; networks round differently from run to run."""
    return np.allclose(found.box, expected.box, atol=0.1) and found.label == expected.label


KINDS = ["litert", "int8", "keras", "onnx", "saved_model", "hub_module", "flip"]


@pytest.mark.parametrize("kind", KINDS)
def test_threads_share_a_model_and_get_the_answers_of_one(models, photos, kind):
    shared = Localizer.load(models[kind])
    expected = [shared.localize(photo) for photo in photos]
    assert not alike(expected[0], expected[1])
    rounds = 3 if kind in ("keras", "saved_model", "hub_module") else 30
    numbers = [i % len(photos) for i in range(rounds * len(photos))]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda i: shared.localize(photos[i]), numbers))
    assert all(alike(one, expected[i]) for one, i in zip(found, numbers))


def test_threads_share_a_model_on_jax(tmp_path):
    pytest.importorskip("jax")
    script = (
        "from concurrent.futures import ThreadPoolExecutor\nimport numpy as np\n"
        "from localizer import Localizer\n"
        "shared = Localizer.load('models/pet_body.keras')\n"
        "photo = np.full((60, 80, 3), 90, np.uint8)\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    print(len(set(pool.map(shared.localize, [photo] * 80))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"KERAS_BACKEND": "jax"},
    )
    assert done.stdout == "1\n", done.stderr[-500:]


def test_what_is_swapped_while_models_load_in_threads_is_back_afterwards(models, tmp_path):
    said = tmp_path / "stderr"
    with stderr_to(said):
        before = os.stat(said).st_ino
        building, layers = threading.Event(), []

        def build():
            while not building.is_set():
                layer = keras.layers.Dense(300)
                layer.build((None, 300))  # More weights than the files below may have.
                layers.append(layer)

        with ThreadPoolExecutor(THREADS + 1) as pool:
            builder = pool.submit(build)
            kinds = ["litert", "keras", "int8", "keras", "litert", "small", "keras", "int8"]
            loads = [pool.submit(load, models, kind) for kind in kinds]
            answers = [each.result() for each in loads]
            building.set()
            builder.result()
        assert os.fstat(2).st_ino == before
        os.write(2, b"a line that must arrive\n")
    assert answers.count("refused") == 1 and layers
    assert said.read_bytes().endswith(b"a line that must arrive\n")


def load(models, kind):
    if kind != "small":
        return Localizer.load(models[kind])
    small = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])
    with pytest.raises(InputError, match="more than the file can hold"):
        build_within("small.keras", keras.saving.serialize_keras_object(small), 10)
    return "refused"


@contextlib.contextmanager
def stderr_to(path):
    """Standard error, for C++ too, in a file."""
    kept = os.dup(2)
    with open(path, "ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def test_lines_of_others_are_shown_when_it_is_loud_again(tmp_path):
    said = tmp_path / "stderr"
    with stderr_to(said):
        with quiet_stderr(b"greeting"):
            os.write(2, b"INFO: a greeting\nan error of another thread\n")
            with quiet_stderr(b"nothing"):
                os.write(2, b"one more greeting\n")
            assert said.read_bytes() == b""
        assert said.read_bytes() == b"an error of another thread\n"
        with quiet_stderr():
            os.write(2, b"anything\n")
    assert said.read_bytes() == b"an error of another thread\n"


def test_silence_ends_in_whatever_order_and_in_a_forked_process(tmp_path):
    said = tmp_path / "stderr"
    with stderr_to(said):
        one, other = quiet_stderr(), quiet_stderr()
        one.__enter__()
        other.__enter__()
        os.write(2, b"dropped\n")
        child = os.fork()
        if child == 0:
            os.write(2, b"child\n")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        one.__exit__(None, None, None)
        os.write(2, b"dropped\n")
        other.__exit__(None, None, None)
        os.write(2, b"parent\n")
    assert said.read_bytes() == b"child\nparent\n"


def test_silence_where_standard_error_is_closed():
    kept = os.dup(2)
    os.close(2)
    try:
        with quiet_stderr():
            pass
        with pytest.raises(OSError):
            os.fstat(2)
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def test_numbers_of_threads_are_back_in_whatever_order():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        one, other = one_thread(), one_thread()
        one.__enter__()
        other.__enter__()
        one.__exit__(None, None, None)
        assert cv2.getNumThreads() == 1
        other.__exit__(None, None, None)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_building_a_network_leaves_the_filters_of_warnings_alone():
    with warnings.catch_warnings():
        filters = list(warnings.filters)
        mobilenet_v1(96, 0.25, "none")
        assert warnings.filters == filters


def in_child(work):
    """What `work` returns in a forked process; fails where it hangs."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = work()
        except InputError as error:
            answer = f"InputError: {error}"
        except BaseException as error:
            answer = repr(error)
        os.write(write, pickle.dumps(answer))
        os._exit(0)
    os.close(write)
    alarm = threading.Timer(60, os.kill, (child, 9))
    alarm.start()
    with open(read, "rb") as file:
        answer = file.read()
    alarm.cancel()
    os.waitpid(child, 0)
    assert answer, "the forked process hangs"
    return pickle.loads(answer)


@pytest.mark.parametrize("kind", ["litert", "int8", "onnx", "flip"])
def test_a_forked_process_answers_also_while_other_threads_do(models, photos, kind):
    shared = Localizer.load(models[kind])
    expected = shared.localize(photos[3])
    ended = threading.Event()

    def work():
        while not ended.is_set():
            shared.localize(photos[0])

    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(work) for _ in range(2)]
        try:
            found = [in_child(lambda: shared.localize(photos[3])) for _ in range(3)]
            loaded = in_child(lambda: Localizer.load(models[kind]).localize(photos[3]))
        finally:
            ended.set()
        for other in others:
            other.result()
    assert all(alike(one, expected) for one in (*found, loaded))


@pytest.mark.parametrize("kind", ["keras", "saved_model", "hub_module"])
def test_what_would_hang_in_a_forked_process_says_so(models, photos, kind):
    shared = Localizer.load(models[kind])
    for work in (lambda: shared.localize(photos[0]), lambda: Localizer.load(models[kind])):
        answer = in_child(work)
        assert answer.startswith(
            f"InputError: {models[kind].partition('?')[0]}: this process was forked"
        )
        assert ".tflite" in answer and "in the worker" in answer


@pytest.mark.parametrize("name", [*KINDS, "baseline:center", "flip:baseline:whole"])
def test_a_pickled_localizer_answers_in_another_folder(models, photos, name, tmp_path, monkeypatch):
    path = models.get(name, name)
    if os.sep in path:
        prefix = "flip:" if path.startswith("flip:") else ""
        folder, _, file = path.removeprefix(prefix).rpartition(os.sep)
        monkeypatch.chdir(folder)
        path = prefix + file
    shared = Localizer.load(path)
    expected = shared.localize(photos[2])
    content = pickle.dumps(shared)
    assert len(content) < 1000
    monkeypatch.chdir(tmp_path)
    assert alike(pickle.loads(content).localize(photos[2]), expected)


def test_a_pickled_detector_keeps_its_options(tmp_path, monkeypatch, photos):
    from tests.predictors.pretrained.hub_graphs import four_outputs, to_tflite

    (tmp_path / "a b").mkdir()
    path = tmp_path / "a b" / "d.tflite"
    to_tflite(four_outputs, path, 32, 32, 3)
    (tmp_path / "names+1.txt").write_text("\n".join(["none"] + ["x"] * 16 + ["a dog"]))
    assert read_labels(tmp_path / "names+1.txt")[17] == "a dog"
    monkeypatch.chdir(tmp_path)
    shared = Localizer.load("detector:a b/d.tflite?classes=17&labels=names%2B1.txt")
    expected = shared.localize(photos[0])
    assert expected.label == "a dog"
    content = pickle.dumps(shared)
    monkeypatch.chdir("/")
    assert pickle.loads(content).localize(photos[0]) == expected


def test_a_spawned_process_answers(photos, tmp_path):
    script = tmp_path / "spawned.py"
    script.write_text(
        "import multiprocessing\nimport numpy as np\nfrom localizer import Localizer\n"
        "if __name__ == '__main__':\n"
        "    shared = Localizer.load('models/pet_body.tflite')\n"
        "    photo = np.full((60, 80, 3), 90, np.uint8)\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.apply(shared.localize, (photo,)) == shared.localize(photo))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.stdout == "True\n", done.stderr


def test_a_loaded_model_does_not_follow_keras_settings(photos):
    name = MODELS / "pet_body.keras"
    expected = Localizer.load(name).localize(photos[1])
    try:
        for floatx in ("float16", "float64"):
            keras.config.set_floatx(floatx)
            keras.config.set_image_data_format("channels_first")
            assert alike(Localizer.load(name).localize(photos[1]), expected)
        with pytest.raises(InputError, match="set_image_data_format"):
            localizer.models.localizer_model.build_localizer(None)
        keras.config.set_image_data_format("channels_last")
        with pytest.raises(InputError, match=r"floatx is float64.*set_floatx\('float32'\)"):
            localizer.models.localizer_model.build_localizer(None)
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")
    assert load_model_file(name)[0].count_params() and load_predictor(str(name), None)
