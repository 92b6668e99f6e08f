"""The files of a run folder but for those that training itself writes."""

import json
import shutil

import yaml

from localizer.dataset.dataset import verify_dataset
from localizer.environment import describe_environment, git_commit
from localizer.errors import InputError
from localizer.files.atomic_files import write_text
from localizer.training.resuming import refuse_changes
from localizer.training.run_keeper import NEXT_BEST

# The state to resume from goes first: a run that is killed after that begins at its beginning.
_RESULTS = (
    "resume.npz",
    "best.keras",
    NEXT_BEST,
    "metrics.json",
    "predictions.csv",
    "history.csv",
)


_LOCK = ".lock"


# All there is in a folder whose run was killed before it had written its config.yaml.
_BEGINNING = {_LOCK, "environment.json", ".environment.partial.json", ".config.partial.yaml"}


def _check_folder(run, settings, data, own, resume, overwrite):
    path = run / "config.yaml"
    if not run.exists():
        return
    if not path.exists() and {file.name for file in run.iterdir()} - _BEGINNING:
        raise InputError(
            f"{run}: exists and is no run folder (no config.yaml); choose another --run"
        )
    if path.exists() and resume:
        refuse_changes(run, settings, data, own)
        verify_dataset(settings["data"])
    elif path.exists() and not overwrite:
        raise InputError(
            f"{run}: holds a run already; --resume goes on with it, --overwrite starts it anew, "
            "--run names another folder"
        )


def _start_folder(run, settings, data, own):
    run.mkdir(parents=True, exist_ok=True)
    for name in _RESULTS:
        if (run / name).is_dir():
            shutil.rmtree(run / name)
        (run / name).unlink(missing_ok=True)
    shutil.rmtree(run / "tensorboard", ignore_errors=True)
    for fold in run.glob("fold-*/config.yaml"):
        shutil.rmtree(fold.parent)
    environment = {**describe_environment(), "dataset": data}
    if own:
        environment["own_parts"] = own
    write_text(run / "environment.json", json.dumps(environment, indent=2))
    write_text(run / "config.yaml", yaml.safe_dump(settings, sort_keys=False))


def _describe_data(dataset, unlabelled):
    """What a run and its model say of the photos: dataset.json, and that of unlabelled/.

    Without `root` and `empty_folders`: where the photos lie is of no use on another machine.
    """
    labelled, added = (
        None
        if part is None
        else {k: v for k, v in part.description.items() if k not in ("root", "empty_folders")}
        for part in (dataset, unlabelled)
    )
    return labelled | {"unlabelled": added}


def _describe(dataset, data, config, classes):
    """What goes into the model file beside the graph."""
    return {
        "target": dataset.target,
        "image_size": config.image_size,
        "stored_size": dataset.image_size,
        "box_format": "rel_xyxy",
        "input": "RGB 0 to 255",
        "class_column": config.class_output if classes else None,
        "classes": classes,
        "dataset": data,
        "commit": git_commit(),
        "config": config.to_dict(),
    }
