"""The supervisor's own log, on standard error, with a line when a request ends.

It does without `logging`, which takes too much memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol.limits import BOUNDS_S
from hushd_protocol.messages import Error, Hello, Job, Message, Request, Result
from hushd_protocol.names import ROLES
from hushd_protocol.system.log_files import line, rotate, short_id
from hushd_schema.settings import Settings
from hushd_schema.settings.tables import LOG_LEVELS
from hushd_schema.status import RequestsStatus

from hushd_supervisor.core.actions import Action, ToClient, ToWorker
from hushd_supervisor.core.events import ClientGone, Event, FromClient

if TYPE_CHECKING:
    from .loop import Core

MAX_RECORD = 8192  # characters: twice a tail
MAX_CLIENT_NAME_CHARACTERS = 80  # characters of a name that a client has chosen
_FAULTLESS = ("done", "cancelled", "other_language")  # the last sends a client to the voice of that language


class Log:
    """Writes lines of the settings' level and above to file descriptor 2.
    `path`: the file behind descriptor 2, if it is one; it is moved to `path`.1 when it exceeds 1 MB."""

    def __init__(self, settings: Settings, path: Path | None = None) -> None:
        self.configure(settings)
        self._path = path

    def configure(self, settings: Settings) -> None:
        self._min_level = LOG_LEVELS.index(settings.log_level)

    def write(self, level: str, text: str, request: str = "") -> None:
        """Writes a record; further lines of `text` are indented, so that no text can pass for another record."""
        if LOG_LEVELS.index(level.lower()) < self._min_level:
            return
        record = line(text[:MAX_RECORD], request=request, level=level)
        try:
            os.write(2, record.encode(errors="replace"))
        except OSError:
            pass  # a full disk or a closed terminal must not stop the supervisor
        if self._path:
            rotate(self._path)


@dataclass(slots=True)
class _Open:
    """A request that has not ended."""

    op: str
    worker: str
    client: str
    arrived: float
    started: float | None = None


class Ended:
    """Counts the requests that have ended, by role: others than hushd's, which a client made up, are none's."""

    def __init__(self) -> None:
        self._outcomes: dict[str, dict[str, int]] = {}
        self._times: dict[str, list[float]] = {}  # their sum, and how many took no longer than each bound

    def add(self, worker: str, outcome: str, seconds: float) -> None:
        """Counts a request to a worker."""
        role = worker.partition("/")[0]
        if role not in ROLES:
            return
        outcomes = self._outcomes.setdefault(role, {})
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        times = self._times.setdefault(role, [0.0] * (1 + len(BOUNDS_S)))
        times[0] += seconds
        for place, bound in enumerate(BOUNDS_S, 1):
            times[place] += seconds <= bound

    def status(self) -> tuple[RequestsStatus, ...]:
        """Returns their part of the answer to `status`."""
        return tuple(
            RequestsStatus(role=role, outcomes=dict(outcomes), total_s=round(total, 3), within=tuple(map(int, within)))
            for role, outcomes in self._outcomes.items()
            for total, *within in (self._times[role],)
        )


class Logged:
    """A pool whose clients' requests are logged, with their answers, but no words spoken or heard.
    `record`: writes a line: level, text, and the request's short id."""

    def __init__(self, pool: Core, record: Callable[..., None]) -> None:
        self._pool = pool
        self._record = record
        self._clients: dict[bytes, str] = {}
        self.ended = Ended()
        self._open: dict[tuple[bytes, bytes], _Open] = {}
        self._by_id: dict[bytes, _Open] = {}
        self.deadline = pool.deadline

    def handle(self, event: Event, now: float) -> list[Action]:
        self._observe(event, now)
        return self._seen(self._pool.handle(event, now), now)

    def on_time(self, now: float) -> list[Action]:
        return self._seen(self._pool.on_time(now), now)

    def _observe(self, event: Event, now: float) -> None:
        """Receives an event before the pool does."""
        match event:
            case FromClient(route, Hello() as hello):
                name = hello.program or hello.holder or f"pid {hello.pid}"
                self._clients[route] = name[:MAX_CLIENT_NAME_CHARACTERS]
            case FromClient(route, Request() as request):
                self._arrived(route, request, now)
            case ClientGone(route):
                self._clients.pop(route, None)
                for key in [key for key in self._open if key[0] == route]:
                    self._ended(key, "cancelled", now, "its client has left")

    def _seen(self, actions: list[Action], now: float) -> list[Action]:
        for action in actions:
            if isinstance(action, ToClient):
                self._sent(action.route, action.message, now)
            elif (
                isinstance(action, ToWorker)
                and isinstance(action.message, Job)
                and (request := self._by_id.get(action.message.id))
            ):
                request.started = now
        return actions

    def _sent(self, route: bytes, message: Message, now: float) -> None:
        """Receives a message to a client."""
        match message:
            case Result(id=name):
                self._ended((route, name), "done", now)
            case Error(id=name, code=code):
                # The sentence of any other error is an engine's, and may quote speech.
                self._ended((route, name), code, now, message.message if code == "cancelled" else "")

    def _arrived(self, route: bytes, request: Request, now: float) -> None:
        if (route, request.id) in self._open:
            return  # a second request with this id, which will be refused
        client = request.program[:MAX_CLIENT_NAME_CHARACTERS] or self._clients.get(route, "a stranger")
        opened = _Open(
            request.op[:MAX_CLIENT_NAME_CHARACTERS], request.worker[:MAX_CLIENT_NAME_CHARACTERS], client, now
        )
        self._open[route, request.id] = self._by_id[request.id] = opened
        self._record("debug", f"{opened.op} on {opened.worker} for {client} has come", short_id(request.id))

    def _ended(self, key: tuple[bytes, bytes], outcome: str, now: float, why: str = "") -> None:
        request = self._open.pop(key, None)
        if request is None:
            return
        self._by_id.pop(key[1], None)
        took = now - request.arrived
        self.ended.add(request.worker, outcome, took)
        waited = (request.started or now) - request.arrived
        text = f"{request.op} on {request.worker} for {request.client}: {outcome} after {took:.2f} s"
        text += f", {waited:.2f} of them waiting" if waited >= 0.01 else ""
        text += f" ({why})" if why else ""
        self._record("info" if outcome in _FAULTLESS else "warning", text, short_id(key[1]))
