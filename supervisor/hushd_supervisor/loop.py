"""The one thread of the supervisor: tells the pool what happened, and does what it says.

A turn takes, in this order: signals, messages of workers, exits, messages of clients, and what is due. Whoever
floods one socket waits for all others after 64 messages. With nothing due the loop sleeps without a timeout.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Result

from . import status
from .actions import Action, Describe, Kill, Leave, Log, Remember, ReportStatus, Spawn, ToClient, ToWorker
from .catalogue import Catalogue
from .clients import Clients
from .events import Event, FromClient, Shutdown
from .lock import Listener
from .needs import Needs
from .room import Standing
from .signals import LEAVE, Signals
from .triggers import Triggers
from .workers import Workers

BATCH = 64
LINGER_MS = 1000  # at the end, so that the last answers arrive


class Mind(Protocol):
    """What decides: `pool.Pool`, or a script in its place."""

    def handle(self, event: Event, now: float) -> list[Action]: ...
    def on_time(self, now: float) -> list[Action]: ...
    def deadline(self) -> float | None: ...
    def rows(self, now: float) -> list[dict[str, Any]]: ...
    def standing(self, now: float) -> Standing: ...


class Loop:
    """Runs until the pool says `Leave`.

    Args:
        poller: the one that `workers` and `catalogue` watch their children with.
        triggers: tell of memory pressure; listened to while a worker lives.
        needs: keeps what workers need.
        listener: the clients' socket in the file system; once it is another's, the supervisor leaves.
        record: writes to the supervisor's log (level, text).
        clock: monotonic seconds.
    """

    def __init__(
        self,
        pool: Mind,
        poller: zmq.Poller,
        clients: Clients,
        workers: Workers,
        catalogue: Catalogue,
        signals: Signals,
        triggers: Triggers,
        needs: Needs,
        listener: Listener,
        record: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._clients = clients
        self._workers = workers
        self._catalogue = catalogue
        self._signals = signals
        self._triggers = triggers
        self._needs = needs
        self._listener = listener
        self._record = record
        self._clock = clock
        self._started = clock()
        self._leaving = False  # no new client is let in
        self._suspicious = False  # a timer or a spawn: time for a look at our socket
        self._done = False
        self._poller = poller
        for source in (clients.socket, clients.monitor, workers.socket, signals.fd):
            poller.register(source, zmq.POLLIN)

    def run(self) -> None:
        """Returns when everything is done; then the caller closes the sockets."""
        while not self._done:
            now = self._clock()
            due = self._pool.deadline()
            if due is not None and due <= now:
                self._suspicious = True
                self._act(self._pool.on_time(now))
                due = self._pool.deadline()
            if self._suspicious:
                self._check_socket()
                continue
            ready = dict(self._poller.poll(self._timeout_ms(due, now)))
            if self._signals.fd in ready and not self._signals.read().isdisjoint(LEAVE):
                self._record("info", "told to leave by a signal")
                self._handle(Shutdown())
            for pressure in self._triggers.fired(ready):
                self._handle(pressure)
            if self._workers.socket in ready:
                for event in self._workers.receive(BATCH):
                    self._handle(event)
            for exited in self._workers.exits(ready, self._clock()):
                self._record("debug", f"{exited.worker} ended with status {exited.status}")
                self._handle(exited)
                self._triggers.watch(bool(self._workers.pids()))
            for described in self._catalogue.answers(ready, self._clock()):
                self._handle(described)
            if self._clients.monitor in ready:
                for gone in self._clients.departures():
                    self._handle(gone)
            if self._clients.socket in ready:
                for heard in self._clients.receive(BATCH):
                    self._handle(heard)

    def close(self) -> None:
        """Says no to whoever is still in the queue, and lets the last answers out."""
        self._stop_accepting()
        self._clients.refuse(HushdError("shutting_down", "hushd is shutting down; ask again in a moment."))
        self._catalogue.close()
        self._clients.close(LINGER_MS)
        self._workers.close(LINGER_MS)

    def _timeout_ms(self, due: float | None, now: float) -> int | None:
        deadlines = [d for d in (due, self._workers.deadline(), self._catalogue.deadline()) if d is not None]
        if not deadlines:
            return None
        # Rounded up, or the loop would spin through the last millisecond. A day is as good as ever.
        return math.ceil(min(86400.0, max(0.0, min(deadlines) - now)) * 1000)

    # --- events and actions ------------------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        if isinstance(event, Shutdown) or (
            isinstance(event, FromClient) and isinstance(event.message, Control) and event.message.action == "shutdown"
        ):
            self._stop_accepting()
        self._act(self._pool.handle(event, self._clock()))

    def _act(self, actions: list[Action]) -> None:
        """Does `actions` in order; what failed is told to the pool after all of them, and so on."""
        failures: deque[Event] = deque()
        while True:
            for action in actions:
                if failure := self._do(action):
                    failures.append(failure)
            if not failures:
                return
            actions = self._pool.handle(failures.popleft(), self._clock())

    def _do(self, action: Action) -> Event | None:
        match action:
            case ToClient(route, message):
                return self._clients.send(route, message)
            case ToWorker(worker, gen, message):
                return self._workers.send(worker, gen, message)
            case Spawn(worker, gen):
                self._suspicious = True
                self._triggers.watch(True)
                return self._workers.spawn(worker, gen)
            case Kill(worker, gen):
                self._workers.kill(worker, gen)
            case ReportStatus(route, request):
                now = self._clock()
                rows, standing = self._pool.rows(now), self._pool.standing(now)
                data = status.report(rows, standing, self._workers.pids(), now - self._started)
                return self._clients.send(route, Result(id=request, data=data))
            case Describe(role):
                return self._catalogue.ask(role, self._clock())
            case Remember(needs):
                self._needs.save(needs)
            case Log(level, text):
                self._record(level, text)
            case Leave():
                self._stop_accepting()
                self._done = True
        return None

    def _stop_accepting(self) -> None:
        """New clients find no supervisor from now on, and start the next one, which waits for our lock."""
        self._leaving = True
        self._listener.remove()

    def _check_socket(self) -> None:
        """Leaves when the runtime folder was removed, at logout for example: no new client can come any more."""
        self._suspicious = False
        if not self._leaving and not self._listener.is_ours():
            self._record("warning", f"{self._listener.path} is no longer this supervisor's: leaving")
            self._handle(Shutdown())
