"""Which JSON files of COCO a folder has: one, or one per split as tools write them.

root/annotations.json                                the only one, in root or root/annotations
root/train/_annotations.coco.json                    Roboflow: beside the photos of a split
root/annotations/instances_train2017.json            COCO: the photos in train2017/
"""

from dataclasses import dataclass
from pathlib import Path

from localizer.errors import InputError
from localizer.sources.source_splits import split_named

ROBOFLOW = "_annotations.coco.json"
INSTANCES = "instances_"


@dataclass(frozen=True)
class CocoFile:
    """A JSON file, the split that it is of ("" for none), and where its photos may be.

    Attributes:
        path: the file.
        name: what messages call it: its path below the root where there are several.
        split: "train", "validation", "test", or "".
        folders: below the root, to which names of photos may be relative, the likeliest first.
    """

    path: Path
    name: str
    split: str = ""
    folders: tuple[str, ...] = ("", "images")


def find_files(root: Path, annotations: Path | None, expected: str) -> list[CocoFile]:
    """The JSON files of a set.

    Args:
        root: folder of the photos.
        annotations: the one file that is to be read; None = look for them.
        expected: what there should be, for errors.

    Raises:
        InputError: there is none, or several that are not one per split.
    """
    if annotations:
        return [CocoFile(Path(annotations), Path(annotations).name)]
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; {expected}")
    if (root / "annotations.json").is_file():
        return [CocoFile(root / "annotations.json", "annotations.json")]
    beside = [path for path in sorted(root.glob(f"*/{ROBOFLOW}")) if split_named(path.parent.name)]
    if beside:
        return [_of_split(root, path, path.parent.name, ()) for path in beside]
    found = sorted(
        path
        for folder in (root, root / "annotations")
        for path in folder.glob("*.json")
        if not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise InputError(f"{root}: no JSON file there or in its annotations/; {expected}")
    instances = [path for path in found if path.name.startswith(INSTANCES)]
    folders = [path.stem.removeprefix(INSTANCES) for path in instances]
    if len(instances) > 1 and all(map(split_named, folders)):
        return [
            _of_split(root, path, folder, (f"images/{folder}", "", "images"))
            for path, folder in zip(instances, folders, strict=True)
        ]
    if len(found) > 1:
        names = ", ".join(path.relative_to(root).as_posix() for path in found)
        raise InputError(f"{root}: several JSON files ({names}): give --annotations FILE")
    return [CocoFile(found[0], found[0].name)]


def _of_split(root: Path, path: Path, folder: str, others: tuple[str, ...]) -> CocoFile:
    name = path.relative_to(root).as_posix()
    return CocoFile(path, name, split_named(folder), (folder, *others))
