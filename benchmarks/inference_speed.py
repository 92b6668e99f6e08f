"""How long a user waits: time per photo, throughput and memory of each format, and the rest.

    python export_model.py && python benchmarks/inference_speed.py
    python benchmarks/inference_speed.py --files exports/pet_head.tflite --photos my_photos

Every file runs in a process of its own on one thread, on the same photos, in several turns, so that
other load on the machine hits all alike; times are medians and quartiles of single photos. The hub
localizer, mobile_object_localizer_v1.tflite in the folder LOCALIZER_HUB, is timed where it is.
"""

import functools
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from localizer.commands.command_line import OptionParser, run_script, start_keras
from localizer.errors import InputError

BATCH = 32
HUB = "mobile_object_localizer_v1.tflite"


def main():
    parser = OptionParser(__doc__)
    add = parser.add_argument
    add("--files", type=Path, nargs="+", default=None, help="default: all below exports/")
    add("--photos", type=Path, help="folder of .jpg photos (default: drawn scenes)")
    add("--count", type=int, default=100, help="number of photos")
    add("--turns", type=int, default=3, help="processes started for each file, in turns")
    options = parser.parse_args()
    files = options.files or [Path("models/pet_head.keras"), *sorted(Path("exports").glob("*"))]
    hub = Path(os.environ.get("LOCALIZER_HUB", ".")) / HUB
    for file in files:
        if not file.exists():
            raise InputError(f"{file}: no such file; export_model.py makes those in exports/")
    files += [hub] if hub.exists() else []
    with tempfile.TemporaryDirectory() as scratch:
        paths = find_photos(options.photos, options.count, scratch)
        print_times(files, paths, options.turns, hub)


def print_times(files, paths, count, hub):
    turns = {file: [] for file in files}
    for _ in range(count):
        for file, results in turns.items():
            results.append(in_own_process(measure, file, paths))
    print(f"{len(paths)} photos, {count} turns, one thread, milliseconds a photo:")
    print(f"{'file':32} {'quartile':>8} {'median':>8} {'quartile':>8} {'photos/s':>9} {'MiB':>6}")
    hub_median = np.median(np.concatenate([r[0] for r in turns[hub]])) if hub in turns else None
    for file, results in turns.items():
        low, median, high = np.percentile(np.concatenate([r[0] for r in results]), [25, 50, 75])
        rate, memory = np.median([r[1] for r in results]), max(r[2] for r in results)
        share = f"  {median / hub_median:.2f} of {hub.stem}" if hub_median and file != hub else ""
        print(
            f"{file.name:32} {low:8.3f} {median:8.3f} {high:8.3f} {rate:9.0f} {memory:6.0f}{share}"
        )
    print("photos/s: many at once, batches of 32 where the format takes them. MiB: peak growth of")
    print("the process from before the runtime was imported. Outside the network, milliseconds:")
    for name, times in in_own_process(measure_surroundings, None, paths).items():
        print(f"{name:32} {' '.join(f'{t:8.3f}' for t in np.percentile(times, [25, 50, 75]))}")


def find_photos(folder, count, scratch):
    """Paths of photos: those of the folder, or scenes drawn into `scratch`."""
    if folder is None:
        from localizer.sources.drawn import generate as synthetic

        scenes = synthetic.generate(scratch, "head", count, workers=1)
        return [Path(scratch) / scene.image for scene in scenes]
    paths = sorted(folder.rglob("*.jpg"))[:count]
    if not paths:
        raise InputError(f"{folder}: no .jpg photo in it")
    return paths


def in_own_process(function, *arguments):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def measure(file, paths):
    """Milliseconds of each photo, photos per second of many, and MiB that the model took."""
    os.environ |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    from localizer.images.photos import read_photo
    from localizer.images.resizing import stretch

    photos = [stretch(read_photo(path), 256) for path in paths]
    before = peak_mebibytes()
    run, size, takes_batches = open_network(file)
    images = np.stack([stretch(photo, size) for photo in photos])
    for image in images[:5]:
        run(image[None])
    times = [timed(run, image[None]) for image in images]
    step = BATCH if takes_batches else 1
    # Whole batches alone: another size would be compiled anew.
    batches = [images[i : i + step] for i in range(0, len(images) - step + 1, step)] or [images]
    run(batches[0])
    seconds = sum(timed(run, batch) for batch in batches) / 1000
    return times, sum(map(len, batches)) / seconds, peak_mebibytes() - before


def timed(function, *arguments):
    """Milliseconds of one call."""
    began = time.perf_counter()
    function(*arguments)
    return 1000 * (time.perf_counter() - began)


def open_network(file):
    """(run, input size, whether it takes batches): the network alone, on uint8 images."""
    if file.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(file), num_threads=1)
        interpreter.allocate_tensors()
        (taken,) = interpreter.get_input_details()
        given = [output["index"] for output in interpreter.get_output_details()]

        def run(images):
            interpreter.set_tensor(taken["index"], images.astype(taken["dtype"]))
            interpreter.invoke()
            return [interpreter.get_tensor(index) for index in given]

        return run, int(taken["shape"][1]), False
    if file.suffix == ".onnx":
        from localizer.predictors.onnx_model import OnnxModel

        model = OnnxModel(file)
        return model.run, model.metadata["image_size"], True
    start_keras()
    if file.is_dir() and (file / "saved_model.pb").is_file():
        import tensorflow as tf

        from localizer.predictors.exported_file import read_metadata

        localize = tf.saved_model.load(str(file)).signatures["serving_default"]
        run = functools.partial(_call_signature, localize, tf)
        return run, read_metadata(file)["image_size"], True
    from localizer.export.metadata import open_source_model

    source = open_source_model(file)
    return source.model.predict_on_batch, source.size, True


def _call_signature(localize, tf, images):
    return localize(image=tf.constant(images, tf.float32))["box"].numpy()


def measure_surroundings(_, paths):
    """Milliseconds of each photo for decoding, resizing, and drawing the box."""
    from localizer.images.drawing import draw_boxes
    from localizer.images.photos import read_photo
    from localizer.images.resizing import resample, stretch

    times = {"decode": [], "resize (160, then 128)": [], "draw the box": []}
    for path in paths:
        photo = read_photo(path)
        times["decode"].append(timed(read_photo, path))
        resize = timed(lambda photo=photo: resample(stretch(photo, 160), 128))
        times["resize (160, then 128)"].append(resize)
        times["draw the box"].append(timed(draw_boxes, photo, [0.2, 0.2, 0.8, 0.8]))
    return times


def peak_mebibytes():
    """Peak resident memory of this process."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except OSError:
        import resource

        # Bytes on macOS, which has no /proc.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    run_script(main)
