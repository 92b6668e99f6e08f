"""Names of photos as tools write them, made alike: separators, escapes, normal forms, endings.

>>> name_parts(r"C:\\Users\\someone\\pics\\rex.jpg")
('Users', 'someone', 'pics', 'rex.jpg')
>>> name_parts("http://localhost:8080/data/local-files/?d=pets%2Ftwo%20words.jpg")
('pets', 'two words.jpg')
"""

import re
import unicodedata
from urllib.parse import unquote

from localizer.images.photos import SUFFIXES

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # A drive has one letter only.
_DRIVE = re.compile(r"[A-Za-z]:")
# Label Studio serves a file below a folder of the server under this address.
_LOCAL_FILE = re.compile(r"[?&]d=([^&#]+)")


def name_parts(name: str) -> tuple[str, ...]:
    """The folders and the file that a name from an annotation has, however it is written.

    Drive letters and `..` at the beginning are left out, for they mean nothing on another machine.
    """
    text = name.strip()
    if local := _LOCAL_FILE.search(text):
        text = local[1]
    elif scheme := _SCHEME.match(text):
        text = re.split("[?#]", text[scheme.end() :])[0]
    return parts_alike(_DRIVE.sub("", text, count=1) if _DRIVE.match(text) else text)


def parts_alike(path: str) -> tuple[str, ...]:
    """The parts of a path: `/` for backslashes, escapes resolved, Unicode composed, no blanks."""
    parts = []
    for part in unicodedata.normalize("NFC", unquote(path)).replace("\\", "/").split("/"):
        part = part.strip()
        if part == "..":
            parts[-1:] = []
        elif part not in ("", ".") and not _DRIVE.fullmatch(part):
            parts.append(part)
    return tuple(parts)


def is_of_another_place(name: str) -> bool:
    """Whether a name does not begin at the root: it is absolute, an address, or begins with .."""
    text = name.strip().replace("\\", "/")
    place = text.startswith(("/", "../")) or _SCHEME.match(text) or _DRIVE.match(text)
    return bool(place or _LOCAL_FILE.search(text))


def split_ending(name: str) -> tuple[str, str]:
    """The name without the ending of a photo, and that ending, both with case ignored.

    >>> split_ending("Rex.v2.JPG"), split_ending("rex.v2")
    (('rex.v2', '.jpg'), ('rex.v2', ''))
    """
    folded = name.casefold()
    for ending in SUFFIXES:
        if folded.endswith(ending) and folded != ending:
            return folded.removesuffix(ending), ending
    return folded, ""
