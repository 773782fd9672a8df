"""Threads of libzmq: a mailbox whose commands are carried out some time later, at a moment that the seed draws."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .network import Network

BREAK = 0.1  # the chance that a thread is set aside between two commands


class Thread:
    """The thread of libzmq in a process: it works off its mailbox and the readiness of its descriptors."""

    def __init__(self, network: Network, pid: int) -> None:
        self._network, self._pid = network, pid
        self._over = self._scheduled = False
        self._commands: deque[Callable[[], None]] = deque()

    def post(self, command: Callable[[], None]) -> None:
        """Has a command carried out later, after those that were posted before it."""
        if not self._over:
            self._commands.append(command)
            self.resume()

    def later(self, seconds: float, command: Callable[[], None]) -> None:
        """Posts a command in `seconds`."""
        self._network.kernel.later(seconds, lambda: self.post(command))

    def turn(self) -> None:
        """Carries out the commands in the mailbox, perhaps not all of them at once."""
        self._scheduled = False
        self._network.busy.pop(self, None)
        if self._network.is_frozen(self._pid):
            return
        chance = self._network.kernel.random.random
        while self._commands and not self._over:
            self._commands.popleft()()
            if self._commands and chance() < BREAK:
                break
        self.resume()

    def resume(self) -> None:
        """Goes on where it was set aside, or frozen."""
        if self._commands and not (self._scheduled or self._over):
            self._scheduled = True
            self._network.busy[self] = None
            self._network.kernel.later(self._network.pace(self._pid), self.turn)

    def end(self) -> None:
        """Never runs again."""
        self._over = True
        self._commands.clear()
        self._network.busy.pop(self, None)
