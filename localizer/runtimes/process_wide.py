"""What all threads of a process share: locks that a fork leaves free, and changes for a while."""

import contextlib
import os
import threading
import weakref

_locks = weakref.WeakSet()
_registry = threading.RLock()
_held = []


def fork_safe_lock():
    """A lock that is free in a process forked while another thread had it.

    A fork waits until it has the lock itself, so that it never cuts the guarded work in two.
    """
    lock = threading.RLock()
    with _registry:
        _locks.add(lock)
    return lock


def _hold_all():
    _registry.acquire()
    _held[:] = _locks
    for lock in _held:
        lock.acquire()


def _free_all():
    for lock in _held:
        lock.release()
    _held.clear()
    _registry.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_all, after_in_parent=_free_all, after_in_child=_free_all)


class SharedChange:
    """A change to the whole process that several threads may want at once.

    The first that wants it makes it, and the last one undoes it, whatever their order: no thread
    takes for the usual state what another one has made.

    Args:
        make: makes the change; gives what undoing it needs, or None where nothing was changed.
        undo: undoes it; given that.
        undo_in_child: undoes it in a process that was forked meanwhile, without the threads that
            would have; None to leave it as it is there.
    """

    def __init__(self, make, undo, undo_in_child=None):
        self._make, self._undo, self._undo_in_child = make, undo, undo_in_child
        self._wanted, self._made = 0, None
        self._lock = fork_safe_lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_child)

    @contextlib.contextmanager
    def __call__(self):
        with self._lock:
            if not self._wanted:
                self._made = self._make()
            self._wanted += 1
        try:
            yield
        finally:
            with self._lock:
                # In a child that was forked in between it is 0 already.
                self._wanted = max(self._wanted - 1, 0)
                if not self._wanted and self._made is not None:
                    made, self._made = self._made, None
                    self._undo(made)

    def _begin_child(self):
        made, self._made, self._wanted = self._made, None, 0
        if made is not None and self._undo_in_child:
            self._undo_in_child(made)
