"""The catalogues of engines by role, and the requests that wait for one."""

from __future__ import annotations

from typing import Any

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError

from .actions import Action, Describe, ToClient
from .names import ENGINES, ROLES, resolve
from .settings import Settings

MAX_ASKED = 64  # catalogues that one connection waits for at a time


class Directory:
    """Asks a workers' package for its catalogue when a request first needs it.

    Attributes:
        parked: requests, with their routes, that wait for the catalogue that names their model.
    """

    def __init__(self) -> None:
        self._catalogues: dict[str, dict[str, Any]] = {}
        self.parked: list[tuple[bytes, m.Request]] = []
        self._asked: dict[
            str, list[tuple[bytes, bytes, list[str]]]
        ] = {}  # by role: route, id and roles of each `describe`

    def resolve(self, worker: str, settings: Settings) -> str | None:
        """As `names.resolve`, with the catalogues so far; `park` the request if this returns None.

        Raises:
            HushdError: `bad_request` for what is no name.
        """
        return resolve(worker, settings, self._catalogues)

    def park(self, route: bytes, message: m.Request) -> list[Action]:
        """Keeps a request until its role is described; then `described` returns it."""
        self.parked.append((route, message))
        return [Describe(message.worker.partition("/")[0])]

    def describe(self, route: bytes, control: m.Control) -> list[Action]:
        """Asks for the catalogues that a client wants.

        Raises:
            HushdError: `bad_request` for an unknown role, `overloaded` while very many of this client wait.
        """
        if sum(asked[0] == route for waiting in self._asked.values() for asked in waiting) >= MAX_ASKED:
            raise HushdError("overloaded", f"{MAX_ASKED} `describe`s of this client wait already.", 1000)
        roles = control.names or list(ENGINES)
        if not set(roles) <= set(ROLES):
            raise HushdError("bad_request", f"There is only {', '.join(ROLES)} to describe.")
        for role in roles:
            self._asked.setdefault(role, []).append((route, control.id, roles))
            self._catalogues.pop(role, None)  # the installed engines may have changed
        return [Describe(role) for role in roles]

    def described(
        self, role: str, catalogue: dict[str, Any], error: str
    ) -> tuple[list[Action], list[tuple[bytes, m.Request]]]:
        """Takes a catalogue, or the error; returns the answers to clients, and the requests that waited."""
        self._catalogues[role] = catalogue
        out: list[Action] = []
        for route, control_id, roles in self._asked.pop(role, []):
            if error:
                failure = HushdError("worker_failed", f"The {role} engines could not be listed: {error}")
                out.append(ToClient(route, m.Error.of(control_id, failure)))
            elif all(other in self._catalogues for other in roles):
                answer = {other: self._catalogues[other] for other in roles}
                out.append(ToClient(route, m.Result(id=control_id, data=answer)))
        ready = [entry for entry in self.parked if entry[1].worker.split("/")[0] == role]
        self.parked = [entry for entry in self.parked if entry[1].worker.split("/")[0] != role]
        return out, ready

    def cancel(self, route: bytes, request_id: bytes) -> list[Action]:
        """Ends a parked request, if it has this id."""
        for entry in self.parked:
            if (entry[0], entry[1].id) == (route, request_id):
                self.parked.remove(entry)
                error = HushdError("cancelled", "The request was cancelled.")
                return [ToClient(route, m.Error.of(request_id, error))]
        return []

    def gone(self, route: bytes) -> None:
        """Forgets the parked requests of a client that has left."""
        self.parked = [entry for entry in self.parked if entry[0] != route]

    def shut(self) -> list[Action]:
        """Refuses the parked requests."""
        error = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
        out: list[Action] = [ToClient(route, m.Error.of(message.id, error)) for route, message in self.parked]
        self.parked.clear()
        return out
