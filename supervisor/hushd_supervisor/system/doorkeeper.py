"""The door, where the configuration or a service manager asks for one; without one it costs nothing."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import zmq
from hushd_protocol.system.paths import Paths

from hushd_supervisor.core.events import Described, Event, Exited, Visited
from hushd_supervisor.core.settings import Settings

from .process import Launch

if TYPE_CHECKING:
    from .serving.door import Door

TOKEN = "HUSHD_HTTP_TOKEN"
KINDS = {"http": "HTTP", "wyoming": "Wyoming"}
_EXITS_ARE_READABLE = sys.platform == "linux"  # elsewhere SIGCHLD wakes the loop, and the door must look


class Doorkeeper:
    """Opens and closes the door, and stands between it and the loop.

    Args:
        poller: the loop's, which watches the door's one descriptor.
        launch: starts a process.
        record: writes to the supervisor's log (level, text).
        passed: a service manager's sockets, by name.

    Attributes:
        report: returns the answer to `status`, for `/metrics`; the loop's.
    """

    def __init__(
        self,
        poller: zmq.Poller,
        launch: Launch,
        paths: Paths,
        record: Callable[[str, str], None],
        passed: Sequence[tuple[str, int]] = (),
    ) -> None:
        self._poller = poller
        self._launch = launch
        self._paths = paths
        self._record = record
        self._passed = passed
        self._token = os.environ.pop(TOKEN, "")  # not for the workers
        self._door: Door | None = None
        self._needed = False
        self.report: Callable[[], dict[str, Any]] = dict

    def configure(self, settings: Settings) -> None:
        """Listens at the addresses in `settings`, and no longer at others.

        Raises:
            HushdError: `bad_request` for an address that cannot be used; then nothing changes.
        """
        if self._door is None and not (self._passed or settings.http.listen or settings.wyoming.listen):
            return
        from .serving import listeners

        before = self._door.listeners if self._door else ()
        passed = () if self._door else self._passed
        token = self._token or listeners.read_token(settings)
        found = listeners.open_all(settings, token, passed, before)
        if self._door is None:
            from .serving.door import open_door

            self._door = open_door(settings, self._launch, self._paths, self._record, self._figures)
            self._poller.register(self._door.fd, zmq.POLLIN)
        self._door.configure(settings, token, found)
        there = {listener.socket for listener in before}
        for listener in found:
            if listener.socket not in there:
                self._record("info", f"serves {KINDS[listener.address.kind]} at {listener.address.text}")
                if warning := listeners.warning(listener.address, settings):
                    self._record("warning", warning)

    def handle(self, ready: Container[object]) -> None:
        """Serves the door's connections; `ready` are readable descriptors."""
        if self._door and self._door.fd in ready:
            self._door.handle()

    def on_time(self, now: float, describe: Callable[[str, float], Described | None]) -> Iterator[Event]:
        """Does what is due, and yields what the pool should know; `describe` has a role's engines listed."""
        if self._door is None:
            return
        if self._door.deadline() <= now or not _EXITS_ARE_READABLE:
            self._door.on_time()
        for role in self._door.answers.wanted(now):
            if failed := describe(role, now):
                yield failed
        needed = self._door.must_stay
        if self._door.take_used() or needed != self._needed:
            self._needed = needed
            yield Visited(needed)

    def deadline(self) -> float | None:
        """The time at which `on_time` is due; None while nothing is."""
        due = self._door.deadline() if self._door else math.inf
        return None if due == math.inf else due

    def look(self, event: Event, now: float) -> None:
        """Takes from the loop's events what changes the answers to polls."""
        if self._door is None:
            return
        if isinstance(event, Described):
            self._door.answers.described(event, now)
            self._door.described()
        elif isinstance(event, Exited) and event.worker.startswith("models/"):
            self._door.answers.renew()  # a model may have come or gone

    def status(self) -> dict[str, Any]:
        """The part of `hushd status` about the door; empty without one."""
        return self._door.report() if self._door else {}

    def leave(self) -> None:
        """Answers polls until the next supervisor does, and nothing else."""
        if self._door:
            self._door.leave()

    def stop(self) -> None:
        """Ends new connections."""
        if self._door:
            self._door.stop()

    def close(self) -> None:
        """Ends all connections, and the gateway after its last answers."""
        if self._door:
            self._poller.unregister(self._door.fd)
            self._door.close()
            self._door = None

    def _figures(self) -> str:
        from .serving import metrics

        return metrics.text(self.report())
