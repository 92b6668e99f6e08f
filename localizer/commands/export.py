"""Write a trained model in the formats of phones, microcontrollers and services.

    python export_model.py                     # the pet-head model in all formats, to exports/
    python export_model.py --model runs/first --formats litert onnx --out exports

Every file is checked before it is announced: its boxes on up to 200 validation images against
those of the Keras model. A file that fails is not kept. The images, and those that 8-bit files are
calibrated on, are those of --data, else of the model's own dataset below data/, else drawn scenes.
docs/deployment.md shows how to use the files.
"""

import os
import sys
from pathlib import Path
from typing import Literal

from localizer.commands.command_line import OptionParser, start_keras
from localizer.errors import InputError
from localizer.export import FORMATS
from localizer.shipped import shipped_model

DEFAULT_MODEL = "pet_head"


def main():
    parser = OptionParser(__doc__)
    add = parser.add
    add("--model", type=Path, help="run folder or .keras file (default: the pet-head model)")
    add(
        "--formats",
        nargs="+",
        type=Literal[(*FORMATS, "browser")],
        default=list(FORMATS),
        help="formats to write; browser, one HTML page, downloads its runtime once (33 MB)",
    )
    add("--out", type=Path, default="exports", help="folder to write to")
    add("--data", type=Path, help="dataset folder to calibrate on and to check with")
    add(
        "--runtime",
        type=Path,
        help="onnxruntime-web-VERSION.tgz for browser, where npm's registry is out of reach",
    )
    options = parser.parse_args()
    if options.runtime and "browser" not in options.formats:
        parser.error("--runtime is for --formats browser")
    if options.out.exists() and not options.out.is_dir():
        parser.error(f"--out {options.out}: is a file, not a folder")
    runtime = None
    if "browser" in options.formats:
        from localizer.export.browser import open_runtime

        runtime = open_runtime(options.runtime)

    # The converters read TensorFlow's graphs; a .keras file is the same for all backends.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    start_keras()
    if (backend := sys.modules["keras"].backend.backend()) != "tensorflow":
        raise InputError(
            f"a --plugin has imported Keras on {backend}, and the converters work on TensorFlow: "
            "set KERAS_BACKEND=tensorflow"
        )
    from localizer.export.exporting import export_model
    from localizer.export.images import find_images
    from localizer.export.metadata import open_source_model
    from localizer.export.table import print_export, print_heading

    source = open_source_model(options.model or shipped_model(DEFAULT_MODEL, (".keras",)))
    images = find_images(source, options.data)
    print_heading(images, calibrates="litert-int8" in options.formats)
    for file_format in dict.fromkeys(options.formats):
        print_export(export_model(source, file_format, images, options.out, runtime))
