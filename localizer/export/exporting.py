"""Writes a trained model in other formats; only files that pass their check are kept."""

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localizer.errors import InputError
from localizer.export import litert
from localizer.export.browser import write_page
from localizer.export.checking import INTEGER_BYTES, Check, compare
from localizer.export.metadata import describe
from localizer.export.onnx_file import write_onnx
from localizer.export.saved_model import add_metadata, write_saved_model
from localizer.predictors.predictor import bytes_of

_INTEGER = ("8-bit integers throughout", litert.convert_integer)
_INTEGER_NETWORK = (
    "8-bit integers, float32 after the last convolutions",
    litert.convert_integer_network,
)


@dataclass(frozen=True)
class Export:
    """A file that was written and passed.

    Attributes:
        path: the file, or the SavedModel's folder.
        file_format: one of localizer.export.FORMATS, or "browser".
        arithmetic: what it computes with, for people.
        check: Check.
        warning: what a user should know; "" when there is nothing.
    """

    path: Path
    file_format: str
    arithmetic: str
    check: Check
    warning: str = ""


def export_model(source, file_format, images, out, runtime=None):
    """Write a model in one format, check it against the Keras model, and keep it if it passes.

    Args:
        source: SourceModel.
        file_format: one of localizer.export.FORMATS, or "browser".
        images: ExportImages.
        out: folder; made when it is missing.
        runtime: Runtime of localizer.export.browser, for "browser" alone.

    Returns:
        Export.

    Raises:
        InputError: a package is missing, the file failed its check and was not kept, or the disk
            is full.
    """
    page = (partial(_write_browser, runtime), "_browser.html")
    write, suffix = page if file_format == "browser" else _WRITERS[file_format]
    reference = source.model.predict(images.check, verbose=0)
    with _scratch_in(out) as folder:
        path = folder / f"{source.name}{suffix}"
        failures = []
        for arithmetic, run in write(source, images, path):
            size = bytes_of(path)
            check = compare(run(images.check), reference, images.truth_rel_xyxy, size)
            failure = check.failure(file_format == "litert-int8", images.foreign, source.looks)
            if not failure:
                kept = _keep(path, out / path.name)
                return Export(kept, file_format, arithmetic, check, _warning(file_format, size))
            failures.append(f"with {arithmetic}, on {check.n} images ({images.origin}), {failure}")
    raise InputError(
        f"{out / path.name}: not kept, it is not the same model: {'; '.join(failures)}. "
        + ("Another --data may calibrate it better" if images.foreign else "Use another format")
    )


@contextlib.contextmanager
def _scratch_in(out):
    """A folder inside `out`, so that what has passed takes its place in one step; then removed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as folder:
            yield Path(folder)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{out}: cannot be written ({reason}); what was there is kept") from error


def _write_litert(source, images, path):
    graph = litert.convert_float(source.model)
    metadata = describe(source, "litert", "float32", "float32")
    litert.write_litert(graph, path, metadata)
    yield "float32", _litert_runner(path)


def _write_litert_int8(source, images, path):
    # Rounded to 8 bits, the divisor of a photo can be 0, at which LiteRT stops with an error: the
    # union of two small boxes in the score, say. No set of images shows that it never happens.
    divides = "DIV" in litert.operations_of(litert.convert_float(source.model))
    # Nor can 8 bits say which pixels a second look sees.
    partly = divides or source.looks == 2
    for arithmetic, convert in [_INTEGER_NETWORK] if partly else [_INTEGER, _INTEGER_NETWORK]:
        graph = convert(source.model, images.calibration)
        metadata = describe(source, "litert-int8", arithmetic, "uint8")
        litert.write_litert(graph, path, metadata | {"calibrated_on": _calibration(images)})
        yield arithmetic, _litert_runner(path)


def _write_onnx(source, images, path):
    write_onnx(source.model, path, describe(source, "onnx", "float32", "float32"))
    from localizer.predictors.onnx_model import OnnxModel

    yield "float32", OnnxModel(path).run


def _write_saved_model(source, images, path):
    write_saved_model(source.model, path)
    add_metadata(path, describe(source, "saved_model", "float32", "float32"))
    from localizer.predictors.saved_model import SavedModel

    yield "float32", SavedModel(path).run


def _write_browser(runtime, source, images, path):
    # What is checked is the graph inside; the page's own arithmetic is checked by the tests.
    graph = path.with_suffix(".onnx")
    metadata = describe(source, "browser", "float32", "float32")
    write_onnx(source.model, graph, metadata)
    write_page(graph.read_bytes(), metadata, "score" in source.model.output, runtime, path)
    from localizer.predictors.onnx_model import OnnxModel

    yield "float32", OnnxModel(graph).run


# The writer of each format, which yields (arithmetic, run) for every variant that it has written;
# and what follows the model's name.
_WRITERS = {
    "litert": (_write_litert, ".tflite"),
    "litert-int8": (_write_litert_int8, "_int8.tflite"),
    "onnx": (_write_onnx, ".onnx"),
    "saved_model": (_write_saved_model, "_saved_model"),
}


def _litert_runner(path):
    from localizer.predictors.litert_model import LitertModel

    return LitertModel(path).run


def _calibration(images):
    kind = f"training images of {images.dataset}" if images.dataset else "scenes"
    return f"{len(images.calibration)} {kind}"


def _warning(file_format, size):
    if file_format == "litert-int8" and size > INTEGER_BYTES:
        return f"{size / 1e6:.2f} MB, more than {INTEGER_BYTES / 1e6:g} MB, for a microcontroller"
    return ""


def _keep(path, place):
    if path.is_dir() and place.exists():
        # A folder cannot replace another in one step; the old one goes with the temporary folder.
        os.replace(place, path.parent / "replaced")
    elif place.is_dir():
        shutil.rmtree(place)
    os.replace(path, place)
    return place
