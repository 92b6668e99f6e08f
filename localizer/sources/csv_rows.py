"""The rows of a CSV table that people made: its separator, its header, and the line of each row.

The text is UTF-8 (with or without a byte order mark), the separator a comma, a semicolon or a tab.
"""

import csv
import io
from pathlib import Path

from localizer.errors import InputError
from localizer.special_files import refuse_special_file


def read_rows(table, required, optional, expected):
    """Read a whole table.

    Args:
        table: the file.
        required: names of columns that must be there, in lower case.
        optional: names of further columns of which there may be one.
        expected: what a table should look like, for errors.

    Returns:
        (header, rows): the columns' names in lower case, and a list, not empty, of
        (line, fields); fields may be more or fewer than the header's.

    Raises:
        InputError: it cannot be read, is empty, or lacks a column; the message names the line.
    """
    text = _read_text(Path(table))
    if not text.strip():
        raise InputError(f"{table} line 1: the file is empty; {expected}")
    separator, header = _read_header(table, text, required, optional, expected)
    # Strict: a quote that is never closed would otherwise swallow the rest of the table.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, line = [], 1
    try:
        for fields in reader:
            # A row that only Excel's empty cells are left of is no row.
            if line > 1 and any(field.strip() for field in fields):
                rows.append((line, fields))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{table} line {line}: {error}; check the quotes") from None
    if not rows:
        raise InputError(f"{table} line 1: there is no row after the header; {expected}")
    return header, rows


def _read_text(table):
    try:
        refuse_special_file(table)
        content = table.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{table}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{table} line {line}: not UTF-8: save the table as CSV UTF-8") from None


def _read_header(table, text, required, optional, expected):
    """The separator, and the names of the columns in lower case."""
    first = next(io.StringIO(text, newline=""))
    headers = {}
    try:
        for separator in ",;\t":
            names = next(csv.reader([first], delimiter=separator))
            headers[separator] = [name.strip().lower() for name in names]
    except csv.Error as error:
        raise InputError(f"{table} line 1: {error}; {expected}") from None
    separator = max(headers, key=lambda one: len(set(required) & set(headers[one])))
    header = headers[separator]
    missing = [name for name in required if name not in header]
    if missing:
        raise InputError(f"{table} line 1: no column named {', '.join(missing)}; {expected}")
    twice = [name for name in (*required, *optional) if header.count(name) > 1]
    if twice:
        raise InputError(f"{table} line 1: several columns named {', '.join(twice)}: keep one")
    return separator, header
