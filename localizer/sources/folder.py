"""Photos without boxes, anywhere below a folder; a teacher is to predict the boxes."""

from pathlib import Path, PurePosixPath

from localizer.errors import InputError
from localizer.images.photos import SUFFIXES
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.choosing import skipped
from localizer.sources.lookup.listing import list_files


def read(root):
    """Yield every photo below `root`, sorted by path; dot files and dot folders do not count.

    What is a photo is judged by the ending of the name here (SUFFIXES, in any case), because a
    folder may hold anything else beside the photos.

    Yields:
        AnnotatedImage without a box, or Skipped for a name that cannot be written as text.

    Raises:
        InputError: no photo below `root`.
    """
    root = Path(root)
    names = [
        name for name in list_files(root, root) if PurePosixPath(name).suffix.lower() in SUFFIXES
    ]
    if not names:
        raise InputError(f"{root}: no photo below it (a name that ends in {', '.join(SUFFIXES)})")
    for name in names:
        if name.encode("utf-8", "ignore").decode() == name:
            yield AnnotatedImage(name, None)
        else:
            yield skipped(name, "the file's name is not valid UTF-8: rename it")
