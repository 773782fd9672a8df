"""Turns signals into bytes in a pipe that the loop polls; their handlers do nothing."""

from __future__ import annotations

import os
import signal
from types import FrameType

LEAVE = (signal.SIGTERM, signal.SIGINT)
FOLDER = signal.SIGIO  # the runtime folder has changed, see `lock.ListeningSocket.watch`
BUSY = signal.SIGPROF  # this process has used some CPU time, in libzmq's thread or ours
BUSY_S = 0.01  # of CPU time: nothing at rest, and within it a flood can bring some 15 MB
RELOAD = signal.SIGHUP  # to a daemon; in a terminal it means that the terminal is gone


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    """Python's own C handler has written the signal's number to the pipe already."""


class Signals:
    """Takes over the supervisor's signals until `close`.

    Args:
        children: whether to take SIGCHLD too, where no pidfd reports an exit.
    """

    def __init__(self, *, children: bool) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        self._before_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {}
        for number in (*LEAVE, RELOAD, FOLDER, BUSY, *([signal.SIGCHLD] if children else [])):
            # A signal that `nohup` or a background shell has made us ignore stays ignored.
            if number in (FOLDER, BUSY, signal.SIGCHLD) or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _nothing)

    def read(self) -> set[int]:
        """The signals since the last call; equal ones count once."""
        try:
            return set(os.read(self.fd, 4096))
        except BlockingIOError:
            return set()

    def watch_cpu(self, wanted: bool) -> None:
        """Raises BUSY for each BUSY_S of CPU time, or no longer; to be ended before Python resets its handlers."""
        signal.setitimer(signal.ITIMER_PROF, *((BUSY_S, BUSY_S) if wanted else (0.0,)))

    def close(self) -> None:
        """Restores the handlers from before."""
        self.watch_cpu(False)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._before_fd)
        os.close(self.fd)
        os.close(self._write)
