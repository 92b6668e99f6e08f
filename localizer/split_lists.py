"""Lists of photos for training and for testing: those of a source's authors, or of a table."""

from localizer.errors import InputError
from localizer.sources.annotated_image import AnnotatedImage
from localizer.splitting import beside_held_out


def read_lists(records, settings, root):
    """The list that each photo of a source is in.

    Args:
        records: list of AnnotatedImage and Skipped.
        settings: GenerationSettings.
        root: folder below which the photos are.

    Returns:
        Dict from the photo to one of SPLITS or "trainval", "" where it belongs to none; {} where
        the photo's name decides.

    Raises:
        InputError: there are no lists, or none of these photos is in them.
    """
    if settings.split_file is not None:
        return settings.split_file.of_records(records, root)
    if settings.split_by == "name":
        return {}
    _check_official(records, settings, root)
    return {record.image: record.official_split for record in records}


def _check_official(records, settings, root):
    tests = [record for record in records if record.official_split == "test"]
    if not tests:
        raise InputError(
            f"{root}: --split-by official finds no official test list with a photo in it "
            f"({settings.source}: annotations/test.txt). Use --split-by name"
        )
    if not any(isinstance(record, AnnotatedImage) for record in tests):
        raise InputError(
            f"--split-by official: none of the {len(tests)} photos of the official test list has "
            f"a {settings.target} box, so there would be nothing to test on. Use --split-by name"
        )


def left_out_by_lists(groups, lists, settings):
    """Dict from each photo that must not be used, going by the lists, to the reason.

    Args:
        groups: lists of photos that must not be on two sides of a split.
        lists: what `read_lists` gave.
        settings: GenerationSettings.
    """
    if not lists:
        return {}
    file = settings.split_file and settings.split_file.path.name
    unlisted = f"not in {file}" if file else "in no official list"
    same = "near-duplicate of" if settings.near_duplicates == "group" else "the same picture as"
    reasons = {image: unlisted for image, split in lists.items() if not split}
    for image, other in beside_held_out(groups, lists).items():
        place = f"{lists[other]} split of {file}" if file else f"official {lists[other]} list"
        reasons[image] = f"{same} {other}, which is in the {place}"
    return reasons
