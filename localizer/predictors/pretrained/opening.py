"""Opens pretrained detectors: by name, a TF Lite file, or a SavedModel folder."""

import sys
from pathlib import Path

from localizer.errors import InputError
from localizer.predictors.predictor import Predictor
from localizer.predictors.pretrained.detector_options import split_options
from localizer.predictors.pretrained.hub_models import (
    checksum_note,
    find_hub_model,
    hub_model,
    model_of_file,
)

_NO_BOXES = (
    "{model}: mobile_object_labeler_v1 is a classifier and has no boxes, so it cannot be scored by "
    "IoU. It is used on the crops that the localizers make: localizer/evaluation/crop_labels.py"
)


def open_pretrained(model: str) -> Predictor:
    """The predictor for `hub:NAME`, `detector:FILE.tflite`, or the path of a SavedModel folder.

    After it may follow, as in `detector:FILE.tflite?classes=16,17&size=320`:

    * `classes=A,B`: the classes that count, by name or number, `any` for all. Without it a known
      model takes those of its task (cats and dogs, say), and any other takes every class;
    * `labels=FILE`: the names of the classes, see `read_labels`;
    * `range=0..1`, `-1..1` or `0..255`: what a float input's values go from and to;
    * `size=S` or `size=HEIGHTxWIDTH`: the input's size in pixels, where the file leaves it open;
    * `signature=NAME`: which of the file's signatures is run.

    Raises:
        InputError: not found, not a detector, or a wrong option.
    """
    source, options = split_options(model)
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
    classes, labels, facts = options.classes, {}, {}
    if known:
        name, labels = known.name, known.labels
        classes = options.classes or known.classes
        notes = known.notes + checksum_note(known, path)
        facts = {"notes": notes, "seen_categories": known.seen_categories}
    if classes == ["any"]:
        classes = None
    # Two choices for one model stay apart in a table.
    name += options.suffix
    if path.is_dir():
        if options.labels:
            raise InputError(f"{model}: a SavedModel has its own class names; leave out labels=")
        from localizer.predictors.pretrained.hub_module import HubModule

        return HubModule(path, name, classes, options=options, **facts)
    return _open_litert(path, name, classes, options, labels, facts, known)


def _refuse_classifier(known, model):
    if known and known.is_classifier:
        raise InputError(_NO_BOXES.format(model=model))


def _open_litert(path, name, classes, options, known_labels, facts, known):
    from localizer.predictors.pretrained.label_lists import embedded_labels, read_labels
    from localizer.predictors.pretrained.litert_detector import (
        POST_PROCESSING,
        LitertDetector,
        is_four_outputs,
    )
    from localizer.predictors.pretrained.litert_graph import PhotoGraph
    from localizer.predictors.pretrained.raw_ssd_detector import RawSsdDetector, is_raw_outputs

    def is_detector(outputs):
        return is_raw_outputs(outputs) or is_four_outputs(outputs)

    graph = PhotoGraph(path, options.size, options.range, options.signature, is_detector)
    is_raw = is_raw_outputs(graph.outputs)
    # Where the background is class 0, or the post-processing has taken it out.
    counts = is_raw, graph.outputs_of(POST_PROCESSING) is not None
    beside = path.with_name(f"{path.stem}_labels.txt")
    if options.labels:
        labels = read_labels(options.labels, *counts)
    else:
        inside = next((o.metadata.label_file for o in graph.outputs if o.metadata.label_file), None)
        labels = embedded_labels(path, inside)
        if not labels and beside.is_file():
            labels = read_labels(beside, *counts)
        labels = known_labels | labels
    detector = (RawSsdDetector if is_raw else LitertDetector)(graph, name, classes, labels, **facts)
    if graph.range_is_assumed and not known:
        print(
            f"note: {path}: the input is float32, and the file does not say its range; -1..1 is "
            "assumed. Say it with ?range=-1..1, ?range=0..1 or ?range=0..255",
            file=sys.stderr,
        )
    return detector
