"""Which annotation has a photo, when the photos of all are found; what was guessed is said."""

from collections import defaultdict
from collections.abc import Container, Hashable
from dataclasses import dataclass

from localizer.errors import InputError
from localizer.sources.notes import note

_NOTES = {
    "bare": "were found by their bare name in another folder",
    "ending": "were found under another ending, or in other letters",
    "beside": "were taken for the one that their annotation file is named after, "
    "though it names another photo inside",
}


@dataclass(frozen=True)
class Found:
    """A photo that was found.

    Attributes:
        photo: path below the root.
        doubt: "" when the name leads nowhere else, "prefix" when more or less stands before it, or
            else a key of the notes; a photo in doubt is not taken when another annotation means
            it, too.
    """

    photo: str
    doubt: str = ""


def settle_claims(
    found: dict[str, Found], contents: dict[str, Hashable] | None = None
) -> dict[str, str | InputError]:
    """The photo of each annotation, when all of them are known; says what was guessed.

    Args:
        found: the photo by the annotation's name for messages.
        contents: of annotation files for one photo, to know copies by.

    Returns:
        For each the path of the photo below the root, or the reason why it is not taken.
    """
    alike = defaultdict(list)
    for key, one in found.items():
        alike["photo", one.photo].append(key)
        alike["content", contents[key] if contents else key].append(key)
    settled, guesses = {}, defaultdict(list)
    for key, one in found.items():
        doubt = ("photo", one.photo)
        if one.doubt == "beside":
            doubt = ("content", contents[key] if contents else key)
        others = [other for other in alike[doubt] if one.doubt and other != key]
        if not others:
            settled[key] = one.photo
            guesses[one.doubt].append(one.photo)
        elif one.doubt == "beside":
            settled[key] = InputError(
                f"a copy of {others[0]}, which names another photo inside: correct the name "
                "and the boxes"
            )
        else:
            settled[key] = InputError(
                f"{one.photo} may be meant, but {others[0]} means it, too: write the path of "
                "the photo below the root"
            )
    for doubt, text in _NOTES.items():
        if guesses[doubt]:
            note(f"{len(guesses[doubt])} photos {text}, such as {guesses[doubt][0]}")
    return settled


def repeated_claims(
    photos: dict[str, str | InputError], annotated: Container[str]
) -> dict[str, str]:
    """Annotations whose photo another one means, too; but for the only one that has objects.

    Where several have objects, one of them has a name that is not its own.

    Args:
        photos: as `settle_claims` gives them.
        annotated: the annotations that have objects.

    Returns:
        For each that is not to be taken, another one of the same photo.
    """
    claims = defaultdict(list)
    for key, photo in photos.items():
        if isinstance(photo, str):
            claims[photo].append(key)
    repeated = {}
    for same in claims.values():
        with_objects = [key for key in same if key in annotated]
        right = (with_objects or same)[0] if len(with_objects) < 2 else None
        for key in same:
            if key != right and len(same) > 1:
                repeated[key] = right or next(other for other in same if other != key)
    return repeated
