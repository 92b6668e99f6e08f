"""From annotated photos to a dataset folder: decoded once, de-duplicated, split, described."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from localizer.dataset.dataset import BOX_COLUMNS, open_dataset
from localizer.dataset.decoding import decode_photos
from localizer.dataset.empty_photos import (
    count_contents,
    leave_out_empty,
    list_by_name,
    with_empty_folders,
)
from localizer.dataset.leaving_out import (
    Exclusion,
    MadeDataset,
    append_excluded,
    leave_out_excluded,
    left_out_by_lists,
)
from localizer.dataset.splits.near_duplicates import THUMBNAIL_SIZE, find_groups
from localizer.dataset.splits.split_tables import SplitFile, read_lists
from localizer.dataset.splits.splitting import (
    NEAR_DUPLICATES,
    SPLITS,
    add_splits,
    one_split_groups,
)
from localizer.dataset.teacher import Teacher, label_samples
from localizer.dataset.teacher_files import LabelFile
from localizer.dataset.writing import write_description, write_tables
from localizer.errors import InputError
from localizer.files.arrays_on_disk import ArrayOnDisk, GrowingArray, keep_items
from localizer.files.atomic_files import flush_to_disk
from localizer.files.folder_lock import sole_writer
from localizer.sources.annotated_image import Skipped


@dataclass(frozen=True)
class GenerationSettings:
    """How a dataset is made.

    Attributes:
        source, target: what dataset.json says of them.
        root: folder below which the photos are; None when the source makes them, in `out` itself.
        image_size: side S of the stored images in pixels.
        fractions: shares of train, validation and test; they add up to 1. A `split_file` goes
            before them.
        seed: of the split.
        split_by: "name", "official" (the lists of a source), "source" (the splits that labels come
            in), "category" (whole ones are held out), or the identity of `split_file`.
        split_file: a SplitFile whose splits are taken, or None.
        find_duplicates: whether to look for near-duplicates (quadratic in the number of photos).
        near_duplicates: what becomes of them: "group" (they share one split), "exact" (only the
            very same picture does) or "keep" (nothing does; they are only counted).
        exclude: an Exclusion for each dataset whose photos are to be kept out.
        teacher: a Teacher for a source without boxes.
        companion: a LabelFile with a teacher's boxes on other photos of the source, which go into
            a dataset folder `unlabelled/` inside.
        boxes_in: the frame that boxes on turned photos (EXIF) were drawn in, one of BOXES_IN;
            "auto" goes by the sizes of the annotated images, and takes "shown" where they fit both.
        empty_folders: folders of photos without an object, as `open_empty_folders` gives them.
        leave_out_empty: whether photos without an object are left out.
        workers: threads that decode.
    """

    source: str
    target: str
    root: Path | None
    image_size: int = 160
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    split_by: str = "name"
    split_file: SplitFile | None = None
    find_duplicates: bool = True
    near_duplicates: str = "group"
    exclude: tuple[Exclusion, ...] = ()
    teacher: Teacher | None = None
    companion: LabelFile | None = None
    boxes_in: str = "auto"
    empty_folders: Mapping[str, Path] = field(default_factory=dict)
    leave_out_empty: bool = False
    workers: int = 2

    @property
    def shares(self):
        """Dict from the split to its fraction; None where a table or the labels say it."""
        is_told = self.split_file or self.split_by == "source"
        return None if is_told else dict(zip(SPLITS, self.fractions, strict=True))

    @property
    def compares_photos(self):
        """Whether thumbnails of all photos are needed."""
        return self.find_duplicates or bool(self.exclude) or self.companion is not None


def generate_dataset(read, settings, out, overwrite=False, progress=True):
    """Write a dataset folder; it appears whole or not at all.

    Args:
        read: the source: takes the folder of the photos, gives an iterable of AnnotatedImage and
            Skipped.
        settings: GenerationSettings.
        out: the folder to make.
        overwrite: replace `out` when it is a dataset folder already.
        progress: show progress bars.

    Returns:
        The opened Dataset.

    Raises:
        InputError: nothing usable in the source, bad settings, `out` is taken, another process is
            making it, or it cannot be written.
    """
    out = Path(out)
    with sole_writer(out.parent / f".{out.name}.lock", out):
        scratch = out.parent / f".{out.name}.part"
        try:
            _clear(scratch, out)
            _check(settings, out, overwrite)
            _make(read, settings, out, scratch, progress)
        except OSError as error:
            raise InputError(
                f"{out}: the dataset cannot be made ({error}); nothing of it was left behind. Is "
                "the disk full? Free some space, or choose another --out"
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return open_dataset(out)


def _clear(scratch, out):
    """Take away what a killed process has left, and put back a dataset it was about to replace."""
    replaced = scratch / "replaced"
    if replaced.exists() and not out.exists():
        os.replace(replaced, out)
    if scratch.exists():
        shutil.rmtree(scratch)


def _make(read, settings, out, scratch, progress):
    """Make the folder in `scratch`, and put it into place when it is whole and on the disk."""
    partial = scratch / "dataset"
    partial.mkdir(parents=True)
    root = partial if settings.root is None else Path(settings.root)
    labels = settings.teacher.description if settings.teacher else "truth"
    made = _build(read(root), settings, partial, root, progress, labels)
    if settings.companion is not None:
        _build_companion(made, settings, partial / "unlabelled", root, progress)
    # Not the drawn scenes one by one: that takes longer than drawing them again.
    for path in [*partial.glob("*"), *partial.glob("unlabelled/*"), partial]:
        flush_to_disk(path)
    _replace(out, partial, scratch / "replaced")
    flush_to_disk(out.parent)


def _check(settings, out, overwrite):
    if not 32 <= settings.image_size <= 2048:
        raise InputError(f"--image-size is {settings.image_size}; use 32 to 2048 pixels")
    if not (min(settings.fractions) >= 0 and abs(sum(settings.fractions) - 1) <= 1e-6):
        raise InputError(f"--fractions {settings.fractions} must not be negative and add up to 1")
    if settings.near_duplicates not in NEAR_DUPLICATES:
        raise InputError(
            f"--near-duplicates {settings.near_duplicates}: it is {', '.join(NEAR_DUPLICATES)}"
        )
    if settings.near_duplicates != "group" and not settings.find_duplicates:
        raise InputError("--near-duplicates is for photos: drawn scenes are not compared")
    if settings.split_by == "official" and not sum(settings.fractions[:2]) > 0:
        raise InputError("--split-by official needs a part of train or validation in --fractions")
    if out.exists() and not (overwrite and (out / "dataset.json").is_file()):
        is_dataset = (out / "dataset.json").is_file()
        remedy = "--overwrite replaces it" if is_dataset else "choose another --out"
        raise InputError(f"{out}: exists already; {remedy}")


def _replace(out, partial, old):
    """Put the finished folder into place; what stood there comes back if that fails."""
    if not out.exists():
        os.replace(partial, out)
        return
    try:
        os.replace(out, old)
        os.replace(partial, out)
    except BaseException:  # Being stopped counts, too.
        if old.exists() and not out.exists():
            os.replace(old, out)
        raise


def _build(records, settings, folder, root, progress, labels):
    """Fill `folder`; gives the MadeDataset."""
    records = list(tqdm(records, "Reading annotations", unit=" images", disable=not progress))
    if not records:
        raise InputError(f"{root}: no image at all")
    records = with_empty_folders(records, settings.empty_folders)
    contents = count_contents(records)
    if settings.leave_out_empty:
        records = leave_out_empty(records)
    lists = read_lists(records, settings, root)
    size = settings.image_size
    with (
        GrowingArray(folder / "images.npy", (size, size, 3)) as images,
        GrowingArray(folder / "thumbnails.npy", (THUMBNAIL_SIZE, THUMBNAIL_SIZE)) as thumbnails,
    ):
        samples, skipped, digests = decode_photos(
            records, settings, root, images, thumbnails, progress
        )
        excluded = append_excluded(settings.exclude, thumbnails)
    names = list(digests)
    # Indices from len(names) on are those of excluded photos; they keep whole groups out.
    groups = find_groups(ArrayOnDisk(folder / "thumbnails.npy"))
    (folder / "thumbnails.npy").unlink()
    left_out = leave_out_excluded(groups, names, excluded, root, settings.empty_folders)
    own = [[names[index] for index in group if index < len(names)] for group in groups]
    groups = [group for group in own if len(group) > 1 and group[0] not in left_out]
    together = one_split_groups(groups, digests, settings.near_duplicates)
    list_by_name(lists, records, together, settings)
    by_lists = left_out_by_lists(together, lists, settings)
    left_out |= by_lists
    frame, refused = _keep(samples, left_out, settings, folder, root, progress)
    skipped += refused
    _refuse_useless(frame, skipped, len(records), root)
    add_splits(frame, together, lists, settings.seed, settings.fractions)
    if labels != "truth":
        frame["teacher"] = labels["teacher"]
        frame.loc[frame["xmin"].isna(), "teacher"] = ""
    write_tables(frame, skipped, groups, folder)
    annotated = {sample["image"] for sample in samples}
    beside = Counter(lists[one] for one in by_lists if lists.get(one) and one in annotated)
    counts = len(records), contents
    write_description(frame, skipped, groups, beside, *counts, settings, labels, root, folder)
    return MadeDataset(frame, lists, names, groups, left_out)


def _refuse_useless(frame, skipped, listed, root):
    if frame.empty:
        first = skipped[0]
        place = f"{first.place}: " if first.place not in ("", first.image) else ""
        raise InputError(
            f"{root}: none of {listed} images is usable. The first, {first.image}: "
            f"{place}{first.reason}"
        )
    if frame[BOX_COLUMNS].isna().all(axis=None):
        raise InputError(
            f"{root}: none of {listed} images has an object that can be used, and a dataset needs "
            "some that do"
        )


def _build_companion(made, settings, folder, root, progress):
    """Make `folder` of the labels that a teacher gave to photos that the dataset does not use."""
    records = settings.companion.companion_records(made)
    if all(isinstance(record, Skipped) for record in records):
        first = f", such as {records[0].image}: {records[0].reason}" if records else ""
        print(
            f"note: none of the {len(records)} labels of {settings.companion.path} can be used"
            f"{first}",
            file=sys.stderr,
        )
        return
    folder.mkdir()
    plain = replace(
        settings,
        fractions=(1.0, 0.0, 0.0),
        split_by="name",
        split_file=None,
        find_duplicates=False,
        near_duplicates="group",
        exclude=(),
        teacher=None,
        companion=None,
        empty_folders={},
    )
    description = settings.companion.description
    labels = {
        "teacher": description["teacher"]["name"],
        "sha256": description["teacher"].get("sha256"),
        "min_score": description.get("min_score", 0.0),
    }
    _build(records, plain, folder, root, progress, labels)


def _keep(samples, left_out, settings, folder, root, progress):
    """Take out the samples that are left out, and those that the teacher gives no label.

    Returns:
        (frame, skipped): a DataFrame of the rest, whose photos images.npy has, and a list.
    """
    skipped = [
        Skipped(sample["image"], left_out[sample["image"]])
        for sample in samples
        if sample["image"] in left_out
    ]
    rows = [row for row, sample in enumerate(samples) if sample["image"] not in left_out]
    if settings.teacher is not None:
        asked = [row for row in rows if "empty" not in samples[row]]
        answers = label_samples([samples[row] for row in asked], settings.teacher, root, progress)
        found = dict(zip(asked, answers, strict=True))
        skipped += [answer for answer in answers if isinstance(answer, Skipped)]
        rows = [row for row in rows if not isinstance(found.get(row), Skipped)]
        labels = {row: found.get(row, {}) for row in rows}
        samples = [sample | labels.get(row, {}) for row, sample in enumerate(samples)]
    if len(rows) < len(samples):
        keep_items(folder / "images.npy", rows)
    return pd.DataFrame([samples[row] for row in rows]), skipped
