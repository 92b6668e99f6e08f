"""Recipes that extend others, and settings of before that no longer exist."""

import pytest

from localizer.ablation.plan import read_plan
from localizer.commands.train import build_options
from localizer.errors import InputError
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import build_config
from localizer.recipe.former_settings import as_now
from localizer.recipe.reading import read_recipe


def written(path, text):
    path.write_text(text)
    return path


def test_a_recipe_takes_the_fields_of_another_and_its_own_go_before(tmp_path):
    first = written(tmp_path / "first.yaml", "alpha: 0.5\naugmentation: {hue: 9, blur: 0.5}\n")
    text = f"extends: {first}\naugmentation: {{hue: 1}}\nepochs: 3\n"
    second = written(tmp_path / "second.yaml", text)
    expected = {"alpha": 0.5, "augmentation.hue": 1, "augmentation.blur": 0.5, "epochs": 3}
    assert read_recipe(second) == expected
    shipped = read_recipe(written(tmp_path / "third.yaml", "extends: strong_augmentation\n"))
    assert shipped["augmentation.rotation"] == 8


def test_circles_and_unknown_names_are_refused_with_file_and_line(tmp_path):
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"
    written(a, f"epochs: 2\nextends: {b}\n")
    written(b, f"extends: {a}\n")
    for start, line in ((a, f"{b}, line 1"), (b, f"{a}, line 2")):
        with pytest.raises(InputError, match="in a circle") as refused:
            read_recipe(start)
        assert line in str(refused.value)
    for name, message in (("publishd", "did you mean published"), ("[x]", "the name of")):
        written(a, f"epochs: 2\nextends: {name}\n")
        with pytest.raises(InputError, match=message) as refused:
            read_recipe(a)
        assert f"{a}, line 2" in str(refused.value)


@pytest.mark.parametrize("text", ["augmentation: {%s}\n", "augmentation.%s\n"])
def test_a_setting_that_is_gone_is_read_with_a_note_or_refused(text, tmp_path, capsys):
    said = text % "rotated_shape: ellipse"
    assert build_config(read_recipe(written(tmp_path / "r.yaml", said))) == TrainingConfig()
    assert "rotated_shape is always ellipse now" in capsys.readouterr().err
    said = "\nepochs: 2\n" + text % "rotated_shape: rectangle"
    with pytest.raises(InputError, match=r"line 3: .*'rectangle' is gone"):
        read_recipe(written(tmp_path / "r.yaml", said))
    with pytest.raises(InputError, match=r"line 2: head: voting: .*docs/LOG\.md"):
        read_recipe(written(tmp_path / "r.yaml", "epochs: 2\nhead: voting\n"))


def test_a_plan_reads_and_refuses_the_same(tmp_path, capsys):
    plan = "data: d\nseeds: [0]\nbaseline: base\nrows:\n  base: {}\n  other: {%s}\n"
    said = plan % "alpha: 0.5, augmentation: {rotated_shape: ellipse}"
    assert read_plan(written(tmp_path / "p.yaml", said)).rows[1].changes == {"alpha": 0.5}
    assert "always ellipse" in capsys.readouterr().err
    for row in ("augmentation.rotated_shape: rectangle", "head: voting"):
        with pytest.raises(InputError, match=r"is gone.*docs/LOG\.md"):
            read_plan(written(tmp_path / "p.yaml", plan % row))
    said = "data: d\nseeds: [0]\ngrid: {augmentation.rotated_shape: [ellipse, rectangle]}\n"
    with pytest.raises(InputError, match="always ellipse now"):
        read_plan(written(tmp_path / "p.yaml", said))


def test_a_former_value_is_read_with_one_note_and_refused_as_an_option(tmp_path, capsys):
    recipe = written(tmp_path / "r.yaml", "class_output: species\n")
    for _ in range(2):
        assert read_recipe(recipe) == {"class_output": "supercategory"}
    assert capsys.readouterr().err == (
        f"note: {recipe}: class_output: species is read as supercategory, its name now\n"
    )
    plan = "data: d\nseeds: [0]\ngrid: {class_output: [none, breed]}\n"
    plan = read_plan(written(tmp_path / "p.yaml", plan))
    assert [row.config.class_output for row in plan.rows] == ["none", "category"]
    assert "breed is read as category" in capsys.readouterr().err
    for option, value, message in (
        ("--class-output", "breed", "breed is called category now"),
        ("--head", "voting", "take head: simcc"),
    ):
        with pytest.raises(InputError, match=f"{option}: .*{message}"):
            build_options([option, value])


def test_the_config_of_an_older_run_is_that_of_now():
    now = TrainingConfig().to_dict()
    before = now | {"augmentation": now["augmentation"] | {"rotated_shape": "ellipse"}}
    assert as_now(before) == now
    other = now | {"augmentation": now["augmentation"] | {"rotated_shape": "rectangle"}}
    assert as_now(other) == other
