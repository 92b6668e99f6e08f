"""Source: procedurally drawn scenes, the data set that needs no download."""

import multiprocessing
import os
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from localizer.errors import InputError
from localizer.files.atomic_files import replacing
from localizer.sources.annotated_image import AnnotatedImage
from localizer.sources.choosing import no_object
from localizer.sources.drawn.scene import is_empty_scene, render_background, render_scene

_JPEG_QUALITY = 95
# Scenes per task of a worker: enough to hide what handing it over costs.
_CHUNK = 16


def generate(root, target, count=2000, seed=0, workers=2, empty_share=0.0):
    """Draw scenes, write them as JPEGs below `root`/images, and yield their annotations.

    Scene i depends on (seed, i) alone, so a larger count only adds scenes. Files that exist are
    replaced, and each appears under its name only when it is complete.

    Args:
        root: folder that receives `images/`; made when it is missing.
        target: "head" (with ears) or "body" (the whole animal), the box to annotate. An occluder
            does not shrink a box, the border of the photo does.
        count: number of scenes, from 1 up.
        seed: integer from 0 to 2**64 - 1.
        workers: processes that draw; with 1 or less the calling process draws. Processes are
            spawned, so a script that asks for more guards its main code with `__name__`.
        empty_share: how likely a scene is without an animal, 0 to 1; the others stay as they are.

    Returns:
        Iterator over AnnotatedImage in order of i; it draws a bounded number of scenes ahead.

    Raises:
        InputError: a bad argument (at once), or a folder that cannot be written.
    """
    if target not in ("head", "body"):
        raise InputError(f"synthetic scenes: target {target!r} is unknown; use head or body")
    if count < 1:
        raise InputError(f"synthetic scenes: count {count} is too small; use 1 or more")
    if not 0 <= seed < 2**64:
        raise InputError(f"synthetic scenes: seed {seed} is not between 0 and 2**64 - 1")
    folder = Path(root) / "images"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); choose another") from None
    if workers <= 1:
        return (_write_scene(folder, target, seed, empty_share, index) for index in range(count))
    return _generate_in_processes(folder, target, count, seed, empty_share, workers)


def _generate_in_processes(folder, target, count, seed, empty_share, workers):
    chunks = (range(first, min(first + _CHUNK, count)) for first in range(0, count, _CHUNK))
    executor = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
    )
    try:
        pending = deque()
        # Each result is read before another is asked for, so memory does not grow with count.
        for chunk in chunks:
            pending.append(executor.submit(_write_scenes, folder, target, seed, empty_share, chunk))
            if len(pending) > 2 * workers:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)


def _begin_worker():
    # One process per core already; OpenCV's own threads would only get in their way.
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    # A parent that is killed cannot end its workers, and they would wait for tasks for ever.
    multiprocessing.parent_process().join()
    os._exit(1)


def _write_scenes(folder, target, seed, empty_share, indexes):
    return [_write_scene(folder, target, seed, empty_share, index) for index in indexes]


def _write_scene(folder, target, seed, empty_share, index):
    if is_empty_scene(seed, index, empty_share):
        photo = render_background(seed, index)
        image = _write_photo(folder, f"empty_{index + 1:06d}.jpg", photo)
        return no_object(image, size=photo.shape[1::-1])
    scene = render_scene(seed, index)
    image = _write_photo(folder, f"{scene.category}_{index + 1:06d}.jpg", scene.photo)
    height, width = scene.photo.shape[:2]
    return AnnotatedImage(
        image=image,
        box_rel_xyxy=scene.head_box_rel_xyxy if target == "head" else scene.body_box_rel_xyxy,
        width=width,
        height=height,
        supercategory=scene.supercategory,
        category=scene.category,
    )


def _write_photo(folder, name, photo):
    """Write a JPEG; gives its path below the root."""
    bgr = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    with replacing(folder / name, durable=False) as partial:
        partial.write_bytes(encoded.tobytes())
    return f"images/{name}"
