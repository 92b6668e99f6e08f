"""Names of parts, and files that register them."""

import subprocess
import sys

import pytest

from localizer.errors import InputError
from localizer.plugins import HEADS
from localizer.plugins.plugin_file import load_plugin, loaded_plugins, plugin_options
from localizer.recipe.config import TrainingConfig
from localizer.recipe.own_parts import changed_parts, own_parts
from localizer.recipe.values import checked, describe, from_text


def head(features, config, class_count):
    return {}


def test_registries_import_no_keras_and_all_that_is_built_in_is_there():
    program = (
        "import sys, localizer.plugins as p\n"
        "assert not {'keras', 'numpy', 'tensorflow'} & set(sys.modules)\n"
        "print(*p.HEADS)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("recipe simcc\n", "")
    assert HEADS["simcc"].__name__ == "simcc_head"
    with pytest.raises(InputError, match="no head 'simc'; did you mean simcc"):
        HEADS["simc"]


def test_a_name_is_given_once_and_built_in_ones_stay():
    HEADS.register("mine", head)
    assert HEADS["mine"] is head and "mine" in HEADS and HEADS.is_own("mine")
    with pytest.raises(InputError, match=r"mine: is there already, from .*test_registry\.py"):
        HEADS.register("mine", head)
    assert HEADS.register("mine", replace=True)(head) is head
    with pytest.raises(InputError, match="simcc: is built in"):
        HEADS.register("simcc", head, replace=True)
    for name in ("m", "Mine", "../mine", "a b", 3, "x" * 41):
        with pytest.raises(InputError, match="is no name of a part"):
            HEADS.register(name, head)


def test_a_setting_takes_own_names_as_soon_as_they_are_there():
    kind = TrainingConfig.__dataclass_fields__["head"].type
    with pytest.raises(InputError, match="'mine' is not possible: one of recipe, simcc, or one of"):
        checked("mine", kind)
    with pytest.raises(InputError, match="did you mean simcc"):
        TrainingConfig(head="simc")
    HEADS.register("mine", head)
    assert from_text("mine", kind) == "mine" and describe(kind) == "recipe|simcc|mine"
    assert TrainingConfig(head="mine").head == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n\nx = 1 / 0\n", r"line 3: ZeroDivisionError: division by zero"),
        ("x = 1\ndef f(:\n", r"line 2: SyntaxError: "),
        ("import sys\nsys.exit(3)\n", r"line 2: SystemExit: 3"),
        (
            "from localizer.plugins import HEADS\nHEADS.register('recipe', 1)\n",
            r"line 2: head recipe: is built in",
        ),
    ],
)
def test_a_file_that_raises_is_named_with_its_line(text, message, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(InputError, match=r"--plugin .*mine\.py, " + message):
        load_plugin(path)
    assert loaded_plugins() == []
    for other in (tmp_path, tmp_path / "no.py", tmp_path / "mine.txt"):
        with pytest.raises(InputError, match="no such Python file"):
            load_plugin(other)


def test_a_file_is_run_once_and_known_by_its_content(example):
    path = example("head.py")
    load_plugin(path)
    load_plugin(path)
    assert plugin_options() == ["--plugin", str(path)]
    config = TrainingConfig(head="corners")
    parts = own_parts(config)
    assert own_parts(TrainingConfig()) == {}
    assert (parts["head"]["name"], parts["head"]["file"]) == ("corners", "head.py")
    assert changed_parts(parts, parts) == []
    for before in (None, [], {"head": 3}, {"head": parts["head"] | {"sha256": "0"}}):
        assert changed_parts(before, parts) == [
            "head corners: head.py has other content than the run began with"
        ]
