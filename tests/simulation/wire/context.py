"""Contexts: the I/O thread of libzmq in a process, and the sockets that it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import ContextTerminated
from .thread import Thread

if TYPE_CHECKING:
    from .network import Network
    from .sockets import Socket


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
