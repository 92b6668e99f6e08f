"""An ablation with a head of one's own, as a user runs it: processes, and a changed file."""

import json

import pytest

pytestmark = pytest.mark.slow


def test_an_ablation_gives_the_file_on_and_knows_a_changed_one(
    run_script, synthetic_dataset, example
):
    head = example("head.py")
    plan = head.with_name("plan.yaml")
    plan.write_text(
        f"data: {synthetic_dataset.path}\nseeds: [0]\n"
        "base: {weights: none, looks: 1, image_size: 96, epochs: 1, class_output: none}\n"
        "rows:\n  mine: {head: corners}\n"
    )
    words = ("run_ablation.py", plan, "--out", "out", "--plugin", head)
    refused = run_script(*words[:-2])
    assert refused.returncode == 2
    assert "plan.yaml, line 5: head: 'corners' is not possible" in refused.stderr
    done = run_script(*words)
    assert done.returncode == 0, done.stderr
    (first,) = (head.parent / "out/runs").iterdir()
    noted = json.loads((first / "environment.json").read_text())["own_parts"]
    assert noted["head"]["file"] == "head.py"
    head.write_text(head.read_text() + "\n# Changed.\n")
    looked = run_script(*words, "--dry-run")
    assert "1 runs, 1 of them to do" in looked.stdout, looked.stderr
    for name in ("train_model.py", "generate_dataset.py"):
        shown = run_script(name, "--help", "--plugin", head)
        assert shown.returncode == 0 and "--plugin FILE.py" in shown.stdout
        assert ("recipe|simcc|corners" in shown.stdout) == (name == "train_model.py")
