"""Turn annotated photos into a dataset folder: decoded once, split, checked by eye in one picture.

    python generate_dataset.py           # drawn scenes; the pets where OXFORD_PET_ROOT names them
    python generate_dataset.py --source oxford-pet --root DIR --target head
    python generate_dataset.py --root my_photos --out data/mine        # labels are recognised

oxford-pet reads the official layout at --root or OXFORD_PET_ROOT and downloads it when nothing is
there. Your own photos may have labels of YOLO, COCO, Pascal VOC, Label Studio, CVAT, LabelMe, VIA,
Hugging Face or a CSV table; docs/formats.md shows what is expected. --empty adds folders of
photos in which no object is. folder takes photos without boxes, which a trained model labels, for
training:

    python generate_dataset.py --source folder --root my_photos --teacher runs/NAME \\
        --exclude data/mine:validation,test
"""

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from localizer.commands.command_line import OptionParser, start_keras
from localizer.dataset.splits.splitting import NEAR_DUPLICATES
from localizer.dataset.teacher import Teacher
from localizer.environment import command_line
from localizer.errors import InputError
from localizer.files.checksums import sha256_of
from localizer.images.frames import BOXES_IN
from localizer.plugins import SOURCES
from localizer.recipe.values import Count, OneOf, Seed, Share
from localizer.sources.opening import default_source, open_source, resolve_source


def build_options():
    parser = OptionParser(__doc__)
    add = parser.add
    add(
        "--source",
        type=Annotated[str, OneOf(SOURCES)],
        help="kind of data; auto goes by what lies at --root (default: auto with --root, else "
        f"{default_source()})",
    )
    add("--root", type=Path, help="folder of the photos (csv: or the table itself)")
    add(
        "--target",
        type=str,
        help="what the boxes are around: head or body; own data: any name (default: object)",
    )
    add("--out", type=Path, help="dataset folder to write (default: data/SOURCE-TARGET)")
    add("--image-size", type=Count, default=160, help="side of the stored images, pixels")
    add(
        "--fractions",
        type=Share,
        nargs=3,
        help="train, validation, test (default: 0.8 0.1 0.1; folder: 1 0 0)",
    )
    add(
        "--split-by",
        type=str,
        default="name",
        metavar="name|source|category|official|FILE",
        help="by a hash of the photo's name; by the splits that the labels come in (train, valid, "
        "test); by a hash of the category, which holds whole ones out; by the test list of the "
        "authors (oxford-pet); or by a CSV file with columns image and split, or that of a dataset "
        "folder",
    )
    add(
        "--exclude",
        type=str,
        nargs="+",
        default=[],
        metavar="DATASET[:SPLIT,...]",
        help="keep out the photos of these datasets, and near-duplicates of them",
    )
    add(
        "--near-duplicates",
        type=Literal[NEAR_DUPLICATES],
        default="group",
        help="what shares one split: all near-duplicates; only the very same picture (exact), as "
        "for frames of one camera; or nothing (keep)",
    )
    add("--teacher", type=str, help="folder: the model that predicts the boxes")
    add(
        "--min-score",
        type=Share,
        default=0.0,
        help="folder: leave out photos whose box has a lower score",
    )
    add("--write-labels", type=Path, help="folder: also write the boxes to this CSV file")
    add(
        "--teacher-labels",
        type=str,
        default="auto",
        metavar="FILE|auto|none",
        help="oxford-pet: boxes for photos without any, into OUT/unlabelled",
    )
    add("--seed", type=Seed, default=0, help="of the split, and of the scenes")
    add("--count", type=Count, help="synthetic: number of scenes (default: 2000)")
    add("--empty-share", type=Share, help="synthetic: share of scenes without an animal (0)")
    add(
        "--empty",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="also take the photos below these folders, in none of which an object is",
    )
    add(
        "--leave-out-empty",
        action="store_true",
        help="leave out photos of which the labels say that no object is in them",
    )
    add(
        "--multiple",
        type=Literal["largest", "skip"],
        default="largest",
        help="what to do with several objects in a photo",
    )
    add(
        "--box-format",
        type=Literal["pixels", "relative"],
        default="pixels",
        help="csv: unit of the boxes",
    )
    add(
        "--boxes-in",
        type=Literal[BOXES_IN],
        default="auto",
        help="frame of boxes on photos that EXIF turns: auto goes by the annotated size, and "
        "takes shown where it does not tell",
    )
    add(
        "--annotations",
        type=Path,
        help="coco, label-studio, via: the JSON file, when there are several",
    )
    add("--workers", type=Count, default=2, help="threads that decode, processes that draw")
    add("--overwrite", action="store_true", help="replace a dataset folder that is there")
    add(
        "--verify",
        type=Path,
        nargs="+",
        metavar="DATASET",
        help="make nothing; check these dataset folders against their checksums",
    )
    return parser.parse_args()


