"""A socket within libzmq: its mailbox, pipes, parts and monitor, and how it ends."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import zmq

from .options import Options
from .patterns import Dealer, Pair, Pattern, Router, Unsendable
from .pipe import Pipe
from .session import Owned, Session

if TYPE_CHECKING:
    from .context import Context

KINDS = {int(zmq.ROUTER): "ROUTER", int(zmq.DEALER): "DEALER", int(zmq.PAIR): "PAIR"}


class Core:
    """The part of a socket that programs do not see.

    Attributes:
        introduced: whether peers begin with their routing id.
        on_command: is called instead of the owner's thread when a command comes; None for none.
    """

    def __init__(self, context: Context, kind: int) -> None:
        self.context = context
        self.kind = KINDS[kind]
        self.number = kind
        self.options = Options()
        self.closed = False
        self.on_command: Callable[[], None] | None = None
        self._network = context.network
        self._pattern = self._make(kind)
        self.introduced = self._pattern.introduced
        self._mailbox: deque[Callable[[], None]] = deque()
        self._pipes: dict[Pipe, None] = {}
        self._children: dict[Owned, None] = {}
        self._endpoints: dict[str, Owned] = {}
        self._acks = 0  # of parts that were asked to leave
        self._terminating = False
        self._monitor: Core | None = None
        self._mask = 0  # of the events that it is told
        context.sockets[self] = None

    def _make(self, kind: int) -> Pattern:
        if kind == zmq.ROUTER:
            return Router(self._network.first_number(), lambda: bool(self.options.mandatory), self._abort)
        return Dealer() if kind == zmq.DEALER else Pair()

    def _abort(self, reason: str) -> None:
        self._network.abort(self.context.pid, reason)

    # --- the mailbox -------------------------------------------------------------------------------------------------

    def post(self, command: Callable[[], None]) -> None:
        """Takes a command of another thread, which is carried out at the owner's next call."""
        self._mailbox.append(command)
        if self.closed:
            self.context.reaper.post(self._work)
        elif self.on_command:
            self.on_command()
        else:
            self._network.kernel.wake(self)

    def _work(self) -> None:
        while self._mailbox:
            self._mailbox.popleft()()

    # --- pipes and children ------------------------------------------------------------------------------------------

    def attach(self, pipe: Pipe) -> None:
        """Takes a pipe."""
        pipe.sink = self
        self._pipes[pipe] = None
        self._pattern.attach(pipe)
        if self._terminating:
            self._acks += 1
            pipe.terminate(False)

    def read_activated(self, pipe: Pipe) -> None:
        self._pattern.read_activated(pipe)

    def write_activated(self, pipe: Pipe) -> None:
        self._pattern.write_activated(pipe)

    def terminated(self, pipe: Pipe) -> None:
        self._pattern.terminated(pipe)
        del self._pipes[pipe]
        if self._terminating:
            self._acknowledged()

    def drop(self, session: Session) -> None:
        """Gives up the place of a session, with all that was not read."""
        for endpoint, child in list(self._endpoints.items()):
            if child is session:
                self._drop(endpoint)

    def _drop(self, endpoint: str) -> None:
        child = self._endpoints.pop(endpoint)
        if isinstance(child, Session) and child.pipe:
            child.pipe.peer.terminate(False)
        self.let_go(child)

    def let_go(self, child: Owned) -> None:
        """Asks a child to leave."""
        if child in self._children:
            del self._children[child]
            self._acks += 1
            linger = self.options.linger
            self.context.thread.post(lambda: child.end(linger))

    def released(self, child: Owned) -> None:
        """Notes that a child has left."""
        self._acknowledged()

    def _acknowledged(self) -> None:
        self._acks -= 1
        self._settle()

    # --- the end -----------------------------------------------------------------------------------------------------

    def close(self, linger: int | None = None) -> None:
        """Closes it; messages sent are delivered within `linger` milliseconds, by the context's own threads."""
        if self.closed:
            return
        if linger is not None:
            self.options.linger = linger
        self.closed = True
        self.context.reaper.post(self._reap)

    def _reap(self) -> None:
        self._work()
        self._terminating = True
        for name, bound in list(self.context.endpoints.items()):
            if bound is self:
                del self.context.endpoints[name]
        for pipe in list(self._pipes):
            pipe.terminate(False)
        self._acks += len(self._pipes)
        for child in list(self._children):
            self.let_go(child)
        self._settle()

    def _settle(self) -> None:
        if self._terminating and self._acks == 0 and self in self.context.sockets:
            self._stop_monitor()
            del self.context.sockets[self]
            self._network.kernel.wake(self.context)

    # --- the monitor -------------------------------------------------------------------------------------------------

    def _stop_monitor(self) -> None:
        monitor, self._monitor, mask = self._monitor, self._monitor, self._mask
        if monitor is None:
            return
        if mask & zmq.EVENT_MONITOR_STOPPED:
            self.event("MONITOR_STOPPED", 0, "")
        self._monitor, self._mask = None, 0
        monitor.on_command = None
        monitor.close()

    def event(self, name: str, value: int, endpoint: str) -> None:
        """Tells the monitor of an event; blocks the I/O thread while it has no room."""
        number = int(zmq.Event[name])
        monitor = self._monitor
        if monitor is None or not self._mask & number:
            return
        frames = [struct.pack("=HI", number, value & 0xFFFFFFFF), endpoint.encode()]

        def tell() -> bool:
            monitor._work()
            if monitor is not self._monitor:
                return True
            try:
                monitor._pattern.send(None, frames)
            except Unsendable:
                return False
            return True

        if not tell():
            self.context.thread.stall(tell)
