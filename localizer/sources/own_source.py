"""A source that somebody added: docs/own_parts.md says what it takes and gives."""

from collections.abc import Iterator
from pathlib import Path

from localizer.errors import InputError
from localizer.plugins import SOURCES
from localizer.sources.annotated_image import AnnotatedImage, Skipped

_END = object()


def read_own(source: str, target: str, root: Path) -> Iterator[AnnotatedImage | Skipped]:
    """Yield what an own source yields.

    Args:
        source: its name.
        target: what the boxes are around.
        root: folder of the data.

    Yields:
        AnnotatedImage with a box, or Skipped.

    Raises:
        InputError: it raised, or yields something else.
    """
    records = SOURCES.call(source, root, target)
    with SOURCES.blamed(source):
        records = iter(records)
    while True:
        with SOURCES.blamed(source):
            record = next(records, _END)
        if record is _END:
            return
        if not isinstance(record, (AnnotatedImage, Skipped)):
            raise InputError(
                f"source {source}: yields {record!r:.80}, and AnnotatedImage or Skipped is needed"
            )
        if isinstance(record, AnnotatedImage):
            _check_box(source, record)
        yield record


def _check_box(source, record):
    try:
        sides = [float(side) for side in record.box_rel_xyxy]
    except (TypeError, ValueError):
        sides = []
    if len(sides) != 4:
        raise InputError(
            f"source {source}: {record.image}: its box is {record.box_rel_xyxy!r:.80}, and four "
            "numbers are needed, (xmin, ymin, xmax, ymax) in units of the image"
        )
