"""Ablations on this machine: runs in their own processes, kept, gone on with, and told apart."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from localizer.ablation.plan import read_plan
from localizer.ablation.report.results import collect_results
from localizer.ablation.running.processes import CommandSequence, child_environment, log_end
from localizer.ablation.running.runs import check_dataset, list_runs
from localizer.ablation.running.timing import Timings
from localizer.dataset.identity import identity
from localizer.errors import InputError
from localizer.images.boxes import iou_xyxy
from localizer.predictors.keras_model import KerasModel
from localizer.recipe.config import TrainingConfig

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[3]
PLAN = """
data: {data}
base: {{weights: none, head: recipe, image_size: 96, batch_size: 96, epochs: 2, warmup_epochs: 0}}
rows: {{plain: {{}}, broken: {{weights: none/there.keras}}}}
seeds: [3]
split: test
"""


@pytest.fixture
def plan_of(synthetic_dataset, tmp_path):
    """Reads a plan after some text in it was replaced."""

    def read(*replaced):
        text = PLAN.format(data=synthetic_dataset.path)
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return read_plan(path)

    return read


@pytest.fixture(scope="module")
def finished(synthetic_dataset, tmp_path_factory):
    """An experiment of which one run is finished and one failed: folder, plan, process."""
    folder = tmp_path_factory.mktemp("ablation")
    (folder / "plan.yaml").write_text(PLAN.format(data=synthetic_dataset.path))
    command = [sys.executable, REPOSITORY / "run_ablation.py", "plan.yaml", "--out", "out"]
    answer = subprocess.run(
        [*command, "--workers", "2"], cwd=folder, capture_output=True, text=True, timeout=1800
    )
    return folder / "out", read_plan(folder / "plan.yaml"), answer


def test_a_failed_run_is_reported_and_does_not_stop_the_others(finished):
    out, plan, answer = finished
    assert answer.returncode == 1, answer.stderr
    assert "plain, seed 3: test mean IoU 0." in answer.stdout
    assert "broken, seed 3: FAILED" in answer.stdout
    assert "error: none/there.keras" in answer.stdout
    assert (out / "report.html").is_file()
    assert [result.row for result in collect_results(plan, out)] == ["plain"]


def test_a_result_is_what_the_kept_model_answers_on_the_split(finished, synthetic_dataset):
    out, plan, _ = finished
    result = collect_results(plan, out)[0]
    rows = synthetic_dataset.indices("test")
    assert list(result.iou.index) == list(synthetic_dataset.samples["image"].iloc[rows])
    photos = [synthetic_dataset.read_photo(row) for row in rows]
    boxes = KerasModel(result.run).predict(photos).boxes_rel_xyxy
    np.testing.assert_allclose(result.boxes, boxes, atol=2e-3)
    expected = iou_xyxy(synthetic_dataset.boxes_rel_xyxy[rows], result.boxes.to_numpy())
    np.testing.assert_allclose(result.iou, expected, atol=1e-4)
    assert result.metrics["mean_iou"] == pytest.approx(expected.mean(), abs=1e-4)
    assert (result.metrics["split"], result.metrics["n"]) == ("test", len(rows))
    validated = json.loads((result.run / "metrics.json").read_text())
    assert (validated["split"], validated["epochs"]) == ("validation", 2)
    assert result.metrics["parameters"] == validated["parameters"]
    assert list(result.history["epoch"]) == [1, 2]
    config = yaml.safe_load((result.run / "config.yaml").read_text())
    assert (config["seed"], config["epochs"], config["weights"]) == (3, 2, "none")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("test_predictions.csv", lambda text: "".join(text.splitlines(True)[:4])),
        ("test_predictions.csv", lambda text: text + text.splitlines(True)[-1]),
        ("test_predictions.csv", lambda text: text.replace("xmin", "left")),
        ("test_predictions.csv", lambda text: text.splitlines(True)[0]),
        ("test_predictions.csv", lambda text: text.replace("0.", "x", 1)),
        ("test_predictions.csv", lambda text: re.sub(r",[^,]*$", ",0.77", text)),
        ("test_metrics.json", lambda text: "{}"),
        ("test_metrics.json", lambda text: "[]"),
        ("test_metrics.json", lambda text: text.replace('"mean_iou": 0.', '"mean_iou": 0.9')),
        ("history.csv", lambda text: text.splitlines(True)[0]),
        ("history.csv", lambda text: "a,b\n1,2\n"),
        ("environment.json", lambda text: "[]"),
    ],
)
def test_a_damaged_result_is_not_shown(finished, tmp_path, name, damage):
    out = tmp_path / "out"
    shutil.copytree(finished[0], out)
    path = collect_results(finished[1], out)[0].run / name
    text = path.read_text()
    assert damage(text) != text
    path.write_text(damage(text))
    with pytest.raises(InputError, match=f"{path.parent}: damaged.*delete the folder"):
        collect_results(finished[1], out)


def test_when_every_run_fails_the_page_says_so(plan_of, run_script, tmp_path):
    plan_of(("plain: {}, ", ""))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("an older one")
    answer = run_script("run_ablation.py", "plan.yaml", "--out", "out")
    assert answer.returncode == 1
    assert "1 run failed; the same command tries again" in answer.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    assert "0 of 1 runs have finished" in page and "none/there.keras" in page


@pytest.mark.parametrize(
    "content", ["[]", "5", "null", '{"a": {}}', '{"a": {"epoch": 0, "start": 1}}']
)
def test_damaged_timings_are_named(synthetic_dataset, tmp_path, content):
    (tmp_path / "timings.json").write_text(content)
    with pytest.raises(InputError, match=r"timings.json: damaged .*delete it"):
        Timings(tmp_path, synthetic_dataset)


def test_the_command_of_a_result_means_the_same_settings(finished):
    out, plan, _ = finished
    result = collect_results(plan, out)[0]
    words = result.command.split()
    assert words[:2] == ["python", "train_model.py"]
    options = dict(zip(words[2::2], words[3::2]))
    assert options.pop("--data") == str(plan.data)
    assert options.pop("--run") == f"runs/{result.run.name}"
    assert {name: yaml.safe_load(value) for name, value in options.items()} == {
        "--weights": "none",
        "--head": "recipe",
        "--image_size": 96,
        "--batch_size": 96,
        "--epochs": 2,
        "--warmup_epochs": 0,
        "--seed": 3,
    }


def test_what_is_done_is_not_done_again_and_changed_settings_are_other_runs(
    finished, plan_of, synthetic_dataset, tmp_path
):
    out = tmp_path / "out"
    shutil.copytree(finished[0], out)

    def done(*replaced, dataset=synthetic_dataset):
        return [run.row for run in list_runs(plan_of(*replaced), dataset, out) if run.is_done]

    assert done() == ["plain"]
    assert done(("rows: {plain", "rows: {b: {alpha: 0.5}, plain")) == ["plain"]
    assert done(("warmup_epochs: 0", "warmup_epochs: 0, workers: 1")) == ["plain"]
    assert done(("split: test", "split: validation")) == ["plain"]
    for changed in (("epochs: 2", "epochs: 3"), ("[3]", "[4]"), ("96, b", "112, b")):
        assert done(changed) == []
    description = synthetic_dataset.description
    other = {**description, "sha256": {**description["sha256"], "rows": "0"}}
    assert done(dataset=replace(synthetic_dataset, description=other)) == []
    # Generated by a version that called columns otherwise.
    former = {**description, "sha256": identity(description["sha256"])}
    assert former != description
    assert done(dataset=replace(synthetic_dataset, description=former)) == ["plain"]
    run = list_runs(plan_of(), synthetic_dataset, out)[0]
    (run.folder / "test_metrics.json").unlink()
    assert (run.is_trained, run.is_done) == (True, False)
    assert [command[1:3] for command in run.missing_commands()] == [
        ["-m", "localizer.commands.score_split"]
    ]
    config = run.folder / "config.yaml"
    config.write_text(config.read_text().replace("seed: 3", "seed: 5"))
    assert not run.is_trained


def test_other_initial_weights_under_an_old_name_make_a_new_run(
    plan_of, synthetic_dataset, tmp_path
):
    weights = tmp_path / "weights.keras"
    names = []
    for content in (b"one", b"other"):
        weights.write_bytes(content)
        plan = plan_of(("none/there.keras", str(weights)))
        names.append(list_runs(plan, synthetic_dataset, tmp_path)[1].name)
    assert names[0] != names[1]


def history_length(runs):
    return sum(run.epochs_done for run in runs)


def wait_for(condition, process, seconds=900):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def trainings(folder):
    """Process ids of trainings into a folder, from Linux' /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word.endswith("train_model.py") for word in words) and str(folder) in words:
            found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_stopped_in_any_way_it_goes_on_where_it_stopped(plan_of, synthetic_dataset, tmp_path):
    out = tmp_path / "out"
    plan = plan_of(
        (", broken: {weights: none/there.keras}", ""),
        ("epochs: 2", "epochs: 6"),
        ("split: test", "split: validation"),
    )
    runs = list_runs(plan, synthetic_dataset, out)
    command = [sys.executable, REPOSITORY / "run_ablation.py", plan.path, "--out", out]

    def start():
        return subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    # A folder that was only begun is in nobody's way.
    runs[0].folder.mkdir(parents=True)
    (runs[0].folder / "environment.json").write_text("{}")
    for stop, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)):
        epochs = history_length(runs)
        driver = start()
        wait_for(runs[0].recipe.exists, driver)
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert second.returncode == 2
        assert f"{out}: another process is writing to it" in second.stderr
        wait_for(lambda epochs=epochs: history_length(runs) > epochs, driver)
        driver.send_signal(stop)
        runs[0].recipe.unlink()
        _, errors = driver.communicate(timeout=600)
        assert driver.returncode == code
        deadline = time.monotonic() + 300
        while trainings(runs[0].folder):
            assert time.monotonic() < deadline, "a training outlived the command"
            time.sleep(0.05)
    assert "To go on: python" in errors
    assert 2 <= history_length(runs) < 6
    answer = start()
    answer.communicate(timeout=1800)
    assert answer.returncode == 0
    result = collect_results(plan, out)[0]
    assert list(result.history["epoch"]) == list(range(1, 7))
    assert runs[0].log.read_text().count("Training on") == 3
    assert [path.name for path in (out / "runs").iterdir()] == [runs[0].name]


