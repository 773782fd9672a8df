"""A simulated network of processes that speak ZeroMQ, and the module that stands in for `zmq`."""

from __future__ import annotations

import select
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from zmq import constants

from .context import Context, Thread
from .messages import Again, ContextTerminated, Frame, ZMQError
from .poller import Poller
from .sockets import Socket

if TYPE_CHECKING:
    from simulation.machine import Machine

PREEMPT = 0.1  # the chance that a thread of libzmq comes in between two calls of a program
_READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET


class Watched(Protocol):
    """The owner of a descriptor."""

    pid: int
    descriptor: int
    listening: bool

    def note(self, hung_up: bool, writable: bool) -> None: ...
    def abandon(self) -> None: ...


class Network:
    """All contexts, sockets and connections of a simulated world.

    Attributes, which a world may change at any time:
        pace: the seconds after which a thread of libzmq in a process does what it has to do.
    """

    def __init__(self, kernel: Machine) -> None:
        self.kernel = kernel
        self.contexts: dict[int, list[Context]] = {}
        self.busy: dict[Thread, None] = {}
        self.pace: Callable[[int], float] = self._draw_pace
        self._frozen: set[int] = set()
        self._watched: dict[int, Watched] = {}
        self.epoll = select.epoll()
        self.socket_class = Socket
        kernel.idle(self.look)

    # --- for the world -----------------------------------------------------------------------------------------------

    def died(self, pid: int) -> None:
        """Ends a process's threads and connections at once; what the kernel has of them may still arrive."""
        if self.kernel.random.random() < 0.5:  # its threads may have been quicker than its death
            for context in self.contexts.get(pid, ()):
                context.thread.turn()
        for context in self.contexts.pop(pid, ()):
            context.thread.end()
            context.closed = True
        for part in [part for part in self._watched.values() if part.pid == pid]:
            part.abandon()

    def freeze(self, pid: int) -> None:
        """Stops a process's threads, as SIGSTOP does."""
        self._frozen.add(pid)

    def thaw(self, pid: int) -> None:
        """Lets them go on."""
        self._frozen.discard(pid)
        for context in self.contexts.get(pid, ()):
            context.thread.resume()

    def is_frozen(self, pid: int) -> bool:
        return pid in self._frozen

    def module(self) -> ModuleType:
        """Makes the stand-in for `zmq`."""
        module = ModuleType("zmq")
        for name in constants.__all__:
            setattr(module, name, getattr(constants, name))
        context = type("Context", (Context,), {"network": self, "__class_getitem__": classmethod(lambda cls, _: cls)})
        contents = {
            "Context": context,
            "Socket": Socket,
            "Poller": type("Poller", (Poller,), {"network": self}),
            "Frame": Frame,
            "ZMQError": ZMQError,
            "Again": Again,
            "ContextTerminated": ContextTerminated,
            "__path__": [],
        }
        for name, value in contents.items():
            setattr(module, name, value)
        return module

    # --- for its parts -----------------------------------------------------------------------------------------------

    def preempt(self) -> None:
        """Perhaps lets a thread of libzmq run between two calls of a program."""
        if self.busy and self.kernel.random.random() < PREEMPT:
            self.look()
            self.kernel.random.choice(list(self.busy)).turn()

    def watch(self, watched: Watched) -> None:
        """Has a descriptor's readiness noted: of a connection its changes, of a listening socket that it is ready."""
        self._watched[watched.descriptor] = watched
        self.epoll.register(watched.descriptor, select.EPOLLIN if watched.listening else _READ)

    def watch_writable(self, descriptor: int, wanted: bool) -> None:
        """Has it noted, too, that a connection can be written."""
        self.epoll.modify(descriptor, _READ | (select.EPOLLOUT if wanted else 0))

    def unwatch(self, watched: Watched) -> None:
        """Has nothing noted any more; before the descriptor is closed."""
        del self._watched[watched.descriptor]
        self.epoll.unregister(watched.descriptor)

    def look(self) -> None:
        """Notes what has become ready."""
        ready = sorted(self.epoll.poll(0, 1024))
        if len(ready) > 1:
            self.kernel.random.shuffle(ready)
        for descriptor, events in ready:
            if watched := self._watched.get(descriptor):
                watched.note(bool(events & (select.EPOLLHUP | select.EPOLLERR)), bool(events & select.EPOLLOUT))

    def _draw_pace(self, pid: int) -> float:
        draw = self.kernel.random.random()
        if draw < 0.9:
            return 0.0002 * draw
        return 0.005 * (draw - 0.9) * 10 if draw < 0.99 else 0.1 * (draw - 0.99) * 100
