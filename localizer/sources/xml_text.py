"""The text of an XML file in the encoding that it declares, and its elements, safely."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import defusedxml
import defusedxml.ElementTree

from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file

# A thousand times a usual annotation; what is read takes several times as much memory.
_MAX_BYTES = 10_000_000
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
# Windows calls its larger character sets by the names of the smaller ones.
_LARGER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "shift-jis": "cp932"}


def read_xml(path: Path, most_bytes: int = _MAX_BYTES) -> Element:
    """The outermost element of an XML file.

    Args:
        path: the file.
        most_bytes: a larger file is refused.

    Raises:
        InputError: it cannot be read, is too large, is not XML or not in the encoding that it
            declares, or declares entities (refused: they can fill the memory or read other
            files). The message does not name the file.
    """
    try:
        refuse_special_file(path)
        content = path.read_bytes() if (size := path.stat().st_size) <= most_bytes else None
    except OSError as error:
        raise InputError(f"not readable as XML ({error.strerror})") from None
    except InputError:
        raise InputError("not a regular file") from None
    if content is None:
        raise InputError(f"{size:,} bytes, more than {most_bytes:,}: no annotation")
    try:
        return defusedxml.ElementTree.fromstring(_decoded(content))
    except defusedxml.DefusedXmlException:
        raise InputError("declares XML entities, which are refused") from None
    except (ParseError, ValueError) as error:
        raise InputError(f"not readable as XML ({error})") from None


def _decoded(content: bytes) -> str:
    """The text; the parser takes no encoding but that of its letters then."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if encoding is None:
        declared = _DECLARED.match(content)
        encoding = declared[1].decode().lower() if declared else "utf-8"
        # As the declaration is readable in ASCII, it is wrong there: .NET writes UTF-8 so.
        encoding = "utf-8" if encoding.startswith(("utf-16", "ucs-2")) else encoding
    try:
        return content.decode(_LARGER.get(encoding, encoding))
    except LookupError:
        raise InputError(f"not readable as XML (unknown encoding {encoding!r})") from None
    except UnicodeError:
        raise InputError(
            f"not readable as XML (it is not written in {encoding}, the encoding that it declares, "
            "or UTF-8 where it declares none): save it as UTF-8"
        ) from None
