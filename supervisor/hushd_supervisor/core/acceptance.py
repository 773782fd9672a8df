"""The requests of all clients: accepted, given to a worker, followed until they have ended."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_HOLDER, PRIORITIES
from hushd_protocol.names import AUTO, NAME, ROLES, SPEECH_ROLES
from hushd_schema.settings import Settings
from msgspec.structs import replace

from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.connections import Connections, Departure
from hushd_supervisor.core.events import Expected
from hushd_supervisor.core.fleet import Fleet

from .worker.request import ActiveRequest

INPUTS = ("inline", "path", "stream", "none")

_NAME = re.compile(rf"[a-z]+(/{NAME}){{0,2}}", re.ASCII)


class Requests:
    """Every accepted request that has not ended; `active` has them.
    `default_model`: returns the model that a role's engine has where a request names none."""

    def __init__(
        self, connections: Connections, fleet: Fleet, departure: Departure, default_model: Callable[[str, str], str]
    ) -> None:
        self._active: dict[tuple[bytes, bytes], ActiveRequest] = {}
        self.active: Final = self._active.values()
        self._counts: Counter[bytes] = Counter()  # number of these, by connection
        self._connections = connections
        self._fleet = fleet
        self._departure = departure
        self._default_model = default_model
        self._numbers = itertools.count()

    @property
    def busy(self) -> bool:
        """True if any request has not ended."""
        return bool(self._active)

    def of(self, route: bytes) -> list[ActiveRequest]:
        return [request for request in self.active if request.route == route]

    def has(self, route: bytes, request_id: bytes) -> bool:
        return (route, request_id) in self._active

    def awaited_by(self, route: bytes) -> bool:
        """Returns whether a client waits for the end of a request."""
        return self._counts[route] > 0

    def submit(self, route: bytes, message: m.Request, settings: Settings, now: float) -> list[Action]:
        """Accepts a request, with what the user's settings say of it, or refuses it."""
        connection = self._connections[route]
        try:
            if self._departure.down:
                raise HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
            check(message)
            message = _with_settings(message, settings)
            name = resolve(message.worker, settings, self._default_model)
            worker = self._fleet.worker(name)
            deadline = math.inf if message.deadline_ms is None else now + message.deadline_ms / 1000
            request = ActiveRequest(
                route,
                message,
                connection.holder,
                name,
                next(self._numbers),
                now,
                deadline,
                message.program or connection.program,
                client=hash((connection.number, message.caller)),
                turn_key=(connection.pid or route, message.caller),
            )
        except HushdError as error:
            return [ToClient(route, m.Error.of(message.id, error))]
        if message.op != "warm" and not self._departure.renewing:
            worker = self._fleet.choose(request)
        self._counts[route] += 1
        self._active[request.key] = request
        held = worker.hold(now) if self._departure.renewing else []
        return held + worker.submit(request, now)

    def expect(self, event: Expected, settings: Settings, now: float) -> list[Action]:
        """Starts the worker of a request that will come, where nothing speaks against it."""
        params = {"languages": list(event.languages)}
        message = _with_settings(m.Request(id=b"", worker=event.role, op="warm", params=params), settings)
        try:
            name = resolve(message.worker, settings, self._default_model)
            return [] if self._departure.renewing else self._fleet.expect(name, now)
        except HushdError:
            return []  # an error is for whoever asks

    def forward(self, route: bytes, message: m.Chunk | m.Credit | m.Cancel, now: float) -> list[Action]:
        """Passes on a client's message about one of its requests."""
        request = self._active.get((route, message.id))
        if request is None:  # the request may have ended while the message was on its way
            return []
        worker = self._fleet.workers[request.worker]
        match message:
            case m.Chunk():
                return worker.input(request, message, now)
            case m.Credit():
                return worker.grant(request, message.chunks, now)
            case m.Cancel():
                return worker.cancel(request, now)

    def cancel_all_of(self, route: bytes, now: float, code: str = "cancelled") -> list[Action]:
        workers = self._fleet.workers
        return [action for request in self.of(route) for action in workers[request.worker].cancel(request, now, code)]

    def client_gone(self, route: bytes, now: float) -> list[Action]:
        """Ends the requests of a client that has left; nothing more is sent to it."""
        cancelled = self.cancel_all_of(route, now)
        return [action for action in cancelled if not (isinstance(action, ToClient) and action.route == route)]

    def forget_ended(self) -> None:
        for request in self._fleet.pop_ended():
            del self._active[request.key]
            self._counts[request.route] -= 1
            if not self._counts[request.route]:
                del self._counts[request.route]


def _with_settings(message: m.Request, settings: Settings) -> m.Request:
    """A request without a language has the user's languages. One that names its role alone goes to the model of the
    first, or of its own language, with the user's voice."""
    worker, params = message.worker, message.params
    language = params.get("language")
    if "languages" in params or (message.op == "transcribe" and settings.languages and language in (None, AUTO)):
        own = settings.languages or params["languages"]
        params = {**params, "languages": own}
        if worker == "tts":
            params = {**({"default_voice": settings.voice} if settings.voice else {}), **params}
            language = language or (own[0] if isinstance(own, list | tuple) and own else "en")
    if worker in SPEECH_ROLES and not (worker == "tts" and language is None):
        worker = f"{worker}/{settings.model_for(worker, language)}"
    return replace(message, worker=worker, params=params)


def resolve(worker: str, settings: Settings, default_model: Callable[[str, str], str]) -> str:
    """Completes a name to `role/engine/model`. Raises `bad_request` if it is not a worker's name."""
    if not _NAME.fullmatch(worker):
        raise HushdError("bad_request", f"{worker[:80]!r} is not a worker: use a name such as stt or tts/hibari/en.")
    role, *parts = worker.split("/")
    if role not in ROLES:
        raise HushdError("bad_request", f"{role} is not a role: use one of {', '.join(ROLES)}.")
    if len(parts) == 2:
        return worker
    engine, _, model = settings.default_model(role).partition("/")
    if not parts or parts[0] == engine:
        return f"{role}/{engine}/{model}"
    return f"{worker}/{default_model(role, parts[0])}"


def check(message: m.Request) -> None:
    """Checks the fields that all workers share. Raises `bad_request`; `too_large` for the name of a program."""
    if message.priority not in PRIORITIES:
        raise HushdError("bad_request", f"The priority must be one of {', '.join(PRIORITIES)}.")
    if message.input not in INPUTS:
        raise HushdError("bad_request", f"The input must be one of {', '.join(INPUTS)}.")
    if message.input == "path" and not message.path.startswith("/"):
        raise HushdError("bad_request", "A path must be absolute.")
    if len(message.program.encode()) > MAX_HOLDER:
        raise HushdError("too_large", f"The name of a program has at most {MAX_HOLDER} bytes.")
    if not message.op:
        raise HushdError("bad_request", "The request names no operation.")
    if message.deadline_ms is not None and message.deadline_ms <= 0:
        raise HushdError("bad_request", "deadline_ms must be above 0.")
    if message.keep_alive is not None and not math.isfinite(message.keep_alive):
        raise HushdError("bad_request", "keep_alive must be a number of seconds, 0, or -1 for no end.")
