"""Text files of labels: UTF-8, with or without a byte order mark."""

from pathlib import Path

from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file


def read_text(path: Path, most_bytes: int | None = None) -> str:
    """The text of a file.

    Args:
        path: the file.
        most_bytes: a larger file is refused.

    Raises:
        InputError: it cannot be read, is too large, or not UTF-8; the message names the file.
    """
    try:
        refuse_special_file(path)
        if most_bytes and path.stat().st_size > most_bytes:
            raise InputError(f"{path}: more than {most_bytes:,} bytes: no labels")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8: save it as UTF-8") from None
