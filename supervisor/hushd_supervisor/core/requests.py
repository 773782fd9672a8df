"""The requests of all clients: accepted, given to a worker, followed until they have ended."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace
from hushd_protocol.limits import PRIORITIES
from hushd_schema.settings import Settings

from . import devices
from .actions import Action, ToClient
from .connections import Connections
from .departure import Departure
from .directory import Directory
from .fleet import Fleet
from .names import check
from .share import has_room
from .turnstile import Ticket, Turnstile
from .worker.request import ActiveRequest
from .worker.states import State
from .worker.worker import Worker


class Requests:
    """Every accepted request that has not ended.

    Attributes:
        settings: the user's configuration; may be replaced at any time.
        active: the requests, by their clients' routes and their ids.
        turnstile: the requests that wait for a place.
    """

    def __init__(
        self, settings: Settings, connections: Connections, directory: Directory, fleet: Fleet, departure: Departure
    ) -> None:
        self.settings = settings
        self.active: dict[tuple[bytes, bytes], ActiveRequest] = {}
        self.turnstile = Turnstile()
        self._connections = connections
        self._directory = directory
        self._fleet = fleet
        self._departure = departure
        self._accepted = 0

    def of(self, route: bytes) -> list[ActiveRequest]:
        """The requests of one client."""
        return [request for request in self.active.values() if request.route == route]

    def has(self, route: bytes, request_id: bytes) -> bool:
        """Returns whether a client has a request of this id, which may still wait for the catalogue of its model."""
        return (route, request_id) in self.active or self._directory.has(route, request_id)

    def submit(self, route: bytes, message: m.Request, now: float) -> list[Action]:
        """Accepts a request, has it wait for a place, or refuses it; parks it while its model's name is unknown.

        A request that has waited for a place arrives again under its id, and keeps its arrival time and its turn.
        """
        ticket, promised = self.turnstile.take((route, message.id)) or (None, False)
        connection = self._connections[route]
        connection.requests -= ticket is not None
        self._accepted += ticket is None
        order, arrived = (ticket.order, ticket.arrived) if ticket else (self._accepted, now)
        deadline = ticket.deadline if ticket else _deadline(message, now)
        program = self._connections.program(route)
        try:
            if self._departure.down:
                raise HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
            check(message)
            rank = PRIORITIES.index(message.priority)
            name = self._directory.resolve(self._by_language(message), self.settings)
            if name is None:
                full = None if promised or self._has_room(program, rank) else self._full()
                if full is None:
                    if ticket and deadline < math.inf:
                        message = replace(message, deadline_ms=max(1, round((deadline - now) * 1000)))
                    return self._directory.park(route, message, now)
            else:
                chosen = self._fleet.under_pressure(name, message, now)
                worker = self._fleet.worker(chosen)
                request = ActiveRequest(
                    route,
                    message,
                    connection.holder,
                    chosen,
                    order,
                    arrived,
                    deadline,
                    program=program,
                    placed=promised,
                )
                request.degraded, request.client = chosen != name, connection.number
                devices.settle(request, worker)
                full = self._full_for(request, worker, now)
            if full and not (message.wait and self.turnstile.has_room(program)):
                raise full
        except HushdError as error:
            return [ToClient(route, m.Error.of(message.id, error))]
        connection.requests += 1
        if full:
            entry = Ticket(route, message.id, program, rank, chosen if name else "", order, arrived, deadline)
            return self.turnstile.add(entry, now)
        worker = self._fleet.workers[request.worker]
        self.active[request.key] = request
        held = worker.hold(now) if self._departure.renewing else []
        return held + worker.submit(request, now)

    def _by_language(self, message: m.Request) -> str:
        """The request's worker; for one that names the role alone and a language, the one configured for that."""
        if message.worker != "stt" or not self.settings.stt_by_language:
            return message.worker
        return f"stt/{self.settings.model_for(message.params.get('language'))}"

    def call(self, now: float) -> list[Action]:
        """Promises free places to the requests that wait for one."""
        if not self.turnstile or self._departure.down or self._departure.renewing:
            return []

        def has_place(ticket: Ticket) -> bool:
            promised = [(t.program, t.rank) for t in self.turnstile.promised if t.worker == ticket.worker]
            if ticket.worker and not promised and self._fleet.is_idle(ticket.worker):
                return True
            if not self._has_room(ticket.program, ticket.rank):
                return False
            return not ticket.worker or self._fleet.has_place(ticket.worker, ticket.program, ticket.rank, promised)

        return self.turnstile.call(has_place, now)

    def submit_parked(self, role: str, now: float) -> list[Action]:
        """Accepts or refuses the requests that waited for the models of `role`, which are known now."""
        parked = self._directory.take_parked(role)
        return [action for route, message, _ in parked for action in self.submit(route, message, now)]

    def forward(self, route: bytes, message: m.Chunk | m.Credit | m.Cancel, now: float) -> list[Action]:
        """Passes on a client's message about one of its requests."""
        request = self.active.get((route, message.id))
        if request is None:  # the request may have ended while the message was on its way
            if isinstance(message, m.Cancel) and (route, message.id) in self.turnstile:
                return self._without(self.turnstile.end((route, message.id), "cancelled"))
            return self._directory.cancel(route, message.id) if isinstance(message, m.Cancel) else []
        worker = self._fleet.workers[request.worker]
        match message:
            case m.Chunk():
                return worker.input(request, message, now)
            case m.Credit():
                return worker.grant(request, message.chunks, now)
            case m.Cancel():
                return worker.cancel(request, now)

    def cancel_all_of(self, route: bytes, now: float, code: str = "cancelled") -> list[Action]:
        """Ends the requests of one client."""
        workers = self._fleet.workers
        return self.end_waiting(code, route) + [
            action for request in self.of(route) for action in workers[request.worker].cancel(request, now, code)
        ]

    def client_gone(self, route: bytes, now: float) -> list[Action]:
        """Ends the requests of a client that has left; nothing more is sent to it."""
        for request in self.of(route):
            request.gone = True
        self.turnstile.end_all("cancelled", route)  # no client is left to read the answers
        return self.cancel_all_of(route, now)

    def forget_ended(self) -> None:
        """Forgets the requests that have ended."""
        for request in self._fleet.take_ended():
            del self.active[request.key]
            if connection := self._connections.get(request.route):
                connection.requests -= 1

    def end_waiting(self, code: str, route: bytes | None = None) -> list[Action]:
        """Ends all requests that wait for a place, or those of one client."""
        return self._without(self.turnstile.end_all(code, route))

    def on_time(self, now: float) -> list[Action]:
        """Acts on the deadlines of requests that wait for a place."""
        return self._without(self.turnstile.on_time(now)) if self.turnstile.deadline() <= now else []

    def _without(self, ended: Sequence[Action]) -> list[Action]:
        """Takes requests that the turnstile has ended off their clients' counts."""
        for action in ended:
            match action:
                case ToClient(route, m.Error()) if connection := self._connections.get(route):
                    connection.requests -= 1
        return list(ended)

    def _full_for(self, request: ActiveRequest, worker: Worker, now: float) -> HushdError | None:
        """Finds the replica for a new request; returns the refusal if no place is free."""
        renewing = self._departure.renewing
        named = worker.name
        if request.message.op != "warm" and not renewing:
            worker = self._fleet.choose(request)
            request.worker = worker.name
        if request.placed or (not renewing and worker.would_run(request)):
            return None
        if not self._has_room(request.program, request.rank):
            return self._full()
        if worker.state is State.FAILED:
            return None  # the worker's verdict is the answer
        promised = [(t.program, t.rank) for t in self.turnstile.promised if t.worker == named]
        return None if worker.has_room(request.program, request.rank, promised) else worker.full(request)

    def _waiting(self) -> list[tuple[Hashable, int]]:
        """The program and priority of each request that takes a place or was promised one."""
        waiting = [(t.program, t.rank) for worker in self._fleet.workers.values() for t in worker.jobs.waiting]
        parked = [
            (self._connections.program(t.route), PRIORITIES.index(t.message.priority)) for t in self._directory.parked
        ]
        return waiting + parked + [(t.program, t.rank) for t in self.turnstile.promised]

    def _has_room(self, program: Hashable, rank: int) -> bool:
        return has_room(program, rank, self._waiting(), self.settings.queue)

    def _full(self) -> HushdError:
        return HushdError("overloaded", f"{len(self._waiting())} requests wait already; try again later.", 1000)


def _deadline(message: m.Request, now: float) -> float:
    return math.inf if message.deadline_ms is None else now + message.deadline_ms / 1000
