"""The requests of all clients: accepted, given to a worker, followed until they have ended."""

from __future__ import annotations

from dataclasses import replace

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
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
from .worker.request import ActiveRequest


class Requests:
    """Every accepted request that has not ended.

    Attributes:
        settings: the user's configuration; may be replaced at any time.
        active: the requests, by their clients' routes and their ids.
    """

    def __init__(
        self, settings: Settings, connections: Connections, directory: Directory, fleet: Fleet, departure: Departure
    ) -> None:
        self.settings = settings
        self.active: dict[tuple[bytes, bytes], ActiveRequest] = {}
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
        """Accepts a request with a new id, or refuses it; parks it until it is known what its model's name means."""
        renewing = self._departure.renewing
        try:
            if self._departure.down:
                raise HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
            check(message)
            name = self._directory.resolve(message.worker, self.settings)
            if name is None:
                self._check_room(route, PRIORITIES.index(message.priority))
                return self._directory.park(route, message, now)
            chosen = self._fleet.under_pressure(name, message, now)
            worker = self._fleet.worker(chosen)
            connection = self._connections[route]
            request = ActiveRequest(route, message, connection.holder, chosen, self._accepted + 1, now)
            request.degraded, request.client = chosen != name, connection.number
            devices.settle(request, worker)
            if message.op != "warm" and not renewing:
                worker = self._fleet.choose(request)
                request.worker = worker.name
            if renewing or not worker.would_run(request):
                self._check_room(route, request.rank)
        except HushdError as error:
            return [ToClient(route, m.Error.of(message.id, error))]
        connection.requests += 1
        self._accepted += 1
        if message.deadline_ms is not None:
            request.deadline = now + message.deadline_ms / 1000
        self.active[request.key] = request
        held = worker.hold(now) if renewing else []
        return held + worker.submit(request, now)

    def submit_parked(self, role: str, now: float) -> list[Action]:
        """Accepts or refuses the requests that waited for the models of `role`: they are known."""
        parked = self._directory.take_parked(role)
        return [action for route, message, _ in parked for action in self.submit(route, message, now)]

    def forward(self, route: bytes, message: m.Chunk | m.Credit | m.Cancel, now: float) -> list[Action]:
        """Passes on what a client sends about a request of its own."""
        request = self.active.get((route, message.id))
        if request is None:  # it may have ended while this was on its way
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
        return [action for request in self.of(route) for action in workers[request.worker].cancel(request, now, code)]

    def client_gone(self, route: bytes, now: float) -> list[Action]:
        """Ends the requests of a client that has left, to which nothing more is sent."""
        for request in self.of(route):
            request.gone = True
        return self.cancel_all_of(route, now)

    def revoke(self, holders: str) -> None:
        """Has requests that still run make no new leases for the holders whose names begin so."""
        for request in self.active.values():
            if request.holder.startswith(holders):
                request.message = replace(request.message, keep_alive=None)

    def forget_ended(self) -> None:
        """Forgets the requests that have ended."""
        for request in self._fleet.take_ended():
            del self.active[request.key]
            if connection := self._connections.get(request.route):
                connection.requests -= 1

    def _check_room(self, route: bytes, rank: int) -> None:
        """Raises HushdError `overloaded` where a request that has to wait finds no place among all that do."""
        waiting = [(t.route, t.rank) for worker in self._fleet.workers.values() for t in worker.jobs.waiting]
        waiting += [(t.route, PRIORITIES.index(t.message.priority)) for t in self._directory.parked]
        if not has_room(route, rank, waiting, self.settings.queue):
            raise HushdError("overloaded", f"{len(waiting)} requests wait already; try again later.", 1000)
