"""Reasons why photos are left out: apart from the place where they stand, and counted together."""

import os
import re

from localizer.sources.annotated_image import Skipped

# What follows an annotation file's name in a reason: "boxes.csv line 3: ", "a.xml: object 2: ",
# "annotations.json: annotations[17].bbox: ". The field belongs to the reason.
_ENTRY = re.compile(r"((?: line \d+)?(?:: (?:object \d+|\w+\[\d+\]))*)(?:\.(?=\w+: )|: )")
# What differs from photo to photo, and what has it in common.
_VARYING = (
    (r"^(near-duplicate of|the same picture as) .+(, which is in)", r"\1 a photo\2"),
    (r"^(near-duplicate of|the same photo as) .+ (in .+: .+)$", r"\1 a photo \2"),
    (r"^(several annotations claim it) \(.+\)", r"\1"),
    (r", among them .+$", ""),
)
_VALUE = re.compile(r"""\d+(?:\.\d+)?(?:e[+-]?\d+)?|'[^']*'|"[^"]*\"""")


def tell_apart(image, reason, root, place=""):
    """A Skipped without the path of the root and the name of the photo, which stand elsewhere.

    Args:
        image: the photo.
        reason: as a message says it, which may begin with the photo, or with the annotation file
            and what in it.
        root: folder below which the photos are.
        place: where the annotation stands, if that is known.
    """
    above = re.escape(str(root).rstrip("/\\")) + r"[/\\]"
    reason = re.sub(rf"(?<![\w./\\'\"-]){above}", "", reason).removeprefix(f"{image}: ")
    if place:
        return Skipped(image, reason.removeprefix(f"{place}: "), place=place)
    for match in _ENTRY.finditer(reason):
        file = reason[: match.start()]
        if any(os.path.isfile(path) for path in (os.path.join(root, file), file)):
            return Skipped(image, reason[match.end() :], place=file + match[1])
    return Skipped(image, reason)


def count_reasons(reasons):
    """How often each kind of reason occurs, most frequent first.

    Reasons are of one kind that differ in numbers and quoted text only; "..." stands for these.

    >>> count_reasons(["the box of 3 is 'big'", "the box of 4 is 'big'", "no annotation"])
    [("the box of ... is 'big'", 2), ('no annotation', 1)]
    """
    kinds = {}
    for reason in reasons:
        for pattern, common in _VARYING:
            reason = re.sub(pattern, common, reason)
        values = _VALUE.findall(reason)
        kinds.setdefault(_VALUE.sub("\0", reason), []).append(values)
    counted = []
    for kind, values in kinds.items():
        shown = (each[0] if len(set(each)) == 1 else "..." for each in zip(*values, strict=True))
        parts = [part for pair in zip(kind.split("\0"), [*shown, ""]) for part in pair]
        counted.append(("".join(parts), len(values)))
    return sorted(counted, key=lambda one: -one[1])
