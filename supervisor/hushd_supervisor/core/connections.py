"""The connected clients: their names, whether they still answer, and when the supervisor leaves without any."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hushd_protocol import buggify
from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_CONNECTIONS, MAX_HOLDER, PROTOCOL

from .actions import Action, ToClient

QUIET_PONGS = 3  # unanswered pings after which the client loses the floor, until it answers
# Unanswered pings after which the client counts as gone, even if its socket lives: a program may work meanwhile.
MISSED_PONGS = 30
PING_S = 2.0  # seconds between two pings of one client
# Clients pinged in one turn: if a thousand woke at the same moment, they would leave the supervisor no processor.
MAX_WOKEN = 32
LEAST_IDLE_S = 0.1  # seconds before an idle exit: a client that was just welcomed is about to send a request


@dataclass(frozen=True, slots=True)
class ClientConnection:
    """A client that has said hello."""

    program: str  # its name for people
    holder: str
    own_holder: bool  # the client named no holder: its leases belong to this connection
    pid: int  # process id, whose connections have their turns together; 0: unknown
    number: int


class Connections:
    """The connections that have said hello, by route.

    Args:
        welcome: the answer to hello.
        most: how many clients there may be at once.
    """

    def __init__(self, welcome: m.Welcome, most: int = MAX_CONNECTIONS) -> None:
        self._welcome = welcome
        self._most = most
        self._by_route: dict[bytes, ClientConnection] = {}
        self._unanswered: dict[bytes, int] = {}  # pings of each since its last message
        self._count = 0
        self._unpinged: list[bytes] = []  # the routes still to be pinged in this round
        self._ping_s = PING_S

    @property
    def next_ping_s(self) -> float:
        """The seconds between two turns of pings."""
        return self._ping_s

    def __contains__(self, route: bytes) -> bool:
        return route in self._by_route

    def __getitem__(self, route: bytes) -> ClientConnection:
        return self._by_route[route]

    def hello(self, route: bytes, hello: m.Hello) -> list[Action]:
        """Registers a client, or refuses another version of the protocol. A second hello is answered, and changes
        nothing."""
        if hello.protocol != PROTOCOL:
            return [ToClient(route, m.Error.of(b"", self._mismatch(hello.protocol)))]
        if any(len(name.encode()) > MAX_HOLDER for name in (hello.holder or "", hello.program)):
            error = HushdError("too_large", f"The name of a holder or a program has at most {MAX_HOLDER} bytes.")
            return [ToClient(route, m.Error.of(b"", error))]
        if route in self._by_route:  # a second hello: the requests and leases already have their holder
            return [ToClient(route, self._welcome)]
        if len(self._by_route) >= self._most:
            text = f"hushd has {self._most} connections, which is its limit: close some, then ask again."
            return [ToClient(route, m.Error.of(b"", HushdError("server_busy", text, 1000)))]
        own_holder = hello.holder is None
        self._count += 1
        holder = hello.holder or f"connection-{self._count}"
        self._by_route[route] = ClientConnection(hello.program or holder, holder, own_holder, hello.pid, self._count)
        self._unanswered[route] = 0
        return [ToClient(route, self._welcome)]

    def _mismatch(self, version: int) -> HushdError:
        return HushdError(
            "version_mismatch",
            f"The client speaks hushd/{version} and this supervisor ({self._welcome.version}) hushd/{PROTOCOL}: "
            f"end it by `kill {self._welcome.pid}`, then try again.",
            detail={"protocol": PROTOCOL},
        )

    def heard(self, route: bytes) -> bool:
        """Notes a sign of life; returns whether that client has said hello."""
        if route in self._by_route:
            self._unanswered[route] = 0
        return route in self._by_route

    def gone(self, route: bytes) -> ClientConnection | None:
        """Forgets and returns a connection that has ended; None for one that never said hello."""
        self._unanswered.pop(route, None)
        return self._by_route.pop(route, None)

    def of(self, name: str) -> set[bytes]:
        """The connections of a program, by the name that `status` shows, or of a holder."""
        return {route for route, each in self._by_route.items() if name in (each.program, each.holder)}

    def reset_unanswered(self) -> None:
        """Resets the counts of missed pongs: the supervisor itself was late, and neither pinged nor heard anybody."""
        self._unanswered = dict.fromkeys(self._by_route, 0)

    def ping_round(self, waits: Callable[[bytes], bool]) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """Returns the clients to ping, those that have fallen quiet and those to give up, of those for which `waits` is
        true.

        The next turn is due after `next_ping_s`.
        """
        if not self._unpinged:
            self._begin_round(waits)
        routes, self._unpinged = self._unpinged[:MAX_WOKEN], self._unpinged[MAX_WOKEN:]
        pinged: list[bytes] = []
        quiet: list[bytes] = []
        silent: list[bytes] = []
        for route in routes:
            if route not in self._by_route or not waits(route):
                continue
            unanswered = self._unanswered[route] = self._unanswered[route] + 1
            if unanswered == QUIET_PONGS + 1:
                quiet.append(route)
            if unanswered <= MISSED_PONGS:
                pinged.append(route)
            elif unanswered == MISSED_PONGS + 1:
                silent.append(route)
        return pinged, quiet, silent

    def _begin_round(self, waits: Callable[[bytes], bool]) -> None:
        for route in self._by_route:
            if waits(route):
                self._unpinged.append(route)
            else:
                self._unanswered[route] = 0
        self._ping_s = PING_S / max(1, math.ceil(len(self._unpinged) / MAX_WOKEN))


class Departure:
    """The stages of leaving, and the clock of a supervisor that leaves by itself.

    Args:
        auto: whether a client started this supervisor; if so, it leaves after a while without worker or request.
    """

    def __init__(self, auto: bool) -> None:
        self._auto = auto
        self._at = -math.inf if auto else math.inf  # set at the first look at the clock
        self._renewing = False
        self._down = False
        self._left = False
        self._needed = False  # whether a program that has used the door still needs it

    @property
    def renewing(self) -> bool:
        """True if the supervisor was asked to leave; until it is `down`, new requests wait for the next one."""
        return self._renewing

    @property
    def down(self) -> bool:
        """True if new requests are refused, and every process ends."""
        return self._down

    def deadline(self) -> float:
        """The time at which the supervisor leaves by itself, `math.inf` for never."""
        return self._at

    def visited(self, needed: bool) -> None:
        """Records whether a program that used the door still needs the supervisor; the idle time starts again."""
        self._needed = needed
        self.begin_again()

    def begin_again(self) -> None:
        """Starts the idle time again, which may have become another one."""
        self._at = math.inf

    def asked(self, renew: bool) -> bool:
        """Takes a wish that the supervisor leave; returns whether it goes down now: at the second wish, or where the
        first does not `renew`, which lets running jobs finish while new requests wait for the next supervisor."""
        self._down = self._down or self._renewing or not renew
        self._renewing = True
        return self._down

    def is_due(self, now: float) -> bool:
        """Returns whether the supervisor has been unused for long enough."""
        return -math.inf < self._at <= now and not self._down

    def leaves_now(self, resting: bool, busy: bool, patience: float, now: float) -> bool:
        """Starts and stops the clock after any event; returns True, once, when the supervisor is to leave now.

        Args:
            resting: whether there is neither a request nor a process.
            busy: whether a claim holds the floor, or waits for it.
            patience: seconds for which the supervisor stays with nothing to do.
        """
        if self._down:
            self._at = math.inf
            leaves = resting and not self._left
            self._left = self._left or leaves
            return leaves
        if self._auto:
            if not resting or busy or self._needed:
                self._at = math.inf
            elif not math.isfinite(self._at):
                self._at = now + (LEAST_IDLE_S if buggify("idle supervisor leaves") else max(LEAST_IDLE_S, patience))
        return False
