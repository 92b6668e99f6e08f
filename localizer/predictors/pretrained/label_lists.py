"""Lists of class names, in the forms that people have them: {id: name}.

The class of a number is what matters, so a list that could be counted in two ways is refused.
"""

import csv
import json
import re
import zipfile
from pathlib import Path

import yaml

from localizer.errors import InputError
from localizer.files.special_files import refuse_special_file

# How Google's lists write an id that has no class.
NO_CLASS = "???"
_REMEDY = (
    "Give a text file with one name per line, class 0 first, and ??? for an id without a class"
)
_NUMBERED = re.compile(r"(?P<id>\d+)\s*(?:[:,;=]|\s)\s*(?P<name>\S.*)")
_NUMBER_LAST = re.compile(r"(?P<name>.*\S)\s*[:,;=\t]\s*(?P<id>\d+)")
_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
# An item of a label map (.pbtxt), which may hold smaller blocks, such as keypoints.
_INNER = rf"(?:[^{{}}'\"]|{_STRING})*"
_ITEM = re.compile(rf"item\s*:?\s*\{{({_INNER}(?:\{{{_INNER}\}}{_INNER})*)\}}\s*,?")
_ITEM_FIELD = re.compile(rf"\b(id|name|display_name)\s*:\s*(-?\d+|{_STRING})")
_ID_COLUMNS = ("id", "index", "idx", "number", "class_id", "label_id", "category_id", "class_index")
_NAME_COLUMNS = (
    "display_name",
    "name",
    "label",
    "class",
    "class_name",
    "label_name",
    "category",
    "category_name",
)


def read_labels(path, ids_from_one=False, label_map_from_one=False):
    """Class names from a file: {id: name}.

    One name per line, the first is class 0 (??? for an id without a class; lines that begin with #
    do not count); or with numbers: `0 person` lines, a CSV table with a header, a label map of
    the TF Object Detection API (.pbtxt), JSON or YAML. UTF-8, or UTF-16 with its mark.

    Args:
        path: the file.
        ids_from_one: the model's class 0 is the background, so numbers may begin with 1.
        label_map_from_one: the model's class 0 is what a .pbtxt numbers 1.

    Raises:
        InputError: missing, no text, or its numbers could be meant in two ways.
    """
    try:
        refuse_special_file(path)
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a list of class names ({error})") from None
    text = _decoded(path, content)
    labels, from_zero = _parsed(path, text)
    smallest = min(labels, default=0)
    if from_zero or smallest == 0 or ids_from_one:
        return _without_gaps(labels)
    if smallest == 1 and label_map_from_one and _ITEM.search(text):
        return _without_gaps({number - 1: name for number, name in labels.items()})
    raise InputError(
        f"{path}: its smallest number is {smallest}, so it may count from 1, and this model's "
        f"classes from 0. {_REMEDY}; or give 0 the name ??? if the numbers are the model's own; or "
        'if they are parts of names, a JSON list: ["1 cent", "2 cent"]'
    )


