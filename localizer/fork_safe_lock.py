"""A lock that a forked child process finds open, whoever held it at the fork."""

import os
import threading
import weakref

_locks = weakref.WeakSet()


class ForkSafeLock:
    """For `with`: one thread at a time.

    A child process has none of its parent's other threads, so a lock that one of them held would
    stay shut in it for ever. There each lock is made anew.
    """

    def __init__(self):
        self._lock = threading.Lock()
        _locks.add(self)

    def __enter__(self):
        self._lock.acquire()

    def __exit__(self, *_):
        self._lock.release()


def _renew():
    for lock in _locks:
        lock._lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    os.register_at_fork(after_in_child=_renew)
