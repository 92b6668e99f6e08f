"""Opens pretrained detectors: by name, a TF Lite file, or a SavedModel folder."""

from pathlib import Path
from urllib.parse import parse_qs

from localizer.errors import InputError
from localizer.predictors.hub_models import (
    checksum_note,
    find_hub_model,
    hub_model,
    model_of_file,
)

_NO_BOXES = (
    "{model}: mobile_object_labeler_v1 is a classifier and has no boxes, so it cannot be scored by "
    "IoU. It is used on the crops that the localizers make: localizer/crop_labels.py"
)


def open_pretrained(model):
    """The predictor for `hub:NAME`, `detector:FILE.tflite`, or the path of a SavedModel folder.

    `?classes=A,B` after it names the classes that count (names or numbers; `any` for all) and
    `&labels=FILE` a list of class names, one per line from class 0 on. Without `classes`, a known
    model takes those of its task (cats and dogs, say), and any other takes every class.

    Raises:
        InputError: not found, not a detector, or a wrong option.
    """
    source, options = _split_options(model)
    if source.startswith("hub:"):
        asked = hub_model(source)
        # Before anything is downloaded.
        _refuse_classifier(asked, model)
        known, path = find_hub_model(asked)
    else:
        path = Path(source.removeprefix("detector:"))
        known = model_of_file(path)
        _refuse_classifier(known, model)
    name = path.resolve().name if path.is_dir() else path.stem
    classes, labels, facts = None, {}, {}
    if known:
        name, classes, labels = known.name, known.classes, known.labels
        notes = known.notes + checksum_note(known, path)
        facts = {"notes": notes, "seen_breeds": known.seen_breeds}
    if "classes" in options:
        classes = None if options["classes"] == ["any"] else options["classes"]
        # Two choices of classes of one model stay apart in a table.
        name += f"[{','.join(options['classes'])}]"
    if path.is_dir():
        if "labels" in options:
            raise InputError(f"{model}: a SavedModel has its own class names; leave out labels=")
        from localizer.predictors.hub_module import HubModule

        return HubModule(path, name, classes, **facts)
    return _open_litert(path, name, classes, options.get("labels"), labels, facts)


def _refuse_classifier(known, model):
    if known and known.is_classifier:
        raise InputError(_NO_BOXES.format(model=model))


def _open_litert(path, name, classes, label_file, known_labels, facts):
    from localizer.predictors.detections import embedded_labels, read_labels
    from localizer.predictors.litert_detector import LitertDetector
    from localizer.predictors.litert_graph import PhotoGraph
    from localizer.predictors.raw_ssd_detector import RawSsdDetector, has_raw_outputs

    graph = PhotoGraph(path)
    beside = path.with_name(f"{path.stem}_labels.txt")
    if label_file:
        labels = read_labels(label_file)
    else:
        labels = embedded_labels(path) or (read_labels(beside) if beside.is_file() else {})
        labels = known_labels | labels
    kind = RawSsdDetector if has_raw_outputs(graph) else LitertDetector
    return kind(graph, name, classes, labels, **facts)


def _split_options(model):
    """("hub:NAME", {"classes": [...], "labels": FILE})."""
    source, _, query = model.partition("?")
    try:
        options = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        options = {query: []}
    unknown = sorted(set(options) - {"classes", "labels"})
    if unknown:
        raise InputError(
            f"{model}: {unknown[0]!r} is no option; there are ?classes=A,B and &labels=FILE"
        )
    found = {}
    if "classes" in options:
        found["classes"] = [part.strip() for part in options["classes"][-1].split(",")]
        if "" in found["classes"]:
            raise InputError(f"{model}: an empty class; write ?classes=16,17 or ?classes=any")
    if "labels" in options:
        found["labels"] = options["labels"][-1]
    return source, found
