"""What is said of the photos that their EXIF data turn: in which frame their boxes were drawn."""

from localizer.sources.notes import note


def count_turned(frames):
    """Counts for dataset.json.

    Args:
        frames: a BoxFrame for each photo that is turned, None for others.

    Returns:
        Dict: `turned_photos`, those that have a box; `turned_boxes`, those whose box was turned
        with them; `untold_frames`, those of which the annotation does not tell whether it should.
    """
    turned = [frame for frame in frames if frame is not None]
    return {
        "turned_photos": len(turned),
        "turned_boxes": sum(frame.name == "stored" for frame in turned),
        "untold_frames": sum(not frame.is_told for frame in turned),
    }


def note_on_turned(frames, boxes_in):
    """Say in one note how the boxes of turned photos were taken, where there is a doubt.

    Args:
        frames: as for `count_turned`.
        boxes_in: of GenerationSettings.
    """
    told = sum(one is not None and one.is_told and one.name == "stored" for one in frames)
    untold = count_turned(frames)["untold_frames"]
    if told:
        note(
            f"{told} boxes were drawn on the pixels of turned photos as they are stored, as "
            "their sizes tell; they are turned with the photos (EXIF)"
        )
    if untold and boxes_in == "auto":
        likely = "; as the others are such, theirs very likely are, too" if told else ""
        note(
            f"{untold} photos are turned by EXIF and the annotation does not say in which frame "
            "its boxes are; they are taken for boxes of the photo as it is shown, and --boxes-in "
            f"stored turns them{likely}"
        )