def main():
    options = build_options()
    if options.verify:
        return _verify(options.verify)

    from localizer.dataset.empty_photos import open_empty_folders
    from localizer.dataset.generation import GenerationSettings, generate_dataset
    from localizer.dataset.leaving_out import open_exclusion
    from localizer.dataset.splits.split_tables import open_split
    from localizer.dataset.summary import summarize_dataset
    from localizer.dataset.teacher_files import check_labels_place, choose_labels, write_labels

    if options.empty and options.leave_out_empty:
        raise InputError("--empty adds photos that --leave-out-empty leaves out; give one of them")
    options.source = resolve_source(
        options.source, options.root, annotations=options.annotations, teacher=options.teacher
    )
    own = options.source not in ("oxford-pet", "synthetic")
    target = options.target or ("object" if own else "head")
    out = options.out or Path("data") / f"{options.source}-{target}"
    split_by, split_file = open_split(options.split_by, options.fractions)
    read, root = open_source(
        options.source,
        options.root,
        target,
        multiple=options.multiple,
        count=options.count,
        seed=options.seed,
        box_format=options.box_format,
        annotations=options.annotations,
        workers=options.workers,
        split_by=split_by,
        split_file=split_file,
        teacher=options.teacher,
        boxes_in=options.boxes_in,
        empty_share=options.empty_share,
    )
    default_fractions = (1, 0, 0) if options.source == "folder" else (0.8, 0.1, 0.1)
    settings = GenerationSettings(
        source=options.source,
        target=target,
        root=root,
        image_size=options.image_size,
        fractions=tuple(float(f) for f in options.fractions or default_fractions),
        seed=options.seed,
        split_by=split_by,
        split_file=split_file,
        find_duplicates=options.source != "synthetic",
        near_duplicates=options.near_duplicates,
        exclude=tuple(open_exclusion(text) for text in options.exclude),
        workers=options.workers,
        boxes_in=options.boxes_in,
        empty_folders=open_empty_folders(options.empty, root),
        leave_out_empty=options.leave_out_empty,
    )
    companion, note = choose_labels(options.teacher_labels, settings)
    settings = replace(settings, companion=companion)
    if options.teacher:
        start_keras()
        settings = replace(settings, teacher=open_teacher(options.teacher, options.min_score))
    elif options.write_labels or options.min_score:
        raise InputError("--write-labels and --min-score go with --source folder --teacher MODEL")
    if options.write_labels:
        check_labels_place(options.write_labels, options.overwrite)
    # Ended politely, as by a batch system, the script still takes its half-made files away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    dataset = generate_dataset(read, settings, out, overwrite=options.overwrite)
    print(summarize_dataset(dataset))
    if options.write_labels:
        write_labels(dataset, options.write_labels, command_line())
    if note:
        print(note)


def _verify(folders):
    from localizer.dataset.dataset import verify_dataset

    for folder in folders:
        dataset = verify_dataset(folder)
        print(f"{folder}: {len(dataset.samples):,} images, all files as they were generated")


def open_teacher(model, min_score=0.0):
    """A Teacher from whatever `load_predictor` understands; imports Keras for a Keras model.

    Raises:
        InputError: no such model, or a constant box, which knows nothing of the photos.
    """
    from localizer.predictors.loading import load_predictor

    if model.startswith("baseline:"):
        raise InputError(f"--teacher {model}: a constant box has nothing to teach; name a model")
    predictor = load_predictor(model, None)
    file = Path(predictor.path or model)
    file = file / "best.keras" if file.is_dir() else file
    return Teacher(predictor, min_score, sha256_of(file) if file.is_file() else None)
