"""All files below a folder, for the sources that look for photos and annotations in it."""

from pathlib import Path

from localizer.errors import InputError
from localizer.files.walking import walk_files
from localizer.images.own_outputs import without_own_outputs


def list_files(root: Path, folder: Path) -> list[str]:
    """All files below `folder`, sorted, as paths below `root` with `/` between their parts.

    Names that begin with a dot are left out: macOS puts a `._photo.xml` beside `photo.xml`. Links
    to folders are followed. Pictures that the project wrote itself are left out.

    Raises:
        InputError: a folder cannot be listed.
    """
    found = []
    for parent, names in walk_files(folder, _refuse_unlisted):
        below = Path(parent).relative_to(root)
        found += [(below / name).as_posix() for name in names]
    return without_own_outputs(sorted(found), root, base=root)


def _refuse_unlisted(error: OSError) -> None:
    if not isinstance(error, PermissionError):  # No such folder: the source says what it expects.
        return
    raise InputError(
        f"{error.filename}: the folder cannot be listed ({error.strerror}); give yourself the "
        "permission to read it, or move it away"
    )
