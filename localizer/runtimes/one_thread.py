"""One thread for what would otherwise take them all."""

import cv2
from threadpoolctl import threadpool_limits

from localizer.runtimes.process_wide import SharedChange


def _limit():
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    return threads, threadpool_limits(1)


def _restore(made):
    threads, limits = made
    limits.restore_original_limits()
    cv2.setNumThreads(threads)


# `with one_thread():` holds OpenCV, BLAS and OpenMP to one thread while the block runs, and in a
# process that is forked in it for good: OpenCV cannot join threads that are not there.
one_thread = SharedChange(_limit, _restore)