def embedded_labels(path, member=None):
    """Class names zipped into a TF Lite file (its "associated files"): {id: name}.

    They are one name per line, class 0 first, as TF Lite Metadata documents.

    Args:
        path: the TF Lite file.
        member: name of the list in the zip; the only .txt when None.

    Returns:
        {} when there is no such list.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            lists = [name for name in names if name.lower().endswith(".txt")]
            if member not in names:
                if member is not None or len(lists) != 1:
                    return {}
                member = lists[0]
            text = archive.read(member).decode("utf-8-sig")
    except (zipfile.BadZipFile, UnicodeDecodeError):
        return {}
    lines = (line.strip() for line in text.splitlines())
    return _without_gaps(dict(enumerate(lines)))


def _without_gaps(labels):
    return {number: name for number, name in labels.items() if name not in ("", NO_CLASS)}


def _decoded(path, content):
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: cannot be read as a list of class names ({error}). Save it as UTF-8"
        ) from None
    if "\0" in text:
        raise InputError(
            f"{path}: cannot be read as a list of class names (it has zero bytes: no text, or "
            "UTF-16 without its mark). Save it as UTF-8"
        )
    return text


def _parsed(path, text):
    """({id: name}, whether the ids are the places in a list)."""
    first = text.lstrip()[:1]
    if _ITEM.search(text):
        return _label_map(path, text), False
    if first in ("{", "["):
        try:
            return _structured(path, json.loads(text))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: is not the JSON that it begins as ({error})") from None
    if re.search(r"^(names|id2label|categories)\s*:", text, re.MULTILINE):
        try:
            found = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            reason = str(error).replace("\n", " ")
            raise InputError(f"{path}: is not the YAML that it looks like ({reason})") from None
        return _structured(path, found)
    return _lines(path, text)


def _label_map(path, text):
    labels = {}
    bare = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    for number, item in enumerate(_ITEM.finditer(bare), start=1):
        block = re.sub(r"\{[^{}]*\}", "", item.group(1))
        fields = {name: value for name, value in _ITEM_FIELD.findall(block)}
        name = fields.get("display_name", fields.get("name"))
        if not fields.get("id", "").isdecimal() or name is None or name[:1] not in "'\"":
            raise InputError(f"{path}: item {number} has no id, or no name: {item.group(0)!r:.80}")
        _put(path, f"item {number}", labels, int(fields["id"]), re.sub(r"\\(.)", r"\1", name[1:-1]))
    rest = _ITEM.sub("", bare).strip()
    if rest:
        raise InputError(f"{path}: holds more than items of a label map: {rest!r:.60}. {_REMEDY}")
    return labels


def _structured(path, found):
    """As `_parsed`, of what JSON or YAML gave."""
    for key in ("names", "id2label", "categories"):
        if isinstance(found, dict) and isinstance(found.get(key), (list, dict)):
            found = found[key]
            break
    if isinstance(found, list) and found and all(isinstance(name, str) for name in found):
        return dict(enumerate(name.strip() for name in found)), True
    labels = {}
    pairs = found.items() if isinstance(found, dict) else ()
    if isinstance(found, list) and all(isinstance(item, dict) for item in found):
        pairs = [(item.get("id"), item.get("name")) for item in found]
    for key, value in pairs:
        number, name = (value, key) if _is_id(value) and not _is_id(key) else (key, value)
        if not _is_id(number) or not isinstance(name, str):
            break
        _put(path, f"{key!r}: {value!r}", labels, int(number), name.strip())
    else:
        if labels:
            return labels, False
    raise InputError(
        f"{path}: holds no class names that are known here: a list of names, or numbers and names. "
        f"{_REMEDY}"
    )


def _is_id(value):
    if isinstance(value, str):
        return value.isdecimal()
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _lines(path, text):
    """As `_parsed`, of plain lines: a table with a header, numbered lines, or names."""
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1)]
    lines = [(n, line) for n, line in lines if not line.startswith("#")]
    while lines and not lines[-1][1]:
        lines.pop()
    filled = [(n, line) for n, line in lines if line]
    if not filled or filled[0][1].startswith("<"):
        raise InputError(f"{path}: holds no class names. {_REMEDY}")
    table = _table(path, filled)
    if table is not None:
        return table, False
    if all(line.startswith("- ") for _, line in filled):  # A list in YAML.
        return dict(enumerate(_unquoted(line[2:]) for _, line in filled)), True
    for form in (_NUMBERED, _NUMBER_LAST):
        matches = [(n, form.fullmatch(line)) for n, line in filled]
        plain = [n for n, match in matches if not match]
        if not plain:
            labels = {}
            for n, match in matches:
                _put(path, f"line {n}", labels, int(match["id"]), _unquoted(match["name"]))
            return labels, False
        if len(plain) < len(filled) / 2:
            raise InputError(
                f"{path}: line {plain[0]} has no number, where most lines have one. {_REMEDY}"
            )
    blank = next((n for n, line in lines if not line), None)
    if blank is not None:
        raise InputError(
            f"{path}: line {blank} is blank; does it count? Write ??? there for an id without a "
            "class, or remove the line"
        )
    return {i: name for i, (_, name) in enumerate(lines)}, True


def _unquoted(name):
    return name.strip().strip("\"'")


def _table(path, lines):
    """{id: name} of a CSV table with a header, from (number, text) of its lines; None for other."""
    first = lines[0][1]
    separator = next((sep for sep in "\t;" if sep in first), ",")
    rows = list(csv.reader((line for _, line in lines), delimiter=separator, skipinitialspace=True))
    header = [field.strip().casefold() for field in rows[0]]
    ids = [place for place, field in enumerate(header) if field in _ID_COLUMNS]
    names = [header.index(name) for name in _NAME_COLUMNS if name in header]
    if not names:
        return None
    if not ids:
        raise InputError(
            f"{path}: line {lines[0][0]} ({first!r:.60}) looks like a table's header, without a "
            f"column of numbers (id). {_REMEDY}"
        )
    labels = {}
    for (n, line), row in zip(lines[1:], rows[1:]):
        row = [field.strip() for field in row]
        if len(row) != len(header) or not row[ids[0]].isdecimal():
            raise InputError(f"{path}: line {n} ({line!r:.60}) does not fit the header. {_REMEDY}")
        _put(path, f"line {n}", labels, int(row[ids[0]]), row[names[0]])
    return labels


def _put(path, place, labels, number, name):
    if labels.setdefault(number, name) != name:
        raise InputError(
            f"{path}: {place}: class {number} is {labels[number]!r} already, and {name!r} here. "
            f"{_REMEDY}"
        )
