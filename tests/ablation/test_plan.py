"""Plans of ablations: what they become, and what is refused, before anything runs."""

import itertools
import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from localizer.ablation.plan import read_plan
from localizer.errors import InputError
from localizer.recipe.config import TrainingConfig
from localizer.recipe.fields import build_config, differences, flatten

HEAD = "data: data/none\nseeds: [0, 1]\n"


@pytest.fixture
def plan_of(tmp_path):
    def read(text):
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return read_plan(path)

    return read


def changes_of(plan):
    return {row.name: row.changes for row in plan.rows}


def test_one_at_a_time_has_the_base_once_and_each_other_value_alone(plan_of):
    plan = plan_of(
        HEAD + "base: {epochs: 3}\n"
        "factors: {box_loss: [mse, smooth_l1, diou], augmentation.flip: [0, 0.5], alpha: [1.0]}\n"
    )
    assert changes_of(plan) == {
        "base": {},
        "box_loss=mse": {"box_loss": "mse"},
        "box_loss=smooth_l1": {"box_loss": "smooth_l1"},
        "augmentation.flip=0": {"augmentation.flip": 0.0},
        "alpha=1": {"alpha": 1.0},
    }
    assert {row.config.epochs for row in plan.rows} == {3}
    assert (plan.baseline, plan.metric, plan.split) == ("base", "mean_iou", "validation")


def test_a_grid_has_every_combination(plan_of):
    plan = plan_of(HEAD + "grid: {box_loss: [mse, diou], augment: [true, false]}\n")
    assert [row.name for row in plan.rows] == [
        "box_loss=mse, augment=true",
        "box_loss=mse, augment=false",
        "box_loss=diou, augment=true",
        "box_loss=diou, augment=false",
    ]
    found = {(row.config.box_loss, row.config.augment) for row in plan.rows}
    assert found == set(itertools.product(("mse", "diou"), (True, False)))
    assert plan.baseline == plan.rows[0].name


def test_a_grid_leaves_out_what_would_be_trained_twice(plan_of, capsys):
    plan = plan_of(HEAD + "grid: {augment: [true, false], augmentation.flip: [0, 0.5]}\n")
    assert [row.name for row in plan.rows] == [
        "augment=true, augmentation.flip=0",
        "augment=true, augmentation.flip=0.5",
        "augment=false, augmentation.flip=0",
    ]
    said = capsys.readouterr().err
    assert "'augment=false, augmentation.flip=0.5' would be the same" in said
    assert "no effect here: augmentation.flip; the second is left out" in said


def test_rows_may_start_from_other_recipes_and_nested_fields_keep_the_rest(plan_of, tmp_path):
    (tmp_path / "one.yaml").write_text("alpha: 0.5\naugmentation:\n  flip: 0.25\n  blur: 0.1\n")
    (tmp_path / "two.yaml").write_text("head: recipe\nepochs: 7\n")
    plan = plan_of(
        f"{HEAD}recipe: {tmp_path}/one.yaml\nbase: {{epochs: 2, augmentation: {{flip: 0}}}}\n"
        f"rows:\n  a: {{}}\n  b: {{recipe: {tmp_path}/two.yaml}}\n"
        "  c: {augmentation: {hue: 0}}\n"
        "baseline: c\npictures: [b, a]\n"
    )
    a, b, c = (row.config for row in plan.rows)
    assert (a.alpha, a.epochs, a.augmentation.flip, a.augmentation.blur) == (0.5, 2, 0.0, 0.1)
    assert (b.alpha, b.epochs, b.head, b.augmentation.flip) == (0.25, 2, "recipe", 0.0)
    assert (c.augmentation.hue, c.augmentation.blur) == (0.0, 0.1)
    assert changes_of(plan)["b"] == {"alpha": 0.25, "head": "recipe", "augmentation.blur": 0.025}
    assert plan.rows[1].recipe == tmp_path / "two.yaml"
    assert (plan.baseline, plan.pictures) == ("c", ("b", "a"))


def test_steps_keep_what_came_before_and_are_compared_with_it(plan_of, tmp_path):
    (tmp_path / "start.yaml").write_text("alpha: 0.5\naugmentation: {flip: 0.25}\n")
    plan = plan_of(
        f"{HEAD}recipe: {tmp_path}/start.yaml\nbase: {{epochs: 2}}\n"
        "steps:\n  start: {epochs: 3}\n  base: {augmentation: {hue: 0}}\n"
        "  back: {alpha: 0.25, augmentation.flip: 0.5}\n"
    )
    start, base, back = (row.config for row in plan.rows)
    assert (start.alpha, start.epochs, start.augmentation.flip) == (0.5, 3, 0.25)
    assert (base.alpha, base.epochs, base.augmentation.hue) == (0.5, 3, 0.0)
    assert (back.alpha, back.epochs, back.augmentation.hue) == (0.25, 3, 0.0)
    assert changes_of(plan) == {
        "start": {"epochs": 3},
        "base": {"augmentation.hue": 0.0},
        "back": {"alpha": 0.25, "augmentation.flip": 0.5},
    }
    assert plan.references == {"start": None, "base": "start", "back": "base"}
    assert (plan.baseline, plan.steps) == ("start", True)
    plan = plan_of(HEAD + "rows: {a: {}, b: {alpha: 0.5}, c: {alpha: 1.0}}\nbaseline: b\n")
    assert plan.references == {"a": "b", "b": None, "c": "b"}


