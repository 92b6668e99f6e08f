"""Photos of which people say that no object is in them: counted, and left out of what is stored."""

from localizer.sources.annotated_image import AnnotatedImage, Skipped

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
