"""Which split an image belongs to: a function of its name, so that it never moves.

The position of an image in [0, 1) follows from its name and the seed alone; the fractions cut that
interval into train, validation and test. Names that end in a number (`beagle_12`) are spread evenly
over the interval, which stratifies a class whose photos are numbered: position = hash of the name
without its number + number x golden ratio, mod 1 (a Weyl sequence: Niederreiter, "Random Number
Generation and Quasi-Monte Carlo Methods", SIAM 1992, chapter 3).

Near-duplicates share the position of one of them, the one whose name has the smallest hash, so a
missing photo can at most move the other copies of itself.

A data set that brings lists of its own can be split by them: its test list is the test split. So
can any other, by a file (`split_tables`), and by the categories of the objects.
"""

import hashlib
import re
from pathlib import PurePosixPath

SPLITS = ("train", "validation", "test")
NEAR_DUPLICATES = ("group", "exact", "keep")
GOLDEN_RATIO = 0.6180339887498949


def _hash(text):
    """A number in [0, 1) that is the same on every machine and in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def position(image, seed):
    """Where in [0, 1) the name of an image puts it."""
    stem = PurePosixPath(image).stem
    numbered = re.fullmatch(r"(.*?)(\d{1,15})", stem, flags=re.DOTALL)
    if not numbered:
        return _hash(f"{seed}/{stem}")
    prefix, number = numbered.groups()
    return (_hash(f"{seed}/{prefix}") + int(number) * GOLDEN_RATIO) % 1.0


def leader(group):
    """The image whose position a group of near-duplicates takes."""
    return min(group, key=lambda image: (_hash(PurePosixPath(image).stem), image))


def split_of(image, seed, fractions):
    """ "train", "validation" or "test".

    Args:
        image: name of the image, or of its group's leader.
        seed: int; another seed gives another split.
        fractions: shares of the three splits; they add up to 1.
    """
    return _cut(position(image, seed), fractions)


def split_of_text(text, seed, fractions):
    """ "train", "validation" or "test" for any text, such as a category, by its hash alone.

    Args:
        text: as it is; numbers at its end mean nothing here.
        seed, fractions: as for `split_of`.
    """
    return _cut(_hash(f"{seed}/{text}"), fractions)


def _cut(where, fractions):
    """The split of a place in [0, 1)."""
    if where < fractions[0]:
        return "train"
    return "validation" if where < fractions[0] + fractions[1] else "test"


def official_split_of(image, official_split, seed, fractions):
    """ "train", "validation" or "test" where the data set's authors say what is for testing.

    Args:
        image: name of the image, or of its group's leader.
        official_split: a split, which it is then, or "trainval", which is divided by name, in
            proportion to the fractions of train and validation; that of test does not matter.
        seed, fractions: as for `split_of`; train and validation must not both be 0.
    """
    if official_split in SPLITS:
        return official_split
    train = fractions[0] / (fractions[0] + fractions[1])
    return "train" if position(image, seed) < train else "validation"


def sharing_a_split(groups, digests, mode):
    """The groups that share one split.

    Args:
        groups: lists of near-duplicates.
        digests: dict from each photo to the digest of its pixels.
        mode: `near_duplicates` of GenerationSettings.
    """
    if mode == "group":
        return groups
    same = {}
    for image, digest in digests.items() if mode == "exact" else ():
        same.setdefault(digest, []).append(image)
    return [images for images in same.values() if len(images) > 1]


def assign_splits(frame, groups, lists, settings):
    """Add the columns `group` and `split`.

    Args:
        frame: DataFrame with the column `image`.
        groups: lists of photos that share one split.
        lists: dict from the photo to its split, as `read_lists` gives it.
        settings: GenerationSettings.
    """
    leaders = {image: leader(group) for group in groups for image in group}
    frame["group"] = [leaders.get(image, image) for image in frame["image"]]
    seed, fractions = settings.seed, settings.fractions
    if lists:
        frame["split"] = [
            official_split_of(group, lists[image], seed, fractions)
            for image, group in zip(frame["image"], frame["group"], strict=True)
        ]
    else:
        frame["split"] = [split_of(group, seed, fractions) for group in frame["group"]]
