"""Parts by name: the built-in ones, and those that people add."""

import contextlib
import importlib
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localizer.errors import InputError, nearest
from localizer.files.checksums import sha256_of

# Names stand in recipes, on command lines and in names of files.
_NAME = re.compile(r"[a-z][a-z0-9_-]{1,39}", re.ASCII)


@dataclass(frozen=True)
class _OwnPart:
    """A part that somebody added.

    Attributes:
        part: what was registered.
        file: the file that registered it; it need not be there, as for a notebook.
        sha256: checksum of the file; None where it is not there.
    """

    part: Any
    file: str
    sha256: str | None


class Registry(Mapping[str, Any]):
    """One kind of part by name, in the order in which they came.

    Args:
        kind: what they are, such as "head".
        built_in: name to "module:name" of what is imported when it is used.
    """

    def __init__(self, kind: str, built_in: dict[str, str]) -> None:
        self.kind = kind
        self._built_in = built_in
        self._own: dict[str, _OwnPart] = {}

    def register(self, name: str, part: Any = None, *, replace: bool = False) -> Any:
        """Add a part of one's own; without `part`, a decorator that does.

        Args:
            name: 2 to 40 small letters, digits, _ and -, of which the first is a letter.
            part: see docs/own_parts.md for what it takes and gives.
            replace: take the place of an own part of that name, as when a cell of a notebook is run
                again.

        Returns:
            The part.

        Raises:
            InputError: the name is none, or is taken.
        """
        file = sys._getframe(1).f_code.co_filename
        self._check_name(name, replace)

        def add(part):
            known = Path(file).is_file()
            self._own[name] = _OwnPart(part, file, sha256_of(file) if known else None)
            return part

        return add if part is None else add(part)

    def _check_name(self, name, replace):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                f"{self.kind} {name!r:.80}: is no name of a part, such as my_{self.kind[:4]}; 2 to "
                "40 small letters, digits, _ and -, of which the first is a letter"
            )
        if name in self._built_in:
            raise InputError(f"{self.kind} {name}: is built in; choose another name")
        if name in self._own and not replace:
            raise InputError(
                f"{self.kind} {name}: is there already, from {self._own[name].file}; choose "
                "another name, or register it with replace=True"
            )

    def __getitem__(self, name: str) -> Any:
        """The part of that name.

        Raises:
            InputError: there is none; the message names the nearest.
        """
        if name in self._own:
            return self._own[name].part
        if name not in self._built_in:
            raise InputError(f"no {self.kind} {name!r:.80}; {nearest(name, self)}")
        module, _, attribute = self._built_in[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._own

    def __iter__(self) -> Iterator[str]:
        return iter([*self._built_in, *self._own])

    def __len__(self) -> int:
        return len(self._built_in) + len(self._own)

    # By identity: it is part of the type of a setting.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def is_own(self, name: str) -> bool:
        """Whether a part of that name was added by somebody."""
        return name in self._own

    def origin(self, name: str) -> dict[str, str | None]:
        """Where an own part comes from, JSON-ready: `name`, `file` (its name alone), `sha256`."""
        own = self._own[name]
        return {"name": name, "file": Path(own.file).name, "sha256": own.sha256}

    @contextlib.contextmanager
    def blamed(self, name: str) -> Iterator[None]:
        """While the block runs, an own part that raises is answered with its file and line.

        Raises:
            InputError: it raised something else than an InputError.
        """
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            if name not in self._own:
                raise
            place = place_in(self._own[name].file, error)
            raise InputError(f"{place}: {self.kind} {name}: {in_words(error)}") from error

    def call(self, name: str, *arguments: Any) -> Any:
        """What the part of that name gives for some arguments; see `blamed`."""
        with self.blamed(name):
            return self[name](*arguments)


def place_in(file: str | Path, error: BaseException) -> str:
    """A file, and the line in it that an error comes from, where it is known."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"{file}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    return f"{file}, line {lines[-1]}" if lines else str(file)


def in_words(error: BaseException) -> str:
    """An error's kind and message."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
