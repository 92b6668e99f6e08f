"""Photos of which people say that no object is in them: kept with an empty box.

They are of the labels themselves, or from folders that hold nothing else (`--empty FOLDER`). The
name of a photo from such a folder is its path below the root, where the folder is below it too;
else it begins with an alias, which dataset.json leads back to the folder (`empty_folders`).
"""

import os
from pathlib import Path, PurePosixPath

from localizer.dataset.splits.splitting import leader, split_of
from localizer.errors import InputError
from localizer.images.photos import SUFFIXES
from localizer.sources.annotated_image import AnnotatedImage, Skipped
from localizer.sources.choosing import no_object, skipped
from localizer.sources.lookup.listing import list_files

NO_OBJECT = "no object annotated"


def count_contents(records):
    """How many photos are `empty`, and how many have `several_objects`; a dict.

    Args:
        records: list of AnnotatedImage and Skipped.
    """
    objects = [one.objects for one in records if isinstance(one, AnnotatedImage)]
    return {"empty": objects.count(0), "several_objects": sum(count > 1 for count in objects)}


def leave_out_empty(records):
    """The records, with a Skipped for each empty photo."""
    return [
        Skipped(one.image, NO_OBJECT, one.official_split, one.place)
        if isinstance(one, AnnotatedImage) and one.is_empty
        else one
        for one in records
    ]


def open_empty_folders(folders, root):
    """What the photos of folders without objects are called.

    Args:
        folders: paths, as of --empty.
        root: the root of the source's photos; None where the source draws them.

    Returns:
        Dict from the beginning of their photos' names to the folder, both without a "/" at the end.

    Raises:
        InputError: no such folder, one is given twice, or the root is in it.
    """
    found = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError(f"--empty {folder}: no such folder; name one of photos without object")
        real = folder.resolve()
        if real in found.values():
            raise InputError(f"--empty {folder}: given twice; leave one of them out")
        above = None if root is None else Path(root).resolve()
        if above is not None and above.is_relative_to(real):
            raise InputError(
                f"--empty {folder}: the labelled photos of --root are in it; name a folder that "
                "has only photos without an object"
            )
        if above is not None and real.is_relative_to(above):
            found[real.relative_to(above).as_posix()] = real
        else:
            found[_alias(found, above)] = real
    return found


def _alias(taken, root):
    """A first part of names that nothing below the root has."""
    number, alias = 1, "empty"
    while alias in taken or (root is not None and os.path.lexists(root / alias)):
        number += 1
        alias = f"empty-{number}"
    return alias


def with_empty_folders(records, folders):
    """The records of a source, and those of the photos in folders without objects.

    Args:
        records: list of AnnotatedImage and Skipped. Those without a box of photos in the folders
            are replaced.
        folders: what `open_empty_folders` gave.

    Raises:
        InputError: a folder has no photo, or one that has an annotated object.
    """
    added = {}
    for alias, folder in folders.items():
        names = list_files(folder, folder)
        names = [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES]
        if not names:
            raise InputError(f"--empty {folder}: no photo below it ({', '.join(SUFFIXES)})")
        for name in (f"{alias}/{name}" for name in names):
            is_text = name.encode("utf-8", "ignore").decode() == name
            added[name] = (
                no_object(name)
                if is_text
                else skipped(name, "the file's name is not valid UTF-8: rename it")
            )
    for one in records:
        if one.image in added and isinstance(one, AnnotatedImage) and one.box_rel_xyxy is not None:
            place = f" ({one.place})" if one.place else ""
            raise InputError(
                f"--empty: {one.image} has an annotated object{place}; remove the annotation, or "
                "the photo from the folder"
            )
        # What the labels say of an empty photo is more: its size, its split.
        if isinstance(one, AnnotatedImage) and one.is_empty:
            added.pop(one.image, None)
    return [one for one in records if one.image not in added] + list(added.values())


def list_by_name(lists, records, groups, settings):
    """Give a split to the empty photos that the lists of a source cannot name.

    Those are the photos of folders without objects, and all empty ones where categories decide. The
    split is that of a near-duplicate in the lists, or else follows from the name.

    Args:
        lists: dict from the photo to its split, as `read_lists` gives it; it grows. {}: all photos
            are split by name anyway.
        records: list of AnnotatedImage and Skipped.
        groups: lists of near-duplicates that share one split.
        settings: GenerationSettings.
    """
    if not lists:
        return
    group_of = {image: group for group in groups for image in group}
    listed = dict(lists)
    for one in records:
        if not isinstance(one, AnnotatedImage) or not one.is_empty or listed.get(one.image):
            continue
        if settings.split_by != "category" and not is_below(one.image, settings.empty_folders):
            continue
        group = group_of.get(one.image, [one.image])
        beside = [listed[image] for image in group if listed.get(image)]
        by_name = split_of(leader(group), settings.seed, settings.fractions)
        lists[one.image] = beside[0] if beside else by_name


def is_below(image, folders):
    """Whether a photo is of one of these folders."""
    return any(image.startswith(f"{alias}/") for alias in folders)
