"""What the user's machine brings along: keras.json, encodings, closed streams, lists, odd names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from localizer import Localizer
from localizer.errors import InputError
from localizer.images.photos import read_photo
from localizer.inference.photo_listing import find_photos, split_list
from localizer.runtimes.keras_settings import backend_name, settings_file

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = "localize_images.py"
CENTER = ("--model", "baseline:center")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (80, 40), (0, 90, 200)).save(path)
    return path


@pytest.fixture
def start(tmp_path):
    """Start Keras as the scripts do where keras.json has some text; gives the finished process."""

    def run(text, code="", **environment):
        (tmp_path / "keras").mkdir(exist_ok=True)
        (tmp_path / "keras" / "keras.json").write_text(text)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("KERAS_")}
        begin = (
            "from localizer.commands.command_line import run_script, start_keras\n"
            "run_script(start_keras)"
        )
        return subprocess.run(
            [sys.executable, "-c", f"{begin}\n{code}"],
            env=inherited | {"KERAS_HOME": str(tmp_path / "keras")} | environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_the_scripts_set_what_the_networks_need(start):
    settings = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1}
    code = (
        "import keras.config as c\n"
        "print(c.image_data_format(), c.floatx(), c.epsilon(), c.dtype_policy().name)"
    )
    done = start(json.dumps(settings), code, KERAS_MAX_EPOCHS="1")
    assert done.stdout == "channels_last float32 1e-07 float32\n", done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"backend": "nonesuch"}', "keras.json: the backend nonesuch that this file names"),
        ('["torch"]', "keras.json: Keras cannot use this file"),
        ('{"floatx": "float8"}', "keras.json: Keras cannot use this file"),
    ],
)
def test_what_keras_cannot_use_names_the_file(start, tmp_path, text, message):
    done = start(text)
    assert done.returncode == 2 and done.stderr.startswith(f"error: {tmp_path}/keras/{message}")
    assert "KERAS_BACKEND=" not in done.stderr.replace("or set KERAS_BACKEND=tensorflow", "")


def test_a_backend_of_the_environment_is_not_the_files(start):
    done = start('{"backend": "tensorflow"}', KERAS_BACKEND="nonesuch")
    assert done.returncode == 2 and done.stderr.startswith("error: KERAS_BACKEND=nonesuch cannot")


def test_the_backend_is_known_without_keras(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert settings_file() == tmp_path / "keras.json" and backend_name() == "tensorflow"
    for text in ("{broken", "[]", '{"backend": 7}', "\udcff"):
        settings_file().write_bytes(text.encode("utf-8", "surrogateescape"))
        assert backend_name() == "tensorflow"
    settings_file().write_text('{"backend": "jax"}')
    assert backend_name() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backend_name() == "torch"


def test_characters_that_the_output_lacks_are_escaped(run_script):
    environment = {"PYTHONIOENCODING": "cp1252"}
    out, escaped = "\u0434\u0430\u043d\u043d\u044b\u0435", r"\u0434\u0430\u043d\u043d\u044b\u0435"
    done = run_script(
        "generate_dataset.py",
        "--source",
        "synthetic",
        "--count",
        12,
        "--workers",
        1,
        "--out",
        out,
        environment=environment,
    )
    assert done.returncode == 0 and escaped in done.stdout, done.stderr
    done = run_script("evaluate_performance.py", f"--{out}", environment=environment)
    assert done.returncode == 2 and escaped in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed(photo, closed):
    def run(*arguments):
        words = [sys.executable, str(REPOSITORY / SCRIPT), *arguments, *CENTER]
        return subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "sh", *words],
            capture_output=True,
            text=True,
        )

    found, missing = run(str(photo)), run("missing.jpg")
    assert (found.returncode, missing.returncode) == (0, 1)
    assert "Traceback" not in found.stderr + missing.stderr
    assert ("a.png" in found.stdout) == (">&- " not in f" {closed} ".replace("2>&-", ""))
    if "<" in closed:
        done = run("-")
        assert done.returncode == 2 and ("standard input is closed" in done.stderr or "2" in closed)


def test_no_standard_streams_at_all(photo):
    code = (
        "import sys; sys.stdin = sys.stdout = sys.stderr = None\n"
        f"sys.argv = ['localize_images.py', {str(photo)!r}, 'missing.jpg', *{CENTER!r}]\n"
        "import localize_images; localize_images.run_script(localize_images.main)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_a_full_disk_is_no_success(photo):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, REPOSITORY / "generate_dataset.py", "--verify", photo.parent],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2 and "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [[], ["--null"]])
def test_a_photo_where_a_list_is_expected(photo, options):
    done = subprocess.run(
        [sys.executable, REPOSITORY / SCRIPT, "-", *options, *CENTER],
        input=photo.read_bytes(),
        capture_output=True,
    )
    assert done.returncode == 2 and done.stdout == b""
    error = done.stderr.decode()
    assert error.startswith("error: -: standard input is a photo, but - wants a list of paths")
    assert error.count("\n") == 1 and "--null" in error


def test_lists_with_a_byte_order_mark():
    text, paths = "a.jpg\r\nb c.jpg\r\n\u0444.jpg\r\n", ["a.jpg", "b c.jpg", "\u0444.jpg"]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert split_list(text.encode(encoding)) == paths
    assert split_list(("\ufeff" + text).encode("utf-16-be")) == paths
    assert split_list("\ufeffa.jpg\0b.jpg\0".encode(), b"\0") == ["a.jpg", "b.jpg"]
    assert split_list("a.jpg\0b.jpg\0".encode("utf-16"), b"\0") == ["a.jpg", "b.jpg"]
    for wrong, separator in ((b"a.jpg\0b.jpg", b"\n"), (b"\x7fELF\0\0\0\1", b"\0")):
        with pytest.raises(InputError, match="standard input is binary, but - wants a list"):
            split_list(wrong, separator)
    with pytest.raises(InputError, match="damaged UTF-16"):
        split_list(b"\xff\xfea")


def test_brackets_in_names_of_folders_are_no_pattern(tmp_path, monkeypatch):
    for folder in ("in [2024]", "in 2", "in [2024]/x [ab]", "c1"):
        (tmp_path / folder).mkdir()
        for name in ("1.jpg", "[1].jpg", "2.jpg"):
            (tmp_path / folder / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)

    def found(pattern):
        return [os.path.relpath(path) for path in find_photos(pattern)[0]]

    for begin in ("", f"{tmp_path}{os.sep}"):
        assert found(f"{begin}in [2024]/[12].jpg") == ["in [2024]/1.jpg", "in [2024]/2.jpg"]
        assert found(f"{begin}in [2024]/*].jpg") == ["in [2024]/[1].jpg"]
        assert len(found(f"{begin}in [2024]/**/*.jpg")) == 6
        assert found(f"{begin}in*/x [ab]/2*") == ["in [2024]/x [ab]/2.jpg"]
        assert found(f"{begin}[a-c]1/1.jpg") == ["c1/1.jpg"]
    with pytest.raises(InputError, match="no file matches"):
        find_photos("in [2024]/*.gif")


@pytest.mark.parametrize("name", ["a\0b.jpg", "a\ud800b.jpg", "\0"])
def test_names_that_no_path_can_have(name, tmp_path):
    baseline = Localizer.load("baseline:center")
    for use in (
        read_photo,
        find_photos,
        baseline.localize,
        Localizer.load,
        lambda n: Localizer.load(n + ".keras"),
        lambda n: Localizer.load(n + ".tflite"),
        lambda n: Localizer.load(n + ".onnx"),
        lambda n: Localizer.load("detector:" + n),
        lambda n: Localizer.load(f"detector:{REPOSITORY}/models/README.md?labels={n}"),
    ):
        with pytest.raises(InputError):
            use(name)
    one, two = baseline.stream([name, np.zeros((4, 4), np.uint8)], workers=1).__next__()
    assert "no path" in str(one.error) and two.error is None
