"""The names of YOLO's classes, and what data.yaml says of the splits.

    names: [beagle, pug]            or {0: beagle, 1: pug}
    path: .
    train: images/train             a folder, several, or a list of photos (train.txt)
    val: images/val

`classes.txt` and darknet's `obj.names` have a name a line instead.
"""

import reprlib
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from localizer.errors import InputError
from localizer.sources.lookup.photo_names import parts_alike
from localizer.sources.plain_text import read_text
from localizer.sources.source_splits import split_named

# A class is a line or an entry each.
_MAX_BYTES = 10_000_000
_LISTS = ("classes.txt", "labels/classes.txt", "obj.names", "predefined_classes.txt")


@dataclass(frozen=True)
class Classes:
    """What is known of a set beside its labels.

    Attributes:
        file: path below the root of what has the names; "" for none.
        names: the name of each class; None = classes are known by their numbers only.
        splits: the parts of a folder's path, or of a list of photos, to its split.
        keypoints: how many numbers of key points follow a box.
    """

    file: str = ""
    names: dict[int, str] | None = None
    splits: dict[tuple[str, ...], str] = field(default_factory=dict)
    keypoints: int = 0


def find_classes(root: Path) -> Classes:
    """What the files in the root of a set say of its classes and splits.

    Raises:
        InputError: one of them cannot be read, or two YAML files name different classes.
    """
    found = {}
    for path in sorted([*root.glob("*.yaml"), *root.glob("*.yml")]):
        content = _read_yaml(path)
        if isinstance(content, dict) and "names" in content:
            found[path.name] = _of_yaml(path, content)
    if len({repr(one.names) for one in found.values()}) > 1:
        raise InputError(f"{root}: {' and '.join(found)} name different classes: keep one of them")
    if found:
        return next(iter(found.values()))
    for file in _LISTS:
        if (root / file).is_file():
            lines = read_text(root / file, _MAX_BYTES).splitlines()
            names = [line.strip() for line in lines]
            return Classes(file, {i: name for i, name in enumerate(names) if name})
    return Classes()


def _read_yaml(path: Path):
    text = read_text(path, _MAX_BYTES)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise InputError(f"{path}: aliases (*name) are not read")
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line}: no plain YAML ({error.problem})") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path}: no plain YAML ({error})") from None


def _of_yaml(path: Path, content: dict) -> Classes:
    names = content["names"]
    pairs = names.items() if isinstance(names, dict) else enumerate(names or ())
    if not isinstance(names, dict | list):
        raise InputError(f"{path}: names: expected a list or a mapping of the classes' names")
    named = {}
    for number, name in pairs:
        if type(number) is str and number.isascii() and number.isdigit() and len(number) < 10:
            number = int(number)
        if type(number) is not int or type(name) not in (str, int, float, bool):
            one = reprlib.repr((number, name))
            raise InputError(f"{path}: names: expected numbers and texts, found {one}")
        named[number] = str(name)
    shape = content.get("kpt_shape") or [0, 0]
    if not isinstance(shape, list) or len(shape) != 2 or {type(one) for one in shape} != {int}:
        raise InputError(f"{path}: kpt_shape: expected [number, 2 or 3]")
    base = content.get("path") if isinstance(content.get("path"), str) else ""
    splits = {}
    for key in ("train", "val", "valid", "validation", "test"):
        entries = content.get(key)
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, str) and (parts := parts_alike(entry)):
                splits[parts] = split_named(key)
                splits.setdefault((*parts_alike(base), *parts), split_named(key))
    return Classes(path.name, named, splits, shape[0] * shape[1])
