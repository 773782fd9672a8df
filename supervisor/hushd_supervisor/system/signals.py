"""Turns signals into bytes in a pipe that the loop polls; their handlers do nothing."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from types import FrameType

import zmq

from hushd_supervisor.core.events import Event

from .source import Source

Hear = Callable[[float], Iterable[Event]]

LEAVE = (signal.SIGTERM, signal.SIGINT)
FOLDER = signal.SIGIO  # the runtime folder has changed, see `lock.ListeningSocket.watch`
BUSY = signal.SIGPROF  # this process has used some CPU time, in libzmq's thread or ours
BUSY_S = 0.01  # of CPU time: nothing at rest, and within it a flood can bring some 15 MB
RELOAD = signal.SIGHUP  # to a daemon; in a terminal it means that the terminal is gone


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    """Python's own C handler has written the signal's number to the pipe already."""


class Signals(Source):
    """Takes over the supervisor's signals until `restore`.

    Args:
        children: whether to take SIGCHLD too, where no pidfd reports an exit.
    """

    def __init__(self, *, children: bool) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        self._before_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {}
        self._heard: list[tuple[int, Hear]] = []
        for number in (*LEAVE, RELOAD, FOLDER, BUSY, *([signal.SIGCHLD] if children else [])):
            # A signal that `nohup` or a background shell has made us ignore stays ignored.
            if number in (FOLDER, BUSY, signal.SIGCHLD) or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _nothing)

    def on(self, number: int, hear: Hear) -> None:
        """Has `hear` called with the time after a signal; what it returns is for the pool. Who comes first is first."""
        self._heard.append((number, hear))

    def register(self, poller: zmq.Poller) -> None:
        poller.register(self.fd, zmq.POLLIN)
        self.watch_cpu(sys.platform == "linux")

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        if self.fd in ready:
            numbers = self.read()
            for number, hear in self._heard:
                if number in numbers:
                    yield from hear(now)

    def read(self) -> set[int]:
        """The signals since the last call; equal ones count once."""
        try:
            return set(os.read(self.fd, 4096))
        except BlockingIOError:
            return set()

    def watch_cpu(self, on: bool) -> None:
        """Raises BUSY for each BUSY_S of CPU time, or no longer; to be ended before Python resets its handlers."""
        signal.setitimer(signal.ITIMER_PROF, *((BUSY_S, BUSY_S) if on else (0.0,)))

    def ignore(self) -> None:
        """Ignores what may come at any moment, for the rest of this process.

        Python ends with the signals' default actions, and that of SIGIO is the death of a process that is almost gone.
        """
        self.watch_cpu(False)
        for number in (FOLDER, BUSY):
            signal.signal(number, signal.SIG_IGN)

    def restore(self) -> None:
        """Restores the handlers from before."""
        self.watch_cpu(False)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._before_fd)
        os.close(self.fd)
        os.close(self._write)
