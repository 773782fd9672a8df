"""What engines there are, as far as the workers' packages have told, and who waits to hear of it."""

from __future__ import annotations

from typing import Any

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError

from .actions import Action, Describe, ToClient
from .names import ENGINES, ROLES, resolve
from .settings import Settings


class Directory:
    """The catalogues by role, asked for when somebody first needs one.

    Attributes:
        parked: requests, with their routes, that wait for a catalogue to name their model.
    """

    def __init__(self) -> None:
        self._catalogues: dict[str, dict[str, Any]] = {}
        self.parked: list[tuple[bytes, m.Request]] = []
        self._asked: dict[str, list[tuple[bytes, bytes, list[str]]]] = {}  # role to who waits for which roles

    def resolve(self, worker: str, settings: Settings) -> str | None:
        """The full name that is meant, None while only a catalogue can tell: then `park` the request.

        Raises:
            HushdError: `bad_request` for what is no name.
        """
        return resolve(worker, settings, self._catalogues)

    def park(self, route: bytes, request: m.Request) -> list[Action]:
        """Keeps a request until its role is described; then `described` returns it."""
        self.parked.append((route, request))
        return [Describe(request.worker.partition("/")[0])]

    def describe(self, route: bytes, control: m.Control) -> list[Action]:
        """A client wants to know.

        Raises:
            HushdError: `bad_request` for a role there is not.
        """
        roles = control.names or list(ENGINES)
        if not set(roles) <= set(ROLES):
            raise HushdError("bad_request", f"There is only {', '.join(ROLES)} to describe.")
        for role in roles:
            self._asked.setdefault(role, []).append((route, control.id, roles))
            self._catalogues.pop(role, None)  # what is installed may have changed
        return [Describe(role) for role in roles]

    def described(
        self, role: str, catalogue: dict[str, Any], error: str
    ) -> tuple[list[Action], list[tuple[bytes, m.Request]]]:
        """The answer of a workers' package, or why there is none: what to tell, and the requests that waited for it."""
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
        """Ends a parked request, if there is one of that name."""
        for entry in self.parked:
            if (entry[0], entry[1].id) == (route, request_id):
                self.parked.remove(entry)
                error = HushdError("cancelled", "The request was cancelled.")
                return [ToClient(route, m.Error.of(request_id, error))]
        return []

    def gone(self, route: bytes) -> None:
        """A client has left, and its parked requests with it."""
        self.parked = [entry for entry in self.parked if entry[0] != route]

    def shut(self) -> list[Action]:
        """Refuses what is parked."""
        error = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
        out: list[Action] = [ToClient(route, m.Error.of(request.id, error)) for route, request in self.parked]
        self.parked.clear()
        return out
