"""The handshake after the greeting: NULL, and CURVE as far as its course goes: who is who is believed, not proved.

A CURVE handshake has the commands of the real one, of the same sizes, with the keys in them as they are. So a wrong key
of the server is known by comparing, a client's is shown to the authenticator, and frames are as much longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from . import codec

_COOKIE = 168  # bytes of a WELCOME
_HELLO = 200
_OVERHEAD = 16  # bytes of a box beyond its text
UNEXPECTED_COMMAND, CRYPTOGRAPHIC, MISMATCH = 0x10000001, 0x11000001, 0x11000002  # as libzmq has them
_PEERS = {
    "DEALER": (b"REP", b"DEALER", b"ROUTER"),
    "ROUTER": (b"REQ", b"DEALER", b"ROUTER"),
    "REP": (b"REQ", b"DEALER"),
    "PAIR": (b"PAIR",),
}
KEY = 32


class Status(Enum):
    """Of a handshake."""

    GOING_ON = auto()
    READY = auto()
    FAILED = auto()


class Refused(Exception):
    """The peer breaks the protocol, or is refused; `event`: what the monitor hears of it, with a value."""

    def __init__(self, event: str = "", value: int = 0) -> None:
        self.event = event
        self.value = value


class Abandoned(Exception):
    """Nobody can be asked who must be: libzmq reads no more, and leaves the rest to the limit of a handshake's time."""


@dataclass
class Mechanism:
    """NULL: each says READY."""

    kind: str  # of the socket
    route: bytes
    status: Status = Status.GOING_ON
    peer_route: bytes = b""
    user: str = ""
    _outward: list[bytes] = field(default_factory=list)
    _said: bool = False
    _heard: bool = False

    def begin(self) -> None:
        self._outward.append(codec.command("READY", self._metadata()))

    def _metadata(self) -> bytes:
        values = {"Socket-Type": self.kind.encode()}
        if self.kind in ("DEALER", "REQ", "ROUTER"):
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
        if not self._outward[0].startswith(b"\x05ERROR"):
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

    def encode(self, flags: int, data: bytes) -> tuple[int, bytes]:
        """A frame as it goes over the wire."""
        return flags, data

    def decode(self, flags: int, data: bytes) -> tuple[int, bytes]:
        """A frame that came over the wire. Raises Refused."""
        return flags, data


class _Curve(Mechanism):
    def encode(self, flags: int, data: bytes) -> tuple[int, bytes]:
        return 0, b"\x07MESSAGE" + bytes(8 + _OVERHEAD) + bytes([flags]) + data

    def decode(self, flags: int, data: bytes) -> tuple[int, bytes]:
        if len(data) < 33 or data[:8] != b"\x07MESSAGE":
            raise Refused
        return data[32], data[33:]


class CurveClient(_Curve):
    """Begins with HELLO and INITIATE.

    Args:
        public: our key.
        server: the key that the server must have.
    """

    def __init__(self, kind: str, route: bytes, public: bytes, server: bytes) -> None:
        super().__init__(kind, route)
        self._public = public
        self._server = server

    def begin(self) -> None:
        self._outward.append(codec.command("HELLO", b"\x01\x00" + self._server).ljust(_HELLO, b"\0"))

    def process(self, data: bytes) -> None:
        if data[:8] == b"\x07WELCOME":
            body = bytes(8 + 96 + 8 + _OVERHEAD) + self._public + bytes(16 + 80) + self._metadata()
            self._outward.append(codec.command("INITIATE", body))
        elif data[:6] == b"\x05READY":
            self._learn(data[14 + _OVERHEAD :])
            self._heard = True
        elif data[:6] == b"\x05ERROR":
            self.status = Status.FAILED
            reason = data[7:]
            if len(reason) == 3 and reason[1:] == b"00" and reason[:1] in b"345":
                raise Refused("HANDSHAKE_FAILED_AUTH", int(reason))
            raise Refused
        else:
            raise Refused
        self._settle()

    def _settle(self) -> None:
        if self._heard and self.status is Status.GOING_ON:
            self.status = Status.READY


class CurveServer(_Curve):
    """Answers with WELCOME and READY, or an ERROR.

    Args:
        public: our key.
        ask: asks the authenticator for a key, which answers by `judged`; returns False where there is none.
        enforced: whether one must be there.
    """

    def __init__(self, kind: str, route: bytes, public: bytes, ask: Callable[[bytes], bool], enforced: bool) -> None:
        super().__init__(kind, route)
        self._public = public
        self._ask = ask
        self._enforced = enforced
        self._ready = False

    def begin(self) -> None:
        """Waits for HELLO."""

    def process(self, data: bytes) -> None:
        if data[:6] == b"\x05HELLO" and len(data) == _HELLO:
            if data[8 : 8 + KEY] != self._public:
                raise Refused("HANDSHAKE_FAILED_PROTOCOL", CRYPTOGRAPHIC)
            self._outward.append(codec.command("WELCOME", b"").ljust(_COOKIE, b"\0"))
        elif data[:9] == b"\x08INITIATE":
            place = 9 + 8 + 96 + 8 + _OVERHEAD
            self._learn(data[place + KEY + 96 :])
            if self._ask(data[place : place + KEY]):
                return
            if self._enforced:
                raise Abandoned
            self.judged("200", "")
        else:
            raise Refused

    def judged(self, status: str, user: str) -> None:
        """Takes the authenticator's answer."""
        if status == "200":
            self.user = user
            self._outward.append(codec.command("READY", bytes(8 + _OVERHEAD) + self._metadata()))
            self._ready = True
        elif status in ("400", "500"):
            self._outward.append(codec.command("ERROR", b"\x03" + status.encode()))
        else:
            self.status = Status.FAILED  # and libzmq leaves it at that

    def _settle(self) -> None:
        if self._ready and not self._outward:
            self.status = Status.READY

    def next(self) -> bytes | None:
        data = super().next()
        if data is not None and data.startswith(b"\x05ERROR"):
            self.status = Status.FAILED
        return data
