"""Waits for sockets and descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zmq

from .sockets import Socket

if TYPE_CHECKING:
    from .network import Network


class Poller:
    network: Network

    def __init__(self) -> None:
        self._flags: dict[object, int] = {}

    def register(self, source: object, flags: int = int(zmq.POLLIN | zmq.POLLOUT)) -> None:
        """Watches a socket, or a descriptor; not, where `flags` is 0."""
        key = source if isinstance(source, Socket | int) else source.fileno()  # type: ignore[attr-defined]
        if flags:
            self._flags[key] = int(flags)
        else:
            self._flags.pop(key, None)

    modify = register

    def unregister(self, source: object) -> None:
        """Raises KeyError for one that is not watched."""
        del self._flags[source if isinstance(source, Socket | int) else source.fileno()]  # type: ignore[attr-defined]

    def poll(self, timeout: float | None = None) -> list[tuple[object, int]]:
        """Returns what can be read or written, within `timeout` milliseconds."""
        network = self.network
        network.preempt()
        events = self._look()
        if events or timeout == 0:
            return events
        seconds = None if timeout is None or timeout < 0 else int(timeout) / 1000

        def ready() -> bool:
            nonlocal events
            events = self._look()
            return bool(events)

        network.kernel.wait(ready, seconds, tuple(self._flags))
        return events

    def _look(self) -> list[tuple[object, int]]:
        events: list[tuple[object, int]] = []
        readable = self.network.kernel.readable
        for source, flags in self._flags.items():
            if isinstance(source, Socket):
                happened = (zmq.POLLIN if source.readable() else 0) if flags == zmq.POLLIN else source.ready() & flags
            else:
                happened = flags if readable(source) else 0  # type: ignore[arg-type]
            if happened:
                events.append((source, int(happened)))
        return events
