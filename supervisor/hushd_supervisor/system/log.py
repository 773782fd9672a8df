"""The supervisor's own log, on standard error, with a line when a request ends.

It does without `logging`, which takes too much memory.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.messages import Chunk, Error, Hello, Job, Message, Partial, Request, Result
from hushd_protocol.system.log_files import line, rotate, short_id
from hushd_schema.settings.tables import LOG_LEVELS

from hushd_supervisor.core.actions import Action, ToClient, ToWorker
from hushd_supervisor.core.events import ClientGone, Event, FromClient

MAX_RECORD = 8192  # characters: twice a tail
WINDOW_S = 60.0
BURST = 20  # records of one kind per window
_REQUESTS = "requests"  # the kind of all records about requests
REQUESTS_BURST = 300  # records about requests per window
_KIND_PREFIX = 40  # characters at the start of a record that make its kind
_MAX_KINDS = 256  # counted separately


class Log:
    """Writes lines of `level` and above to file descriptor 2.

    Clients cause records, and must not be able to fill the log: of each kind, at most `BURST` are written per minute,
    followed by the number left out.

    Args:
        form: `text`, or `json` for one object per line.
        path: the file behind descriptor 2, if it is one; it is moved to `path`.1 when it exceeds 1 MB.
    """

    def __init__(
        self,
        level: str = "info",
        path: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        form: str = "text",
    ) -> None:
        self.configure(level, form)
        self._path = path
        self._clock = clock
        self._window = clock()
        self._kinds: Counter[str] = Counter()

    def configure(self, level: str, form: str) -> None:
        """Sets the lowest level to write, and the form."""
        self._min_level = LOG_LEVELS.index(level)
        self._form = form

    def write(self, level: str, text: str, request: str = "", **facts: Any) -> None:
        """Writes a record; further lines of `text` are indented, so that no text can pass for another record.

        Args:
            request: the short id of the request that it concerns.
            facts: the text's figures for programs, only written in JSON.
        """
        if LOG_LEVELS.index(level.lower()) < self._min_level:
            return
        if not self._is_too_many(text, request):
            self._append(level, text, request, **facts)
            self._rotate()

    def _is_too_many(self, text: str, request: str) -> bool:
        """Counts a record and returns whether to leave it out; at the end of a window, logs how many were left out."""
        if (now := self._clock()) >= self._window + WINDOW_S:
            if left_out := sum(
                max(0, count - (REQUESTS_BURST if kind == _REQUESTS else BURST)) for kind, count in self._kinds.items()
            ):
                self._append("warning", f"left out {left_out} records: a program repeats itself")
            self._window = now
            self._kinds.clear()
        kind = _REQUESTS if request else text[:_KIND_PREFIX] if len(self._kinds) < _MAX_KINDS else ""
        self._kinds[kind] += 1
        return self._kinds[kind] > (REQUESTS_BURST if request else BURST)

    def _append(self, level: str, text: str, request: str = "", **facts: Any) -> None:
        record = line(text[:MAX_RECORD], form=self._form, request=request, level=level, facts=facts)
        try:
            os.write(2, record.encode(errors="replace"))
        except OSError:
            pass  # a full disk or a closed terminal must not stop the supervisor

    def _rotate(self) -> None:
        if self._path:
            rotate(self._path)


MAX_NAME = 80  # characters of a name that a client has chosen
MAX_CONTENT = 2000  # characters of a text
_FAULTLESS = ("done", "cancelled")


@dataclass(slots=True)
class _Open:
    """A request that has not ended."""

    op: str
    worker: str
    client: str
    arrived: float
    started: float | None = None


class RequestLog:
    """Watches clients' requests and their answers.

    Args:
        record: writes a line: level, text, the request's short id, and facts for programs.

    Attributes:
        content: whether the spoken and recognised text is logged too.
    """

    def __init__(self, record: Callable[..., None], content: bool = False) -> None:
        self._record = record
        self.content = content
        self._clients: dict[bytes, str] = {}
        self._open: dict[tuple[bytes, bytes], _Open] = {}
        self._by_id: dict[bytes, _Open] = {}

    def look(self, event: Event, now: float) -> None:
        """Receives an event before the pool does."""
        match event:
            case FromClient(route, Hello() as hello):
                self._clients[route] = (hello.holder or f"pid {hello.pid}")[:MAX_NAME]
            case FromClient(route, Request() as request):
                self._arrived(route, request, now)
            case FromClient(route, Chunk(id=name, payload=payload)) if self.content:
                self._log_text(self._open.get((route, name)), name, payload)
            case ClientGone(route):
                self._clients.pop(route, None)
                for key in [key for key in self._open if key[0] == route]:
                    self._ended(key, "cancelled", now, "its client has left")

    def sent(self, route: bytes, message: Message, now: float) -> None:
        """Receives a message to a client."""
        match message:
            case Result(id=name):
                self._ended((route, name), "done", now)
            case Error(id=name, code=code):
                self._ended((route, name), code, now, message.message)
            case Partial(id=name, data=data) if self.content and data.get("kind") in ("segment", "final"):
                self._write("info", f"heard: {str(data.get('text', ''))[:MAX_CONTENT]}", name)

    def handed(self, job: Job, now: float) -> None:
        """Receives a job that goes to a worker."""
        if request := self._by_id.get(job.id):
            request.started = now

    def _arrived(self, route: bytes, request: Request, now: float) -> None:
        if (route, request.id) in self._open:
            return  # a second request with this id, which will be refused
        client = self._clients.get(route, "a stranger")
        opened = _Open(request.op[:MAX_NAME], request.worker[:MAX_NAME], client, now)
        self._open[route, request.id] = self._by_id[request.id] = opened
        self._write("debug", f"{opened.op} on {opened.worker} for {client} has come", request.id)
        if self.content and request.input == "inline":
            self._log_text(opened, request.id, request.payload)

    def _log_text(self, request: _Open | None, name: bytes, payload: bytes) -> None:
        if request and request.worker.partition("/")[0] == "tts" and payload:
            self._write("info", f"says: {payload[:MAX_CONTENT].decode(errors='replace')}", name)

    def _ended(self, key: tuple[bytes, bytes], outcome: str, now: float, why: str = "") -> None:
        request = self._open.pop(key, None)
        if request is None:
            return
        self._by_id.pop(key[1], None)
        took = now - request.arrived
        waited = (request.started or now) - request.arrived
        text = f"{request.op} on {request.worker} for {request.client}: {outcome} after {took:.2f} s"
        text += f", {waited:.2f} of them waiting" if waited >= 0.01 else ""
        text += f" ({why})" if why and self._may_say(outcome) else ""
        self._write(
            "info" if outcome in _FAULTLESS else "warning",
            text,
            key[1],
            op=request.op,
            worker=request.worker,
            client=request.client,
            outcome=outcome,
            seconds=round(took, 3),
            waited=round(waited, 3),
        )

    def _may_say(self, outcome: str) -> bool:
        """Returns whether an outcome's sentence may be logged: an engine's error may quote speech."""
        return self.content or outcome == "cancelled"

    def _write(self, level: str, text: str, name: bytes, **facts: Any) -> None:
        self._record(level, text, short_id(name), **facts)


class Core(Protocol):
    """The pool, as `loop.Core`."""

    def handle(self, event: Event, now: float) -> list[Action]: ...
    def on_time(self, now: float) -> list[Action]: ...
    def deadline(self) -> float | None: ...


class Logged:
    """A pool that shows `requests` its events and actions."""

    def __init__(self, pool: Core, requests: RequestLog) -> None:
        self._pool = pool
        self._requests = requests
        self.deadline = pool.deadline

    def handle(self, event: Event, now: float) -> list[Action]:
        self._requests.look(event, now)
        return self._seen(self._pool.handle(event, now), now)

    def on_time(self, now: float) -> list[Action]:
        return self._seen(self._pool.on_time(now), now)

    def _seen(self, actions: list[Action], now: float) -> list[Action]:
        for action in actions:
            if isinstance(action, ToClient):
                self._requests.sent(action.route, action.message, now)
            elif isinstance(action, ToWorker) and isinstance(action.message, Job):
                self._requests.handed(action.message, now)
        return actions
