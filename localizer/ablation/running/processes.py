"""Child processes that write into a log and do not outlive the one that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
_SECONDS_TO_END = 10
_LOG_LINES = 15
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def child_environment(threads=None):
    """Environment variables for a child.

    Args:
        threads: how many threads it may compute with; None = as many as it likes.
    """
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    # A log needs no progress bar ten times a second.
    environment = {**os.environ, "PYTHONPATH": path, "TQDM_MININTERVAL": "20"}
    if threads:
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
            environment[name] = str(threads)
        # Several processes on one GPU: none may take all of its memory.
        environment["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    return environment


class CommandSequence:
    """Commands that run one after the other in the background, while each succeeds.

    Args:
        commands: list of lists of words.
        log: file that their output is added to.
        environment: of the children.
        folder: that they are started in; None = this process's.
    """

    def __init__(self, commands, log, environment, folder=None):
        self._commands = list(commands)
        self._log = Path(log)
        self._options = {"env": environment, "cwd": folder}
        if os.name == "posix":
            # A session of its own: Ctrl-C in the terminal is for the parent, which then stops it.
            self._options["start_new_session"] = True
        if _libc:
            self._options["preexec_fn"] = _die_with_parent
        self._process = None
        self._log.parent.mkdir(parents=True, exist_ok=True)

    def poll(self):
        """Start what is next; None while something runs, then the last exit code."""
        code = self._process.poll() if self._process else 0
        if code == 0 and self._commands:
            self._start(self._commands.pop(0))
            return None
        return code

    def stop(self):
        """End what runs now, politely at first."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self, command):
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self._options,
            )


def _die_with_parent():
    # Where the parent is killed, a child that goes on would write beside the one started next.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def log_end(log):
    """The last lines of a log, of a progress bar only what it showed last."""
    try:
        # As bytes: reading text would make lines of a progress bar's returns.
        text = Path(log).read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        return f"(no log: {error})"
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.rstrip().split("\n")]
    return "\n".join([line for line in lines if line][-_LOG_LINES:])
