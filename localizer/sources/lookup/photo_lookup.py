"""The photo that an annotation means, looked for in the same way by all sources.

1. The path as it is written, below the root, or an absolute one that leads there.
2. Separators, escapes, Unicode forms and what stands before the root made alike: all parts of the
   name are the end of the photo's path, or all below the root are the end of the name.
3. The same with the ending and its case ignored.
4. Less than that, such as the bare name. It counts only where one file bears it, its shape is
   that of the annotated image, and no other annotation means the same photo.

Of several photos that fit, the one with the longest common path is taken, then the nearest to
the file of the annotation. What is still in doubt is refused. Nothing outside the root is read.
"""

import itertools
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from localizer.errors import InputError
from localizer.images.frames import is_same_shape
from localizer.images.photos import SUFFIXES, read_frames
from localizer.sources.lookup.listing import list_files
from localizer.sources.lookup.photo_claims import Found
from localizer.sources.lookup.photo_names import (
    is_of_another_place,
    name_parts,
    parts_alike,
    split_ending,
)

# Label Studio puts eight digits before the name of a photo that was uploaded.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")


@dataclass(frozen=True)
class _Photo:
    """A file below the root; `parts` begin with those of the root itself."""

    path: str
    parts: tuple[str, ...]
    below: int  # How many of the parts are below the root.


