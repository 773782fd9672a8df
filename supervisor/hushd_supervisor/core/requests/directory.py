"""The catalogues of engines by role, the names that they complete, and the requests that wait for one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass, field
from hushd_protocol.names import ENGINE_ROLES, NAME, ROLES
from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, Describe, ToClient

from .queue import TELL_S
from .request import ENDINGS

if TYPE_CHECKING:
    from hushd_schema.description import RoleDescription

LISTING = "the engines are asked for their models"
MAX_PARKED = 4096  # requests that wait for a catalogue at a time

_NAME = re.compile(rf"[a-z]+(/{NAME}){{0,2}}", re.ASCII)
_DOWN = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")


@dataclass(slots=True)
class _Describe:
    """A client's `describe`, answered once: with all its catalogues, or with the first error."""

    route: bytes
    id: bytes
    missing: set[str]  # roles
    catalogues: dict[str, RoleDescription] = field(default_factory=dict)

    def answer(self) -> m.Result:
        """The catalogues, as `Descriptions` reads them."""
        return m.Result(id=self.id, data={role: catalogue.data() for role, catalogue in self.catalogues.items()})


class Parked(NamedTuple):
    """A request that waits for the catalogue that names its model.

    Attributes:
        told: when its client was last told so.
        deadline: `math.inf` for none; it runs meanwhile, too.
    """

    route: bytes
    message: m.Request
    told: float
    deadline: float


class Directory:
    """Asks a workers' package for its catalogue when a request first needs it.

    Attributes:
        parked: the requests that wait.
    """

    def __init__(self) -> None:
        self._catalogues: dict[str, RoleDescription] = {}
        self.parked: list[Parked] = []
        self._describes: list[_Describe] = []
        self._down = False

    def resolve(self, worker: str, settings: Settings) -> str | None:
        """Like `resolve`, with the catalogues known so far; `park` the request if this returns None.

        Raises:
            HushdError: `bad_request` if it is not a worker's name.
        """
        return resolve(worker, settings, self._catalogues)

    def park(self, route: bytes, message: m.Request, now: float, deadline: float) -> list[Action]:
        """Keeps a request until its role is described; then `take_parked` returns it.

        Raises:
            HushdError: `overloaded` if very many wait already.
        """
        if len(self.parked) >= MAX_PARKED:
            raise HushdError("overloaded", f"{MAX_PARKED} requests wait for a list of the engines already.", 1000)
        self.parked.append(Parked(route, message, now, deadline))
        return [Describe(message.worker.partition("/")[0])]

    def describe(self, route: bytes, control: m.Control) -> list[Action]:
        """Asks for the catalogues that a client wants.

        Raises:
            HushdError: `bad_request` for an unknown role, `shutting_down` after `shut`.
        """
        if self._down:
            raise _DOWN
        roles = control.names or list(ENGINE_ROLES)
        if not set(roles) <= set(ROLES):
            raise HushdError("bad_request", f"The roles that can be described are {', '.join(ROLES)}.")
        self._describes.append(_Describe(route, control.id, set(roles)))
        return [Describe(role) for role in dict.fromkeys(roles)]  # each time: engines may be new

    def described(self, role: str, catalogue: RoleDescription, error: str) -> list[Action]:
        """Takes a catalogue, or the error, and answers pending `describe`s; the requests are in `take_parked`."""
        self._catalogues[role] = catalogue
        actions: list[Action] = []
        pending_before, self._describes = self._describes, []
        for pending in pending_before:
            if role not in pending.missing:
                self._describes.append(pending)
                continue
            pending.missing.remove(role)
            pending.catalogues[role] = catalogue
            if error:
                failure = HushdError("worker_failed", f"The {role} engines could not be listed: {error}")
                actions.append(ToClient(pending.route, m.Error.of(pending.id, failure)))
            elif pending.missing:
                self._describes.append(pending)
            else:
                actions.append(ToClient(pending.route, pending.answer()))
        return actions

    def has(self, route: bytes, request_id: bytes) -> bool:
        """Returns whether a request of this id is parked."""
        return any((route, request_id) == (parked.route, parked.message.id) for parked in self.parked)

    def take_parked(self, role: str) -> list[Parked]:
        """Removes and returns the requests that wait for the catalogue of `role`."""
        ready = [parked for parked in self.parked if parked.message.worker.split("/")[0] == role]
        self.parked = [parked for parked in self.parked if parked.message.worker.split("/")[0] != role]
        return ready

    def deadline(self) -> float:
        """The time at which a request ends, or its client is told what it waits for; `math.inf` for never."""
        return min((min(parked.told + TELL_S, parked.deadline) for parked in self.parked), default=math.inf)

    def on_time(self, now: float) -> list[Action]:
        """Ends the requests whose deadlines have passed, and tells the clients that have heard nothing for a while what
        the others wait for."""
        late = [parked for parked in self.parked if parked.deadline <= now]
        self.parked = [parked for parked in self.parked if parked.deadline > now]
        error = HushdError("deadline_exceeded", ENDINGS["deadline_exceeded"])
        ended: list[Action] = [ToClient(parked.route, m.Error.of(parked.message.id, error)) for parked in late]
        silent = [parked for parked in self.parked if parked.told + TELL_S <= now]
        self.parked = [parked._replace(told=now) if parked in silent else parked for parked in self.parked]
        return ended + [
            ToClient(parked.route, m.Accepted(id=parked.message.id, state="queued", note=LISTING)) for parked in silent
        ]

    def cancel(self, route: bytes, request_id: bytes) -> list[Action]:
        """Ends a parked request, if it has this id."""
        for parked in self.parked:
            if (parked.route, parked.message.id) == (route, request_id):
                self.parked.remove(parked)
                error = HushdError("cancelled", "The request was cancelled.")
                return [ToClient(route, m.Error.of(request_id, error))]
        return []

    def awaited_by(self, route: bytes) -> bool:
        """Returns whether a client waits for a catalogue."""
        return any(waiting == route for waiting in self._waiting())

    @property
    def busy(self) -> bool:
        """True if any client waits for a catalogue."""
        return any(True for _ in self._waiting())

    def _waiting(self) -> Iterator[bytes]:
        yield from (parked.route for parked in self.parked)
        yield from (pending.route for pending in self._describes)

    def gone(self, route: bytes) -> None:
        """Forgets the parked requests and pending `describe`s of a client that has left."""
        self.parked = [parked for parked in self.parked if parked.route != route]
        self._describes = [pending for pending in self._describes if pending.route != route]

    def shut(self) -> list[Action]:
        """Refuses everything that waits for a catalogue, now and later."""
        self._down = True
        waiting = [(parked.route, parked.message.id) for parked in self.parked]
        waiting += [(pending.route, pending.id) for pending in self._describes]
        self.parked.clear()
        self._describes.clear()
        return [ToClient(route, m.Error.of(name, _DOWN)) for route, name in waiting]


def resolve(worker: str, settings: Settings, catalogues: Mapping[str, RoleDescription]) -> str | None:
    """Completes a name to `role/engine/model`; None if that takes a catalogue that is not known yet.

    Raises:
        HushdError: `bad_request` if it is not a worker's name.
    """
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
    if role not in catalogues:
        return None
    for described in catalogues[role].engines:
        if described.name == parts[0]:
            return f"{worker}/{described.default_model}"
    return f"{worker}/default"  # the worker itself best reports that it lacks such an engine
