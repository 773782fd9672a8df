"""The handshake after the greeting, by the mechanism NULL."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from . import codec

UNEXPECTED_COMMAND, MISMATCH = 0x10000001, 0x11000002  # as libzmq has them
_PEERS = {
    "DEALER": (b"REP", b"DEALER", b"ROUTER"),
    "ROUTER": (b"REQ", b"DEALER", b"ROUTER"),
    "PAIR": (b"PAIR",),
}


class Status(Enum):
    """Of a handshake."""

    GOING_ON = auto()
    READY = auto()


class Refused(Exception):
    """The peer breaks the protocol, or is refused; `event`: what the monitor hears of it, with a value."""

    def __init__(self, event: str = "", value: int = 0) -> None:
        self.event = event
        self.value = value


@dataclass
class Mechanism:
    """Each says READY."""

    kind: str  # of the socket
    route: bytes
    status: Status = Status.GOING_ON
    peer_route: bytes = b""
    _outward: list[bytes] = field(default_factory=list)
    _said: bool = False
    _heard: bool = False

    def begin(self) -> None:
        self._outward.append(codec.command("READY", self._metadata()))

    def _metadata(self) -> bytes:
        values = {"Socket-Type": self.kind.encode()}
        if self.kind in ("DEALER", "ROUTER"):
            values["Identity"] = self.route
        return codec.properties(values)

    def _learn(self, data: bytes) -> None:
        try:
            values = codec.read_properties(data)
        except ValueError as error:
            raise Refused from error
        if values.get("Socket-Type", b"ROUTER" if self.kind != "PAIR" else b"PAIR") not in _PEERS[self.kind]:
            raise Refused
        self.peer_route = values.get("Identity", b"")

    def next(self) -> bytes | None:
        """Returns the next command to send, once there is one."""
        if not self._outward:
            return None
        self._said = True
        data = self._outward.pop(0)
        self._settle()
        return data

    def process(self, data: bytes) -> None:
        """Takes a command of the peer. Raises Refused."""
        if data[:6] != b"\x05READY" or self._heard:
            raise Refused("HANDSHAKE_FAILED_PROTOCOL", UNEXPECTED_COMMAND)
        self._learn(data[6:])
        self._heard = True
        self._settle()

    def _settle(self) -> None:
        if self._said and self._heard and self.status is Status.GOING_ON:
            self.status = Status.READY
