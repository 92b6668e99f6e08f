"""The rows of a CSV table that people made: its encoding, separator, header, numbers and lines.

The text is UTF-8, or UTF-16 with a byte order mark; the separator a comma, a semicolon, a tab, or
what a first line `sep=;` says, as Excel writes it. Beside a comma as separator numbers have a
decimal point; else they may have a decimal comma. `columns` says which names columns may have.
"""

import codecs
import csv
import io
import re
import sys
from pathlib import Path

from tqdm import tqdm

from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file
from localizer.sources.formats.csv.columns import CORNERS, Columns, find_columns
from localizer.sources.formats.csv.via_regions import with_regions


class _Unreadable(InputError):
    """An error that names its line itself."""


_NUMBERS = (*CORNERS, "width", "height")
# Of a table without a header, as keras-retinanet has it.
_HEADLESS = ("image", *CORNERS, "category")


def read_rows(table, required, optional, expected):
    """Read a whole table.

    Says in a note which columns were taken for what, where their names are not the documented ones.

    Args:
        table: the file.
        required: names of columns that must be there, in lower case.
        optional: names of further columns of which there may be one.
        expected: what a table should look like, for errors.

    Returns:
        (header, rows): the columns' documented names, or their own in lower case, and a list, not
        empty, of (line, fields); fields may be more or fewer than the header's. Numbers have a
        decimal point, and a box is given by its corners.

    Raises:
        InputError: it cannot be read, is empty, or lacks a column; the message names the line.
    """
    text = _read_text(Path(table))
    if not text.strip():
        raise InputError(f"{table} line 1: the file is empty; {expected}")
    separator, before = "", 0
    if told := re.match(r"""["']?sep=(.)["']?[^\S\n\r]*(?:\r\n|\n|\r)""", text, re.IGNORECASE):
        separator, before, text = told[1], 1, text[told.end() :]
    blank = re.match(r"(?:[^\S\n\r]*(?:\r\n|\n|\r))*", text)
    before, text = before + len(re.findall(r"\r\n|\n|\r", blank[0])), text[blank.end() :]
    if not text.strip():
        raise InputError(f"{table} line {before + 1}: there is no header; {expected}")
    wanted = (*required, *optional)
    try:
        separator = separator or _find_separator(text, wanted)
        rows = with_regions(_split_rows(table, text, separator, before))
        columns = find_columns(rows[0][1], wanted)
    except _Unreadable as error:
        raise InputError(str(error)) from None
    except (InputError, csv.Error) as error:
        raise InputError(f"{table} line {before + 1}: {error}; {expected}") from None
    missing = [name for name in required if name not in columns.names]
    if missing and _is_headless(rows, wanted):
        columns = Columns([*_HEADLESS], [])
        tqdm.write(
            f"note: {table}: there is no header; the columns are read as {', '.join(_HEADLESS)}",
            file=sys.stderr,
        )
    elif missing:
        raise InputError(
            f"{table} line {before + 1}: no column named {', '.join(missing)}; {expected}"
            f"{_headless_hint(rows[0][1])}"
        )
    else:
        rows = rows[1:]
    twice = [name for name in wanted if columns.names.count(name) > 1]
    if twice:
        raise InputError(
            f"{table} line {before + 1}: several columns named {', '.join(twice)}: keep one"
        )
    if not rows:
        raise InputError(f"{table} line {before + 1}: there is no row after the header; {expected}")
    _say(table, columns)
    rows = _with_decimal_points(table, rows, columns.names, separator)
    if columns.sized:
        rows = [(line, _with_corners(fields, columns.names)) for line, fields in rows]
    return columns.names, rows


def _read_text(table):
    try:
        refuse_special_file(table)
        content = table.read_bytes()
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{table}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        encoding = "UTF-16" if "16" in error.encoding else "UTF-8"
        raise InputError(
            f"{table} line {line}: not {encoding}: save the table as CSV UTF-8"
        ) from None