def test_a_dry_run_runs_nothing_and_times_each_kind_of_row_once(
    plan_of, synthetic_dataset, run_script, tmp_path
):
    plan_of(("weights: none/there.keras", "box_loss: mse"))
    answer = run_script("run_ablation.py", "plan.yaml", "--dry-run")
    assert answer.returncode == 0, answer.stderr
    assert "plain, seed 3: 2 of 2 epochs to go\n" in answer.stdout
    assert "broken, seed 3: 2 of 2 epochs to go  box_loss=mse\n" in answer.stdout
    assert "2 runs, 2 of them to do. About " in answer.stdout
    assert "estimate" in answer.stdout
    out = tmp_path / "ablations" / "plan"
    assert not (out / "runs").exists()
    (timing,) = json.loads((out / "timings.json").read_text()).values()
    assert timing["epoch"] > 0 and timing["start"] > 0


def test_minutes_become_epochs_by_the_kept_timing(plan_of, synthetic_dataset, tmp_path):
    plan = plan_of(
        ("epochs: 2, ", ""),
        ("split", "minutes: 2\nsplit"),
        ("{weights: none/there.keras", "{alpha: 0.5"),
    )
    assert list_runs(plan, synthetic_dataset, tmp_path) == []
    timings = Timings(tmp_path, synthetic_dataset)
    configs = timings.missing([row.config for row in plan.rows])
    assert [config.alpha for config in configs] == [0.25, 0.5]
    keys = [timings._key(config) for config in configs]
    kept = {key: {"epoch": seconds, "start": 9.0} for key, seconds in zip(keys, (7.0, 500.0))}
    (tmp_path / "timings.json").write_text(json.dumps(kept))
    runs = list_runs(plan, synthetic_dataset, tmp_path)
    assert [run.config.epochs for run in runs] == [17, 1]
    timings = Timings(tmp_path, synthetic_dataset)
    assert timings.seconds(runs[0].config, 10) == 79.0
    # What changes the time of a step needs a timing of its own, what does not, does not.
    base = TrainingConfig()
    assert len(timings.missing([base, replace(base, learning_rate=0.1, box_loss="mse")])) == 1
    assert len(timings.missing([base, replace(base, batch_size=8)])) == 2


