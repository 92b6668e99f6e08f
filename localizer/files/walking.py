"""The one walk over a folder and all below it, through links to folders, too."""

import os
from collections.abc import Callable, Iterator


def walk_files(
    folder: str | os.PathLike, onerror: Callable[[OSError], None]
) -> Iterator[tuple[str, list[str]]]:
    """The files of a folder and of those below it; names that begin with a dot are left out.

    Links to folders are followed, after all that is reached without them. Each real folder is
    walked once, so a photo has one path, and links in a circle end; one that leads to a folder
    above, where the walk came from, is not followed either.

    Args:
        folder: where to begin.
        onerror: is called for a folder that cannot be listed.

    Yields:
        (path of a folder, names of the files in it).
    """
    above = os.path.realpath(folder)
    waiting, walked = [os.fspath(folder)], set()
    while waiting:
        links = []
        for start in waiting:
            # A later link may lead to where an earlier one has been meanwhile.
            if os.path.realpath(start) not in walked:
                yield from _walk_real(start, links, walked, onerror)
        waiting = [link for link in sorted(links) if not _leads_above(link, above)]


def _walk_real(start, links, walked, onerror):
    """Walk without following links to folders; those are appended to `links`."""
    for parent, folders, names in os.walk(start, onerror=onerror):
        real = os.path.realpath(parent)
        if real in walked:
            folders.clear()
            continue
        walked.add(real)
        paths = {name: os.path.join(parent, name) for name in folders if not name.startswith(".")}
        links += [path for path in paths.values() if os.path.islink(path)]
        folders[:] = [name for name, path in paths.items() if not os.path.islink(path)]
        yield parent, [name for name in names if not name.startswith(".")]


def _leads_above(link, folder):
    real = os.path.realpath(link)
    return folder == real or folder.startswith(os.path.join(real, ""))
