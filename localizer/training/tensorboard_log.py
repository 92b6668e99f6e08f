"""The history of a run for TensorBoard, each row on the disk before the next epoch begins.

tensorboardX's SummaryWriter is not used: it writes in a thread, which a full disk ends, and then
waits for that thread for ever; and what it has not yet written is lost when the process is killed.
"""

import contextlib
import os
import time

from localizer.errors import InputError
from localizer.runtimes.optional_package import optional_package


def refuse_missing_package() -> None:
    """Raise InputError, with what to install, where tensorboardX is not."""
    optional_package("tensorboardX", "tensorboard")


class TensorboardLog:
    """One more file of events in a folder.

    Args:
        folder: is made when it is missing.
        first_step: values of this step and later ones are void: they are of a killed run.

    Raises:
        InputError: the folder cannot be written to, or tensorboardX is not installed.
    """

    def __init__(self, folder, first_step):
        self._folder = folder
        writer = optional_package("tensorboardX.event_file_writer", "tensorboard")
        self._summary = optional_package("tensorboardX.proto.summary_pb2", "tensorboard").Summary
        self._protocol = optional_package("tensorboardX.proto.event_pb2", "tensorboard")
        with self._naming_the_folder():
            folder.mkdir(parents=True, exist_ok=True)
            # Two starts within a second shall not share a file.
            self._events = writer.EventsWriter(str(folder / "events"), f".{os.getpid()}")
            log = self._protocol.SessionLog
            start = self._protocol.Event(step=first_step, session_log=log(status=log.START))
            self._events.write_event(start)

    def add(self, step, values):
        """Write a dict of numbers for one step.

        Raises:
            InputError: the folder cannot be written to.
        """
        value = [
            self._summary.Value(tag=name, simple_value=value) for name, value in values.items()
        ]
        event = self._protocol.Event(
            wall_time=time.time(), step=step, summary=self._summary(value=value)
        )
        with self._naming_the_folder():
            self._events.write_event(event)
            self._events.flush()

    def close(self):
        """Close the file; what could not be written was reported before."""
        with contextlib.suppress(OSError):
            self._events.close()

    @contextlib.contextmanager
    def _naming_the_folder(self):
        try:
            yield
        except OSError as error:
            raise InputError(f"{self._folder}: cannot be written ({error.strerror})") from error
