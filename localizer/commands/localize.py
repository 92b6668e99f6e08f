"""Find the object in photos: print its box, and on request draw it.

    python localize_images.py holiday.jpg
    python localize_images.py holiday/ --out found --crops        # pictures with boxes, and crops
    find . -name "*.heic" -print0 | python localize_images.py - --null --json > boxes.jsonl

A photo is a file, a folder (with those below it), a pattern in quotes, or `-` for a list of files
on standard input, one a line (UTF-8, or UTF-16 with a byte order mark, as PowerShell's > writes);
each is localized once. Brackets in the name of a folder that is there are no pattern. Boxes are in
pixels of the photo as viewers show it. With --out pictures of an earlier run are replaced, but
never one of the photos: that is refused. Pictures that this project wrote are no photos, unless
they are named as files.
A model is a run folder, a model file, or a pretrained detector: hub:NAME, detector:FILE.tflite or a
SavedModel folder, where options may follow in quotes (docs/detectors.md):
'detector:FILE.tflite?classes=16,17&labels=names.txt&range=0..1&size=320&signature=NAME'.
With --json a line per photo: image, xmin, ymin, xmax, ymax, score, label (null where there is
none), or image, error.

Exit codes: 0 all photos were localized; 1 some could not be, the others were; 2 the options or the
model cannot be used; 130 interrupted.
"""

import os
import sys
from pathlib import Path

from localizer.commands.command_line import OptionParser, start_keras
from localizer.recipe.values import Count, Margin, Share
from localizer.runtimes.standard_streams import discard_output

DEFAULT_MODEL = "pet_head"


def build_options():
    parser = OptionParser(__doc__, arguments="PHOTO [PHOTO ...] ")
    add = parser.add
    add("photos", nargs="*", type=str, metavar="PHOTO", help="file, folder, pattern, or - (list)")
    add("--model", type=str, help="model (default: the pet-head model)")
    add("--out", type=Path, help="write each photo with its box (NAME.box.jpg) below it")
    add("--crops", action="store_true", help="with --out: the box's part too (NAME.crop.jpg)")
    add(
        "--margin",
        type=Margin,
        default=0.1,
        help="of crops, on each side, as a share of the box's width and height",
    )
    add("--min-score", type=Share, default=0.0, help="a box of a lower score is no answer")
    add("--json", action="store_true", help="print JSON lines instead of a table")
    add("--null", action="store_true", help="with -: paths end with NUL, as of find -print0")
    add("--batch-size", type=Count, default=32, help="photos at once through the network")
    add("--workers", type=Count, help="threads (default: one per core, at most 8)")
    options = parser.parse_args()
    if not options.photos:
        parser.error("no photo is given. For example: python localize_images.py holiday.jpg")
    if options.model == "":
        parser.error("--model is empty; name a model file, or leave it away")
    if options.null and "-" not in options.photos:
        parser.error("--null is for -, a list of paths on standard input")
    if options.crops and not options.out:
        parser.error("--crops needs --out, the folder to write to")
    if options.out and options.out.exists() and not options.out.is_dir():
        parser.error(f"--out {options.out}: is a file, not a folder")
    return options


def main():
    options = build_options()
    model = options.model or DEFAULT_MODEL
    if os.path.isdir(model.removeprefix("flip:")) or model.lower().endswith(".keras"):
        start_keras()
    from localizer.inference.localize_photos import localize_photos
    from localizer.inference.localizer import Localizer

    localizer = Localizer.load(model)
    try:
        failed = localize_photos(
            localizer,
            options.photos,
            out=options.out,
            crops=options.crops,
            margin=options.margin,
            min_score=options.min_score,
            as_json=options.json,
            null=options.null,
            batch_size=options.batch_size,
            workers=options.workers,
        )
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
        failed = 0
    sys.exit(1 if failed else 0)
