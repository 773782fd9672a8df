"""The connected clients: their names, and whether they still answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PROTOCOL

from .actions import Action, ToClient

MISSED_PONGS = 3  # then the client counts as gone, even if its socket lives


@dataclass(slots=True)
class Connection:
    """A client that has said hello."""

    holder: str
    own_holder: bool  # the client named no holder: its leases belong to this connection
    pid: int
    requests: int = 0
    unanswered: int = 0  # pings since its last message


class Connections:
    """The connections that have said hello, by route.

    Args:
        welcome: the answer to hello.
    """

    def __init__(self, welcome: m.Welcome) -> None:
        self._welcome = welcome
        self._known: dict[bytes, Connection] = {}

    def __contains__(self, route: bytes) -> bool:
        return route in self._known

    def __getitem__(self, route: bytes) -> Connection:
        return self._known[route]

    def get(self, route: bytes) -> Connection | None:
        return self._known.get(route)

    def hello(self, route: bytes, hello: m.Hello) -> list[Action]:
        """Registers a client, or refuses another version of the protocol."""
        if hello.protocol != PROTOCOL:
            error = HushdError(
                "version_mismatch",
                f"The client speaks hushd/{hello.protocol} and this supervisor ({self._welcome.version}) "
                f"hushd/{PROTOCOL}: run `hushd shutdown` with the newer version, then ask again.",
            )
            return [ToClient(route, m.Error.of(b"", error))]
        own = hello.holder is None
        self._known[route] = Connection(hello.holder or f"connection-{route.hex()}", own, hello.pid)
        return [ToClient(route, self._welcome)]

    def gone(self, route: bytes) -> Connection | None:
        """Forgets and returns a connection that has ended; None for one that never said hello."""
        return self._known.pop(route, None)

    def of(self, holder: str) -> set[bytes]:
        """The connections of a holder, by the name that `status` shows."""
        return {route for route, connection in self._known.items() if connection.holder == holder}

    def ping(self, wanted: Callable[[bytes], bool]) -> tuple[list[Action], list[bytes]]:
        """Pings the clients that have a request or are `wanted`; also returns those that have not answered for long."""
        out: list[Action] = []
        silent = []
        for route, connection in self._known.items():
            if connection.requests == 0 and not wanted(route):
                connection.unanswered = 0
            elif connection.unanswered >= MISSED_PONGS:
                silent.append(route)
            else:
                connection.unanswered += 1
                out.append(ToClient(route, m.Ping()))
        return out, silent