class PhotoLookup:
    """Finds photos below a root by the names that annotations give them."""

    def __init__(
        self, root: Path, photos: Iterable[str] | None = None, folders: Sequence[str] = ("",)
    ):
        """
        Args:
            root: folder of the photos.
            photos: paths below the root of all that may be meant; None = any file below the root.
            folders: below the root, to which names may be relative.
        """
        self._root, self._folders = Path(root), folders
        self._roots = os.path.abspath(root), os.path.realpath(root)
        self._known = None if photos is None else dict.fromkeys(photos)
        self._index = None

    def find(self, name: str, near: str = "", size: tuple[int, int] | None = None) -> Found:
        """The photo that `name` means.

        Args:
            name: as the annotation has it.
            near: path below the root of the annotation file; names may be relative to its folder.
            size: width and height of the annotated image, where they are known.

        Raises:
            InputError: no photo, or several that may be meant.
        """
        if exact := self._exact(name, near):
            return Found(exact)
        parts = name_parts(name)
        for loose in (False, True) if parts else ():
            candidates = self._candidates(parts, loose)
            whole = [one for one in candidates if self._is_whole(name, parts, one, loose, near)]
            if whole:
                photo = self._one_of(whole, parts, near, loose)
                paths = [(*parts_alike(folder), *parts) for folder in self._folders]
                is_alike = near or parts_alike(photo) in paths
                return Found(photo, "ending" if loose else "" if is_alike else "prefix")
        if parts and (found := self._by_bare_name(name, parts, size)):
            return Found(found, "bare")
        raise self._none(name)

    def find_beside(
        self,
        file: str,
        names: Sequence[str],
        size: tuple[int, int] | None = None,
    ) -> Found:
        """The photo of an annotation file for one photo, such as rex.xml.

        The photo of its own name goes before another one that it names inside: such files are
        copies, or were renamed together with their photos.

        Args:
            file: path of the annotation file below the root.
            names: the names of the photo inside, the best one first; may be empty.
            size: as for `find`.
        """
        own, problem = self.beside(file), None
        for name in filter(None, names):
            try:
                found = self.find(name, file, size)
            except InputError as error:
                problem = problem or error
                continue
            if own is None:
                return found
            if _stem(found.photo) == _stem(own):
                return Found(found.photo if found.doubt in ("", "prefix") else own)
            # One in a folder farther away only happens to have that name.
            is_beside = _nearness(own, file) >= _nearness(found.photo, file)
            return Found(own, "beside") if is_beside else found
        if own is not None:
            return Found(own)
        raise problem or self._none(f"{PurePosixPath(file).stem}.jpg")

    def beside(self, file: str) -> str | None:
        """The photo of an annotation file's own name; None when there is none, or several."""
        stem = PurePosixPath(file).stem
        photos = self._named((stem,), True)
        same = [one for one in photos if PurePosixPath(one.path).stem == stem]
        try:
            return self._one_of(same or photos, (stem,), file, True) if photos else None
        except InputError:
            return None

    def _is_photo(self, path: str) -> bool:
        if self._known is not None:
            return path in self._known
        return os.path.isfile(os.path.join(self._root, path))

    def _exact(self, name: str, near: str) -> str | None:
        if "\0" in name:
            return None
        folders = [os.path.dirname(near)] if near else self._folders
        for folder in folders:
            below = self._below(os.path.join(folder, name))
            if below is not None and self._is_photo(below):
                return below
        return None

    def _below(self, path: str) -> str | None:
        """A path relative to the root, or absolute, as one below the root; None if it is not."""
        full = os.path.normpath(os.path.join(self._roots[0], path))
        for root in self._roots:
            start = os.path.join(root, "")
            if full.startswith(start):
                return full.removeprefix(start).replace(os.sep, "/")
        return None

    def _candidates(self, parts: tuple[str, ...], loose: bool) -> list[_Photo]:
        """The photos whose names end alike; those whose paths have most in common."""
        photos = self._named(parts, loose)
        most = max((_common(parts, one, loose) for one in photos), default=0)
        return [one for one in photos if _common(parts, one, loose) == most]

    def _named(self, parts: tuple[str, ...], loose: bool) -> list[_Photo]:
        key = split_ending(parts[-1])[0] if loose else parts[-1]
        return self._indexed()[loose].get(key, [])

    def _indexed(self) -> tuple[dict[str, list[_Photo]], dict[str, list[_Photo]]]:
        """Photos by their names, and by their names without ending and case."""
        if self._index is None:
            self._index = defaultdict(list), defaultdict(list)
            above = parts_alike(self._roots[0])
            paths = list_files(self._root, self._root) if self._known is None else self._known
            for path in paths:
                parts = parts_alike(path)
                if not parts:
                    continue
                photo = _Photo(path, above + parts, len(parts))
                self._index[False][parts[-1]].append(photo)
                if path.lower().endswith(SUFFIXES):
                    self._index[True][split_ending(parts[-1])[0]].append(photo)
        return self._index

    def _is_whole(
        self, name: str, parts: tuple[str, ...], photo: _Photo, loose: bool, near: str
    ) -> bool:
        """Whether nothing of the name, or nothing of the path below the root, is left over.

        A single part is a whole name only in the folders of names, or of an annotation file that
        may lie elsewhere.
        """
        common = _common(parts, photo, loose)
        if common == 1:
            at_hand = near or os.path.dirname(photo.path) in self._folders
            return len(parts) == 1 and bool(at_hand) and not is_of_another_place(name)
        return common == len(parts) or common >= photo.below

    def _one_of(self, photos: list[_Photo], parts: tuple[str, ...], near: str, loose: bool) -> str:
        """The nearest of photos that fit equally well, or InputError."""
        ending = split_ending(parts[-1])[1]

        def fitness(photo: _Photo) -> tuple[bool, bool, int]:
            same_ending = loose and split_ending(photo.parts[-1])[1] == ending
            return same_ending, *_nearness(photo.path, near)

        ranked = sorted(photos, key=fitness, reverse=True)
        if len(ranked) > 1 and fitness(ranked[0]) == fitness(ranked[1]):
            raise _several(sorted(one.path for one in ranked[:2]))
        return ranked[0].path

    def _by_bare_name(self, name: str, parts: tuple[str, ...], size) -> str | None:
        """The only photo whose name is the last part of `name`; None when there is none."""
        uploaded = _UPLOADED.fullmatch(parts[-1])
        spellings = [parts, (*parts[:-1], uploaded[1])] if uploaded else [parts]
        for these, loose in itertools.product(spellings, (False, True)):
            photos = sorted(one.path for one in self._candidates(these, loose))
            if not photos:
                continue
            if len(photos) > 1:
                raise _several(photos)
            [photo] = photos
            if size is None and len(parts) > 1 and not is_of_another_place(name):
                raise InputError(
                    f"{no_such_file(name)}; there is {photo}, and no width and height tell whether "
                    "it is meant: write its path"
                )
            if size and not self._has_shape(photo, size):
                raise InputError(
                    f"{no_such_file(name)}; there is {photo}, but its shape is not that of the "
                    "annotated image"
                )
            return photo
        return None

    def _has_shape(self, photo: str, size: tuple[int, int]) -> bool:
        frames = read_frames(self._root / photo)
        return is_same_shape(frames.shown, size) or is_same_shape(frames.stored, size)

    def _none(self, name: str) -> InputError:
        if is_of_another_place(name) and self._below(name) is None:
            return InputError(
                "the path leads out of the root folder, and no photo of this name is below it: "
                "name photos relative to the root"
            )
        return no_such_file(name)


def no_such_file(name: str) -> InputError:
    """The error for a photo that is named by an annotation and not there."""
    hint = " (write / between folders, not \\)" if "\\" in name else ""
    return InputError(f"there is no such file below the root folder{hint}")


def _several(photos: list[str]) -> InputError:
    return InputError(f"several photos match, among them {photos[0]} and {photos[1]}")


def _stem(path: str) -> str:
    return split_ending(parts_alike(path)[-1])[0]


def _common(parts: tuple[str, ...], photo: _Photo, loose: bool) -> int:
    """How many parts at the end of a name and of a photo's path are alike; the last ones are."""
    common = 1
    for ours, theirs in zip(reversed(parts[:-1]), reversed(photo.parts[:-1]), strict=False):
        if ours != theirs and not (loose and ours.casefold() == theirs.casefold()):
            break
        common += 1
    return common


def _nearness(photo: str, near: str) -> tuple[bool, int]:
    """Whether the folder is the one of the file `near`, and how much of their paths is common."""
    folder, parent = PurePosixPath(near).parent, PurePosixPath(photo).parent
    return parent == folder, len({*parent.parents, parent} & {*folder.parents, folder})
