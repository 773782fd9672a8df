"""Contexts: the threads of libzmq in a process, and the names within it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .errors import ContextTerminated, ZMQError
from .thread import Thread

if TYPE_CHECKING:
    from .core import Core
    from .network import Network
    from .sockets import Socket


class Context:
    """A context of the process that makes it, with its I/O thread and its reaper."""

    network: Network  # set by a subclass that a network makes

    def __init__(self, io_threads: int = 1) -> None:
        self.pid = self.network.kernel.process()
        if not self.network.may_open(self.pid):
            raise ZMQError(errno.EMFILE)
        self.thread = Thread(self.network, self.pid)
        self.reaper = Thread(self.network, self.pid)
        self.endpoints: dict[str, Core] = {}
        self.early: dict[str, list[Callable[[Core], None]]] = {}  # connections of places that nobody has bound
        self.sockets: dict[Core, None] = {}
        self.closed = False
        self.network.contexts.setdefault(self.pid, []).append(self)

    def socket(self, kind: int) -> Socket:
        """Raises ZMQError: EMFILE."""
        if self.closed:
            raise ContextTerminated
        if not self.network.may_open(self.pid):
            raise ZMQError(errno.EMFILE)
        return self.network.socket_class(self, int(kind))

    def term(self) -> None:
        """Waits until all sockets are closed and have sent what they were to send."""
        self.closed = True
        self.network.kernel.wait(lambda: not self.sockets, None, (self,))
        self.thread.end()
        self.reaper.end()

    def destroy(self, linger: int | None = None) -> None:
        """Closes all sockets first."""
        for each in list(self.sockets):
            each.close(linger)
        self.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.destroy()
