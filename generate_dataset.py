"""Turn annotated photos into a dataset folder: decoded once, split, checked by eye in one picture.

    python generate_dataset.py                               # drawn scenes, nothing to download
    python generate_dataset.py --source oxford-pet --root DIR --target head
    python generate_dataset.py --source voc --root my_photos --out data/mine

oxford-pet reads the official layout at --root or OXFORD_PET_ROOT and downloads it when nothing is
there. voc, coco and csv read your own photos; docs/formats.md shows what they expect.
"""

import signal
import sys
from pathlib import Path
from typing import Literal

from jsonargparse.typing import ClosedUnitInterval, NonNegativeInt, PositiveInt

from localizer.command_line import build_parser, run_script
from localizer.sources.opening import SOURCES, default_source, open_source


def main():
    parser = build_parser(__doc__)
    add = parser.add_argument
    add("--source", type=Literal[SOURCES], default=default_source(), help="kind of data")
    add("--root", type=Path | None, help="folder of the photos (csv: or the table itself)")
    add("--target", type=str | None, help="head or body; own data: any word (default: object)")
    add("--out", type=Path | None, help="dataset folder to write (default: data/SOURCE-TARGET)")
    add("--image-size", type=PositiveInt, default=160, help="side of the stored images, pixels")
    add("--fractions", type=ClosedUnitInterval, nargs=3, default=[0.8, 0.1, 0.1],
        help="train, validation, test")  # fmt: skip
    add("--seed", type=NonNegativeInt, default=0, help="of the split, and of the scenes")
    add("--count", type=PositiveInt, default=2000, help="synthetic: number of scenes")
    add("--multiple", type=Literal["largest", "skip"], default="largest",
        help="what to do with several objects in a photo")  # fmt: skip
    add("--box-format", type=Literal["pixels", "relative"], default="pixels",
        help="csv: unit of the boxes")  # fmt: skip
    add("--annotations", type=Path | None, help="coco: the JSON file, when there are several")
    add("--workers", type=PositiveInt, default=2, help="threads that decode, processes that draw")
    add("--overwrite", action="store_true", help="replace a dataset folder that is there")
    options = parser.parse_args()

    from localizer.dataset_generation import GenerationSettings, generate_dataset
    from localizer.reporting.dataset_summary import summarize_dataset

    own = options.source not in ("oxford-pet", "synthetic")
    target = options.target or ("object" if own else "head")
    out = options.out or Path("data") / f"{options.source}-{target}"
    read, root = open_source(
        options.source, options.root, target, options.multiple, options.count, options.seed,
        options.box_format, options.annotations, options.workers,
    )  # fmt: skip
    settings = GenerationSettings(
        source=options.source,
        target=target,
        root=root,
        image_size=options.image_size,
        fractions=tuple(float(f) for f in options.fractions),
        seed=options.seed,
        find_duplicates=options.source != "synthetic",
        workers=options.workers,
    )
    # Ended politely, as by a batch system, the script still takes its half-made files away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    dataset = generate_dataset(read, settings, out, overwrite=options.overwrite)
    print(summarize_dataset(dataset))


if __name__ == "__main__":
    run_script(main)