@settings(deadline=None, max_examples=50)  # A busy machine is no failure.
@given(
    flip=st.floats(0, 1),
    rate=st.floats(1e-9, 1e3),
    steps=st.integers(1, 10**6),
    weights=st.text(string.ascii_letters + "/._-", min_size=1, max_size=20),
    augment=st.booleans(),
)
def test_differences_rebuild_a_config(flip, rate, steps, weights, augment):
    given_settings = {
        "augmentation.flip": flip,
        "learning_rate": rate,
        "epochs": steps,
        "augment": augment,
        "weights": weights,
    }
    config = build_config(given_settings)
    changed = differences(config, TrainingConfig())
    assert changed.items() <= given_settings.items()
    assert build_config(yaml.safe_load(yaml.safe_dump(changed))) == config
    assert build_config(flatten(config.to_dict())) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rows:\n  a:\n    box_los: mse\n", r"plan.yaml, line 5: .*did you mean box_loss\?"),
        ("rows:\n  a:\n    augmentation:\n      flop: 0\n", "line 6: .*mean augmentation.flip"),
        ("base: {epoch: 2}\nrows: {a: {}}\n", r"line 3: .*mean epochs\?"),
        ("factors: {hed: [recipe]}\n", r"line 3: .*mean head\?"),
        ("basline: a\nrows: {a: {}}\n", r"line 3: .*mean baseline\?"),
        ("seed: 1\nrows: {a: {}}\n", r"line 3: .*mean seeds\?"),
        ("epochs: 2\nrows: {a: {}}\n", "line 3: epochs is a field of a recipe.* below base:"),
        ("folds: 5\nrows: {a: {}}\n", "line 3: folds: the runs of a plan have none"),
        (
            "base: {folds: 5}\nrows: {a: {}}\n",
            "line 3: .*folds is no field of a recipe, nor of a p",
        ),
        ("rows: {wide: {}}\nbaseline: wid\n", r"line 4: .*mean wide\?"),
        ("rows: {a: {}}\nmetric: iou\n", "line 4: metric: 'iou'.*mean_iou"),
        ("rows: {a: {}}\nsplit: train\n", "line 4: split: 'train'"),
        ("rows: {a: {}}\npictures: [a, b]\n", "line 4: pictures: 'b'"),
        ("rows: {a: {}}\npictures: a\n", "line 4: pictures: two rows"),
        ("rows:\n  a: {}\n  a: {alpha: 0.5}\n", "line 5: a is there twice"),
        ("rows:\n  a: {}\n  b: {alpha: 0.25}\n", "line 5: .*same settings"),
        ("factors: {alpha: [0.5, 0.50]}\n", "line 3: alpha: 0.5 is there twice"),
        ("factors: {alpha: 0.5}\n", "line 3: alpha: a list"),
        ("rows: {a: {}}\ngrid: {alpha: [1.0]}\n", "one of factors.*, steps .* grid and rows"),
        ("", "one of factors, grid, rows, steps .*none"),
        ("rows: []\n", "line 3: rows: a mapping"),
        ("rows: {a: 3}\n", "line 3: a: fields"),
        ("rows: {a: {augmentation: 3}}\n", "line 3: augmentation has fields of its own"),
        ("rows: {a: {class_output: }}\n", "line 3: class_output has no value"),
        ("rows: {a: {seed: 1}}\n", "line 3: seed: .*seeds"),
        ("rows: {a: {epochs: 2}}\nminutes: 3\n", "line 3: epochs: .*minutes"),
        ("rows: {a: {}}\nminutes: 0\n", "line 4: minutes: a number above 0"),
        ("rows: {a: {}}\nminutes: .inf\n", "line 4: minutes"),
        ("rows: {a: {recipe: none.yaml}}\n", "line 3: recipe: 'none.yaml' is no file"),
        ("rows: {a: !!python/object/apply:os.getcwd []}\n", "line 3: no plain YAML"),
        ("rows: {a: {}\n", "no plain YAML"),
        ("rows:\n  a: {}\n  off: {alpha: 0.5}\n", "line 5: YAML reads off as false; write 'off'"),
        ("rows:\n  1: {}\n  1.0: {alpha: 0.5}\n", "line 5: 1.0 is there twice"),
        ("rows:\n  1: {}\n  '1': {alpha: 0.5}\n", "line 5: 1 is there twice"),
        ("rows: {1: {}, 0x1: {alpha: 0.5}}\n", "line 3: 1 is there twice"),
        ("rows:\n  a: {hue: 1}\n", "line 4: .*mean augmentation.hue"),
        (
            "rows: {a: {augmentation.hue: 1, augmentation: {hue: 2}}}\n",
            "line 3: augmentation.hue is there twice",
        ),
        ("rows: {a: {}, A: {workers: 4}}\n", "line 3: .*same settings"),
        (
            "base: {looks: 1}\nrows:\n  a: {}\n  b: {look_size: 128}\n",
            "line 6: .*same training.*no effect here: look_size; leave one out",
        ),
        ("factors: {look_size: [112, 128, 160]}\n", "no effect here: look_size; leave"),
        ("base: {augment: false}\ngrid: {augmentation.hue: [1, 2]}\n", "nothing varies"),
        ("steps: {a: {}}\n", "line 3: steps: nothing varies; name two"),
        ("steps:\n  a: {}\n  b:\n", "line 5: rows 'a' and 'b' have the same settings"),
        ("steps:\n  a: {}\n  b: {alpha: 1.0}\n  c: {alpha: 0.25}\n", "line 6: .*'a' and 'c'"),
        ("steps:\n  a: {}\n  b: {alfa: 1.0}\n", r"line 5: .*mean alpha\?"),
        ("steps:\n  a: {}\n  b: {recipe: x.yaml}\n", "line 5: recipe: .*plan's recipe"),
        ("steps: {a: {}, b: {alpha: 1.0}}\nbaseline: a\n", "line 4: baseline: .*one before"),
        ("rows: {a: {}, b: {alpha: 0.5}}\npictures: [a, a]\n", "line 4: pictures: two rows"),
        ('rows: {"": {}}\n', "line 3: the row's name '' is not possible"),
        ('rows: {"a\\e[31m": {}}\n', "line 3: the row's name"),
        ('rows: {"\\ud800x": {}}\n', "the row's name|no plain YAML"),
        ("factors: {box_loss: [diou]}\n", "line 3: factors: nothing varies"),
        ("rows: {a: {}}\nminutes: 1" + 400 * "0" + "\n", "line 4: minutes: a number above 0"),
        ("rows: {a: {}}\nminutes: yes\n", "line 4: minutes: a number above 0"),
        ("rows: {a: {box_loss: mse2}}\n", r"line 3: box_loss: 'mse2' .*mean mse\?"),
        ("rows: {a: {learning_rate: .inf}}\n", "line 3: .*learning_rate"),
        ("rows: {a: {recipe: " + 5000 * "x" + "}}\n", "line 3: recipe: .* is no file"),
        ("rows: &rows {a: *rows}\n", "line 3: aliases"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(plan_of, text, message):
    with pytest.raises(InputError, match=message):
        plan_of(HEAD + text)


@pytest.mark.parametrize("seeds", ["[]", "[0, 0]", "[-1]", "[1.5]", "3", "[true]", ""])
def test_seeds_are_different_whole_numbers(plan_of, seeds):
    with pytest.raises(InputError, match=r"line 2: seeds: a list"):
        plan_of(f"data: x\nseeds: {seeds}\nrows: {{a: {{}}}}\n")


@pytest.mark.parametrize(
    "recipe", ["image_size: 3", "augmentation: {flip: 2}", "epochs: 2.5", "epochs: 1000000000000"]
)
def test_a_wrong_value_gets_the_message_of_train_model(plan_of, run_script, tmp_path, recipe):
    with pytest.raises(InputError) as refused:
        plan_of(f"{HEAD}rows:\n  a: {{{recipe}}}\n")
    message = str(refused.value).split("line 4: ", 1)[1]
    (tmp_path / "recipe.yaml").write_text(recipe)
    answer = run_script("train_model.py", "--recipe", "recipe.yaml")
    assert answer.returncode == 2
    assert message in " ".join(answer.stderr.split())


def test_a_recipe_that_cannot_be_used_is_named(plan_of, tmp_path):
    (tmp_path / "recipe.yaml").write_text("alpha: 0.5\nbox_los: mse\n")
    with pytest.raises(InputError, match=r"recipe.yaml, line 2: .*box_loss\?"):
        plan_of(f"{HEAD}recipe: {tmp_path}/recipe.yaml\nrows: {{a: {{}}}}\n")


BOMB = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"\xff\xfe",
        b"- 1\n",
        b"",
        b"data: " + b"[" * 5000,
        b"seeds: 2001-99-99\n",
        b"a0: &a0 [1]\n" + BOMB.encode(),
    ],
)
def test_a_plan_that_is_none(tmp_path, content):
    path = tmp_path / "plan.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        read_plan(path)


def test_rows_may_be_named_by_numbers(plan_of):
    plan = plan_of(
        f"{HEAD}minutes: 1e2\nrows: {{96: {{image_size: 96}}, 128: {{}}}}\n"
        "baseline: 128\npictures: [96, 128]\n"
    )
    assert (plan.baseline, plan.pictures, plan.minutes) == ("128", ("96", "128"), 100.0)


def test_values_that_differ_late_are_told_apart(plan_of):
    plan = plan_of(f"{HEAD}factors: {{learning_rate: [0.00123456, 0.001234561]}}\n")
    assert len({row.name for row in plan.rows}) == 3