def _find_separator(text, wanted):
    """The separator with which most columns of the header are known."""
    first = next(io.StringIO(text, newline=""))
    if "\0" in first:
        raise InputError("UTF-16 without a byte order mark: save the table as CSV UTF-8")
    known = {}
    for separator in ",;\t":
        header = next(csv.reader([first], delimiter=separator))
        names = find_columns(header, wanted).names
        known[separator] = len({*names} & {*wanted}), len(header)
    return max(known, key=known.get)


def _split_rows(table, text, separator, before):
    """List of (line, fields) of all rows, the header too."""
    # Strict: a quote that is never closed would otherwise swallow the rest of the table.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, line = [], before + 1
    try:
        for fields in reader:
            # A row that only Excel's empty cells are left of is no row.
            if any(field.strip() for field in fields):
                rows.append((line, fields))
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise _Unreadable(f"{table} line {line}: {error}; check the quotes") from None
    return rows


def _is_headless(rows, wanted):
    """Whether all rows are path, left, top, right, bottom, class, and can be nothing else.

    A row of a photo without an object has a path only.
    """
    if not {*_HEADLESS} <= {*wanted}:
        return False
    boxes = []
    for _, fields in rows:
        if len(fields) != len(_HEADLESS) or not re.search(r"\.\w+\s*$", fields[0]):
            return False
        if any(field.strip() for field in fields[1:]):
            boxes.append(fields[1:5])
    numbers = [[_as_number(field) for field in box] for box in boxes]
    return bool(numbers) and all(
        None not in box and box[0] < box[2] and box[1] < box[3] for box in numbers
    )


def _headless_hint(header):
    """What to do where the first line looks like a row; "" where it does not."""
    if sum(_as_number(field) is not None for field in header) < 4:
        return ""
    return "\nThis looks like a table without a header: add one that says what each column is"


def _as_number(text):
    try:
        return float(text)
    except ValueError:
        return None


def _say(table, columns):
    if columns.renamed:
        names = "; ".join(f"{own} as {name}" for own, name in columns.renamed)
        tqdm.write(f"note: {table}: columns are read by other names: {names}", file=sys.stderr)
    if columns.doubtful:
        tqdm.write(
            f"note: {table}: {' and '.join(columns.doubtful)} could both be the class, so neither "
            "is used: call one of them category",
            file=sys.stderr,
        )


def _with_decimal_points(table, rows, names, separator):
    """Numbers such as 12,5 as 12.5, where the comma does not separate columns.

    Raises:
        InputError: it cannot be told whether a comma, or a point, marks decimals or thousands.
    """
    if separator == ",":
        return rows
    places = [place for place, name in enumerate(names) if name in _NUMBERS]
    cells = [
        (line, fields[place].strip())
        for line, fields in rows
        for place in places
        if place < len(fields)
    ]
    commas = [cell for cell in cells if re.fullmatch(r"[+-]?\d+,\d+", cell[1])]
    if not commas:
        return rows
    points = [cell for cell in cells if re.fullmatch(r"[+-]?\d*\.\d+", cell[1])]
    in_doubt = all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text) for _, text in commas)
    if points or in_doubt:
        line, text = commas[0]
        other = f" beside {points[0][1]!r}" if points else ""
        raise InputError(
            f"{table} line {line}: {text!r}{other}: is the comma for decimals or for thousands? "
            "Write numbers with a decimal point, and without thousands separators"
        )
    decimal = re.compile(r"(\s*[+-]?\d+),(\d+\s*)")
    return [
        (
            line,
            [
                decimal.fullmatch(field).expand(r"\1.\2")
                if place in places and decimal.fullmatch(field)
                else field
                for place, field in enumerate(fields)
            ],
        )
        for line, fields in rows
    ]


def _with_corners(fields, names):
    """Fields with the right and bottom edge where the width and height of the box stand."""
    fields = [*fields]
    for low, high in (("xmin", "xmax"), ("ymin", "ymax")):
        if max(names.index(low), names.index(high)) >= len(fields):
            continue
        start, size = (_as_number(fields[names.index(name)]) for name in (low, high))
        if start is not None and size is not None:
            fields[names.index(high)] = repr(start + size)
    return fields