def test_commands_run_in_order_until_one_fails_and_the_log_keeps_it(tmp_path):
    def outcome(commands):
        sequence = CommandSequence(commands, tmp_path / "log", child_environment(1))
        while (code := sequence.poll()) is None:
            time.sleep(0.01)
        return code

    def saying(text, code=0):
        return [sys.executable, "-c", f"print({text!r}); raise SystemExit({code})"]

    assert outcome([saying("one"), saying("two")]) == 0
    assert outcome([saying("three", 7), saying("never")]) == 7
    assert log_end(tmp_path / "log") == "one\ntwo\nthree"
    assert outcome([saying("\n".join(map(str, range(100))) + "\r50%\r100%")]) == 0
    assert log_end(tmp_path / "log").split("\n") == [*map(str, range(85, 99)), "100%"]


def test_a_stopped_command_is_gone(tmp_path):
    waiting = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"]
    sequence = CommandSequence([waiting], tmp_path / "log", child_environment())
    while "up" not in log_end(tmp_path / "log"):
        assert sequence.poll() is None
        time.sleep(0.01)
    sequence.stop()
    assert sequence.poll() == -signal.SIGTERM


def test_a_dataset_that_does_not_fit_the_plan_is_refused(plan_of, synthetic_dataset):
    other = "{class_output: category, class_loss_weight: 0.2}"
    plan = plan_of(("{weights: none/there.keras}", other))
    check_dataset(plan, synthetic_dataset)
    odd = replace(plan.rows[0], config=replace(plan.rows[0].config, alpha=0.3, weights="imagenet"))
    with pytest.raises(InputError, match="alpha 0.3.*weights: none"):
        check_dataset(replace(plan, rows=(odd,)), synthetic_dataset)
    one_kind = replace(synthetic_dataset, samples=synthetic_dataset.samples.assign(category="a"))
    with pytest.raises(InputError, match="plan.yaml: class_output category: .*two or more names"):
        check_dataset(plan, one_kind)
    auto = plan_of(("{weights: none/there.keras}", "{looks: 2}"))
    with_teacher, without = (
        replace(auto.rows[0], name=name, config=replace(auto.rows[0].config, unlabelled=taught))
        for name, taught in (("a", True), ("b", False))
    )
    with pytest.raises(InputError, match="'a' and 'b' would be the same.*unlabelled; leave"):
        check_dataset(replace(auto, rows=(with_teacher, without)), synthetic_dataset)
    no_test = synthetic_dataset.samples.replace({"split": {"test": "train"}})
    with pytest.raises(InputError, match="the test split is empty"):
        check_dataset(plan, replace(synthetic_dataset, samples=no_test))


def test_a_missing_dataset_names_the_command_that_makes_one(run_script, tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN.format(data="data/none"))
    answer = run_script("run_ablation.py", "plan.yaml")
    assert answer.returncode == 2
    assert "data/none: not a dataset folder" in answer.stderr
    assert "python generate_dataset.py --out data/none" in answer.stderr
    assert not (tmp_path / "ablations").exists()
