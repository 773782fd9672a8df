"""Threads of libzmq: a mailbox whose commands are carried out some time later, at a moment that the seed draws."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulation.kernel import Timer

if TYPE_CHECKING:
    from .network import Network

BREAK = 0.1  # the chance that a thread is set aside between two commands


class Thread:
    """A thread of libzmq in a process: it works off its mailbox and the readiness of its descriptors."""

    def __init__(self, network: Network, pid: int) -> None:
        self.network = network
        self.pid = pid
        self.over = False
        self._commands: deque[Callable[[], None]] = deque()
        self._scheduled = False
        self._stalled: Callable[[], bool] | None = None

    def post(self, command: Callable[[], None]) -> None:
        """Has a command carried out later, after those that were posted before it."""
        if self.over:
            return
        self._commands.append(command)
        if not self._scheduled:
            self._scheduled = True
            self.network.busy[self] = None
            self.network.kernel.later(self.network.pace(self.pid), self.turn)

    def later(self, seconds: float, command: Callable[[], None]) -> Timer:
        """Posts a command in `seconds`."""
        return self.network.kernel.later(seconds, lambda: self.post(command))

    def turn(self) -> None:
        """Carries out the commands in the mailbox, perhaps not all of them at once."""
        self._scheduled = False
        self.network.busy.pop(self, None)
        if self._stalled or self.network.is_frozen(self.pid):
            return
        chance = self.network.kernel.random.random
        while self._commands and not self.over and not self._stalled:
            self._commands.popleft()()
            if self._commands and chance() < BREAK:
                break
        self.resume()

    def resume(self) -> None:
        """Goes on where it was set aside, or frozen."""
        if self._commands and not (self._scheduled or self.over or self._stalled):
            self._scheduled = True
            self.network.busy[self] = None
            self.network.kernel.later(self.network.pace(self.pid), self.turn)

    def stall(self, retry: Callable[[], bool]) -> None:
        """Blocks this thread until `retry` returns True; it is asked by `retry`."""
        self._stalled = retry

    def retry(self) -> None:
        """Asks a blocked thread's call again."""
        if self._stalled and self._stalled():
            self._stalled = None
            self.resume()

    def end(self) -> None:
        """Never runs again."""
        self.over = True
        self._commands.clear()
        self.network.busy.pop(self, None)
