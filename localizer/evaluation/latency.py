"""What a model costs besides its `Cost`: time for a photo, and the sum that names its file."""

import time

import numpy as np

from localizer.predictors.constant import ConstantBox
from localizer.runtimes.one_thread import one_thread

# At least and at most so many photos are timed; between the two, the time decides.
LATENCY_PHOTOS = (30, 200)
LATENCY_SECONDS = 15


def latencies_ms(dataset, rows, predictors):
    """Times in ms for one photo, decoded and in memory, a list per predictor; none for constants.

    The predictors take turns on each photo, so that what slows the machine slows them all. Each is
    given the photo twice and the second answer is timed, so no first-call work counts. OpenCV
    and BLAS are held to one thread here; a predictor's own runtime sees to its threads.
    """
    times = [[] for _ in predictors]
    timed = [i for i, p in enumerate(predictors) if not isinstance(p, ConstantBox)]
    fewest, most = LATENCY_PHOTOS
    order = np.random.default_rng(0).permutation(rows)[: most if timed else 0]
    with one_thread():
        begin = time.perf_counter()
        for count, row in enumerate(order):
            if count >= fewest and time.perf_counter() - begin > LATENCY_SECONDS:
                break
            photo = dataset.read_photo(row)
            for i in timed:
                predictors[i].predict([photo])
                start = time.perf_counter()
                predictors[i].predict([photo])
                times[i].append(1000 * (time.perf_counter() - start))
    return times


def summarize_latency(times):
    """Median, quartiles and number of times in ms; None where nothing was timed."""
    if not times:
        return {"latency_ms": None, "latency_quartiles_ms": None, "latency_photos": 0}
    low, median, high = np.quantile(times, [0.25, 0.5, 0.75])
    quartiles = {"latency_quartiles_ms": [low, high], "latency_photos": len(times)}
    return {"latency_ms": median, **quartiles}
