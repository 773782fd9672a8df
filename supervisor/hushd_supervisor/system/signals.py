"""Turns signals into bytes in a pipe that the loop polls; the handlers do nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Container, Iterable, Iterator
from types import FrameType

import zmq

from hushd_supervisor.core.events import Event

from .source import Source

Hear = Callable[[float], Iterable[Event]]

LEAVE = (signal.SIGTERM, signal.SIGINT)
FOLDER = signal.SIGIO  # the runtime folder has changed, see `lock.ListeningSocket.watch`
RELOAD = signal.SIGHUP  # signal for a daemon; in a terminal it means that the terminal is gone


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    """Does nothing: Python's C handler has already written the signal's number to the pipe."""


class Signals(Source):
    """Takes over the supervisor's signals until `restore`. SIGCHLD tells of orphans, which have no pidfd here; where no
    child has one, of all."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        self._old_wakeup_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._old_handlers = {}
        self._heard: list[tuple[int, Hear]] = []
        for number in (*LEAVE, RELOAD, FOLDER, signal.SIGCHLD):
            # A signal that `nohup` or a background shell has made us ignore stays ignored.
            if number in (FOLDER, signal.SIGCHLD) or signal.getsignal(number) is not signal.SIG_IGN:
                self._old_handlers[number] = signal.signal(number, _nothing)

    def on(self, number: int, hear: Hear) -> None:
        """Calls `hear` with the time after a signal, in the order of registration; it returns events for the pool."""
        self._heard.append((number, hear))

    def register(self, poller: zmq.Poller) -> None:
        poller.register(self.fd, zmq.POLLIN)

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        if self.fd in ready:
            numbers = self.read()
            for number, hear in self._heard:
                if number in numbers:
                    yield from hear(now)

    def read(self) -> set[int]:
        """Returns the signals since the last call, each once."""
        try:
            return set(os.read(self.fd, 4096))
        except BlockingIOError:
            return set()

    def ignore(self) -> None:
        """Ignores FOLDER from now on, and drops one that no thread has taken yet.
        At its end Python restores the default actions, and SIGIO's would kill a process that is about to exit."""
        signal.signal(FOLDER, signal.SIG_IGN)

    def restore(self) -> None:
        self.ignore()  # a busy machine may let one wait for its thread longer than the handler lasts
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wakeup_fd)
        os.close(self.fd)
        os.close(self._write)
