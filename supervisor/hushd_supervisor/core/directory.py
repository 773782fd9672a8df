"""The clients' `describe`s: each is answered once, with the catalogues of all its roles, or with the first error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES, ROLES

from hushd_supervisor.core.actions import Action, Describe, ToClient

if TYPE_CHECKING:
    from hushd_schema.description import RoleDescription

_DOWN = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")


@dataclass(slots=True)
class _Describe:
    """A client's `describe` that waits for catalogues."""

    route: bytes
    id: bytes
    missing: set[str]  # roles
    catalogues: dict[str, RoleDescription] = field(default_factory=dict)

    def answer(self) -> m.Result:
        """The catalogues, as `Descriptions` reads them."""
        return m.Result(id=self.id, data={role: catalogue.data() for role, catalogue in self.catalogues.items()})


class Directory:
    """Asks the workers' packages for their catalogues of engines, each time: engines may be new."""

    def __init__(self) -> None:
        self._waiting: list[_Describe] = []
        self._down = False

    def describe(self, route: bytes, control: m.Control) -> list[Action]:
        """Asks for the catalogues that a client wants.
        Raises `bad_request` for an unknown role, `shutting_down` after `shut`."""
        if self._down:
            raise _DOWN
        roles = control.names or list(ENGINE_ROLES)
        if not set(roles) <= set(ROLES):
            raise HushdError("bad_request", f"The roles that can be described are {', '.join(ROLES)}.")
        self._waiting.append(_Describe(route, control.id, set(roles)))
        return [Describe(role) for role in dict.fromkeys(roles)]

    def described(self, role: str, catalogue: RoleDescription | None, error: str = "") -> list[Action]:
        """Takes a catalogue, or None and the error, and answers whoever lacks no other."""
        actions: list[Action] = []
        for waiting in [each for each in self._waiting if role in each.missing]:
            waiting.missing.remove(role)
            if catalogue:
                waiting.catalogues[role] = catalogue
                if waiting.missing:
                    continue
                answer: m.Result | m.Error = waiting.answer()
            else:
                failure = HushdError("worker_failed", f"The {role} engines could not be listed: {error}")
                answer = m.Error.of(waiting.id, failure)
            actions.append(ToClient(waiting.route, answer))
            self._waiting.remove(waiting)
        return actions

    def awaited_by(self, route: bytes) -> bool:
        return any(waiting.route == route for waiting in self._waiting)

    @property
    def busy(self) -> bool:
        """True if any client waits for a catalogue."""
        return bool(self._waiting)

    def gone(self, route: bytes) -> None:
        """Forgets a client that has left."""
        self._waiting = [waiting for waiting in self._waiting if waiting.route != route]

    def shut(self) -> list[Action]:
        """Refuses whoever waits for a catalogue, now and later."""
        waiting, self._waiting, self._down = self._waiting, [], True
        return [ToClient(each.route, m.Error.of(each.id, _DOWN)) for each in waiting]
