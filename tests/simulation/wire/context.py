"""Contexts: the sockets of a process, and the thread of libzmq that serves them.

Such a thread is a mailbox whose commands are carried out some time later, at a moment that the seed draws.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from .messages import ContextTerminated

if TYPE_CHECKING:
    from .network import Network
    from .sockets import Socket

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


class Context:
    """A context of the process that makes it.

    Attributes:
        sockets: those that are open, or have something left to send.
        monitors: the sockets whose events are told, by the place where they are.
    """

    network: Network  # set by a subclass that a network makes

    def __init__(self, io_threads: int = 1) -> None:
        self.pid = self.network.kernel.process()
        self.thread = Thread(self.network, self.pid)
        self.monitors: dict[str, Socket] = {}
        self.sockets: dict[Socket, None] = {}
        self.closed = False
        self.network.contexts.setdefault(self.pid, []).append(self)

    def socket(self, kind: int) -> Socket:
        """Raises ContextTerminated after the end."""
        if self.closed:
            raise ContextTerminated
        return self.network.socket_class(self, int(kind))

    def term(self) -> None:
        """Waits until all sockets are closed and have sent what they were to send."""
        self.closed = True
        self.network.kernel.wait(lambda: not self.sockets, None, (self,))
        self.thread.end()
