"""Locks in a forked child process."""

import os
import subprocess
import sys

import pytest

CHILD = """
import os
from localizer.runtimes.process_wide import fork_safe_lock
lock = fork_safe_lock()
with lock:
    child = os.fork()
    if not child:
        with lock:
            os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_lock_that_was_held_at_the_fork_is_open_in_the_child():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60)
    assert done.stdout == "7\n", done.stderr
