"""Accepts connections of programs that speak HTTP or Wyoming, answers polls, and hands other requests to the gateway.

It runs in the loop's one thread: one descriptor in the loop's poller stands for all its sockets.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from hushd_protocol.system import uploads
from hushd_protocol.system.handover import Handover
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import HTTP_TOKEN, Settings

from hushd_supervisor.system.process import Launch, open_files

from .connections import MAX_CONNECTIONS, Connection, Connections
from .gateway import Gateway
from .lingering_close import LingeringClose
from .listeners import Listener
from .prepared import Answers, refusal

if TYPE_CHECKING:
    from hushd_schema.status import DoorStatus

PAUSE_S = 1.0  # without accepting, when the system is out of descriptors
LOOK_S = 2.0  # between two looks at the clock while a program has a deadline: a late look shows a standstill of ours
LATE_S = 1.0  # of lateness from which on deadlines are extended
BATCH = 64  # sockets served in one turn


def open_door(
    settings: Settings,
    launch: Launch,
    paths: Paths,
    record: Callable[[str, str], None],
    figures: Callable[[], str],
) -> Door:
    """Returns a door without listeners; `figures` returns the answer to `/metrics`."""
    uploads.sweep()
    selector = selectors.DefaultSelector()
    gateway = Gateway(selector, launch, paths.logs / "gateway.log", record)
    answers = Answers(settings, figures, paths.listed)
    return Door(selector, answers, gateway, record, max_connections=min(MAX_CONNECTIONS, open_files() // 10))


class Door:
    """All listeners, the connections that the gateway does not have, and the gateway.

    Args:
        gateway: the gateway, watched by the same `selector`.
        record: writes to the supervisor's log (level, text).
        max_connections: the maximum of connections.

    Attributes:
        fd: for the loop's poller: readable when `handle` must be called.
        listeners: the sockets at which it listens.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        answers: Answers,
        gateway: Gateway,
        record: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.listeners: list[Listener] = []
        self.answers = answers
        self.fd: int = selector.fileno()  # type: ignore[attr-defined]  # epoll's or kqueue's
        self._selector = selector
        self._gateway = gateway
        self._record = record
        self._clock = clock
        self._lingering = LingeringClose(selector, max_connections // 2)
        self._connections = Connections(
            selector, answers, self._hand_over, self._lingering, gateway.__len__, max_connections
        )
        self._accept_again = self._look = math.inf
        self._turn = 0
        self._used = 0  # polls and handovers at the last look
        self._handovers = self._refusals = 0
        self._leaving = False

    def handle(self) -> None:
        """Serves the connections that are ready, within the bounds of one turn."""
        now = self._clock()
        events = self._selector.select(0)
        start = self._turn % max(1, len(events))  # so that no socket is always first
        self._turn += 1
        for key, mask in (*events[start:], *events[:start])[:BATCH]:
            if isinstance(key.data, Connection):
                self._connections.serve(key.data, mask, now)
            elif isinstance(key.data, Listener):
                self._accept(key.data, now)
            elif isinstance(key.data, LingeringClose):
                self._lingering.read(key.fileobj)  # type: ignore[arg-type]
            elif mask & selectors.EVENT_WRITE:
                self._gateway.flush()
        self._see_to_gateway(now)
        self._look = min(self._look, self._next_look(now))

    def on_time(self) -> None:
        """Acts on expired deadlines; to be called after `deadline`."""
        now = self._clock()
        if (late := now - self._look) > LATE_S:
            self._connections.excuse(late)
            self._gateway.excuse(late)
        if self._look <= now:
            self._look = self._next_look(now)
        self._connections.on_time(now, BATCH)
        self._lingering.on_time(now)
        if self._accept_again <= now:
            self._accept_again = math.inf
            self._watch_listeners()
        self._gateway.on_time(now)
        self._see_to_gateway(now)

    def deadline(self) -> float:
        """The time at which `on_time` is due, by the loop's clock; infinite for never."""
        return min(
            self._connections.deadline(),
            self._lingering.deadline(),
            self._accept_again,
            self._gateway.deadline(),
            self._look,
        )

    def _next_look(self, now: float) -> float:
        return now + LOOK_S if self._connections.awaits or self._gateway.awaits else math.inf

    def described(self) -> None:
        """Answers the polls that have waited for the list of engines."""
        self._connections.described(self._clock())

    def take_used(self) -> bool:
        """Returns whether a program has used the door since the last call."""
        used, self._used = self._used, self._connections.polls + self._handovers
        return used != self._used

    @property
    def must_stay(self) -> bool:
        """True if the supervisor must stay: its own sockets listen, or its gateway runs."""
        return self._gateway.pid is not None or any(not listener.lasting for listener in self.listeners)

    def configure(self, settings: Settings, token: str, listeners: Iterable[Listener]) -> None:
        """Applies new settings, and listens with `listeners` from now on."""
        self.answers.configure(settings)
        self._gateway.secrets = {HTTP_TOKEN: token} if token else {}
        self._replace(listeners)

    def _replace(self, listeners: Iterable[Listener]) -> None:
        """Uses `listeners`, and closes the old ones that are not among them."""
        old_listeners, self.listeners = self.listeners, list(listeners)
        sockets = [listener.socket for listener in self.listeners]
        for listener in old_listeners:
            self._forget(listener)
            if listener.socket not in sockets:
                listener.close()
        self._watch_listeners()

    def status(self) -> DoorStatus:
        """Returns the door's part of `hushd status`, without the gateway's memory."""
        from hushd_schema.status import DoorStatus, GatewayStatus, ListenerStatus  # loaded on first use

        return DoorStatus(
            listeners=tuple(
                ListenerStatus(kind=listener.address.kind, address=listener.address.text, service=listener.lasting)
                for listener in self.listeners
            ),
            connections=len(self._connections) + len(self._gateway),
            polls=self._connections.polls,
            handovers=self._handovers,
            refusals=self._connections.refusals + self._refusals,
            gateway=GatewayStatus(pid=self._gateway.pid, starts=self._gateway.starts, rss_mb=None),
        )

    def leave(self) -> None:
        """Stops handovers, since the gateway ends with this process: further requests are refused, to be repeated."""
        self._leaving = True

    def stop(self) -> None:
        """Closes our listeners and idle connections; a service manager's sockets stay for the next supervisor."""
        self._replace([listener for listener in self.listeners if listener.lasting])
        for listener in self.listeners:
            self._forget(listener)
        self._accept_again = math.inf
        self._connections.stop()

    def finish(self, now: float) -> bool:
        """Asks the gateway to leave; returns whether it has left, or has had its time for the last answers."""
        over = self._gateway.leave(now)
        self._see_to_gateway(now)
        return over

    def close(self) -> None:
        """Closes every connection and ends the gateway."""
        self.stop()
        self._connections.close()
        self._lingering.close()
        self._gateway.close()
        self.answers.close()
        self._selector.close()

    # --- connections -------------------------------------------------------------------------------------------------

    def _accept(self, listener: Listener, now: float) -> None:
        try:
            connection, address = listener.socket.accept()
        except BlockingIOError:
            return
        except OSError as error:
            self._record("warning", f"the door cannot accept connections ({error.strerror}): pausing")
            self._accept_again = now + PAUSE_S
            for paused in self.listeners:
                self._forget(paused)
            return
        connection.setblocking(False)
        self._connections.add(connection, address[0] if isinstance(address, tuple) else "", listener, now)

    def _hand_over(self, connection: socket.socket, form: Handover, now: float) -> None:
        if self._leaving:
            self._refuse(connection, form, 1, now)
            return
        self._handovers += 1
        self._gateway.give(connection, form, now)

    def _see_to_gateway(self, now: float) -> None:
        """Handles the gateway's exit, and refuses the connections that it will not serve."""
        self._gateway.exited(now)
        for connection, form in self._gateway.refused(now):
            self._refuse(connection, form, max(1, math.ceil(self._gateway.closed_for(now))), now)

    def _refuse(self, connection: socket.socket, form: Handover, retry_after: int, now: float) -> None:
        self._refusals += 1
        if form.kind == "http":
            self._lingering.add(connection, refusal(503, retry_after), now)
        else:
            connection.close()

    # --- listeners ---------------------------------------------------------------------------------------------------

    def _watch_listeners(self) -> None:
        for listener in self.listeners:
            if listener.socket not in self._selector.get_map():
                self._selector.register(listener.socket, selectors.EVENT_READ, listener)

    def _forget(self, listener: Listener) -> None:
        if listener.socket in self._selector.get_map():
            self._selector.unregister(listener.socket)
