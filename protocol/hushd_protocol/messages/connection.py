"""The base of all messages, and those of a client's connection: its beginning, its signs of life, and what does not
concern its own requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message; the `type` of its class is the value of the header's key of that name."""

    TYPE: ClassVar[str] = ""

    payload: bytes = b""

    def __init_subclass__(cls, type: str = "") -> None:
        cls.TYPE = type or cls.TYPE  # it is made twice, the second time with slots


# --- connections ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Message, type="hello"):
    """client -> supervisor: the first message, sent once. Requests are sent after `welcome`.

    `program` is the name by which people know it: `status` and logs show it, `stop` and `pause` take it; empty: the
    holder's. `holder` owns the leases that outlive connections (`cli` for all commands); None: this connection.
    """

    protocol: int
    version: str
    program: str = ""
    holder: str | None = None
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(Message, type="welcome"):
    """supervisor -> client or worker: the answer to a hello."""

    protocol: int
    version: str
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHello(Message, type="worker_hello"):
    """worker -> supervisor: the first message, sent once, with the one-time token from its environment."""

    token: str
    protocol: int
    version: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Message, type="ping"):
    """supervisor -> client: sent every 2 s while the client has a request; answered by `pong`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Message, type="pong"):
    """client -> supervisor: the answer to a ping."""


# --- controls, and turns with the devices ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Message, type="control"):
    """client -> supervisor: `status`, `describe`, `unload`, `shutdown`; `names` are workers.

    `stop`, `cancel`, `pause` and `resume` concern speech: `names` are numbers of turns, clients, or `self`.
    `force`: an `unload` also ends the jobs of other clients. `for_s`: for so many seconds no worker starts on a
    graphics card after an `unload`, or `everywhere` none at all; 0 ends that, and -1 is for an `unload` without it.
    `hold`: that is so for as long as the connection lives.

    Answered by `result` or `error`. A control never counts as use of a worker.
    """

    id: bytes
    action: str
    names: list[str] = field(default_factory=list)
    force: bool = False
    for_s: float = -1.0
    hold: bool = False
    everywhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Message, type="claim"):
    """client -> supervisor: claims `devices` (`speaker`, `microphone`), all of them at once or none.

    Answered by `turn` at every change of its state, and ended like a request by one `result` or `error`. With `pauses`,
    a pause also concerns a claim that only listens, such as that of a program on another machine.
    """

    id: bytes
    devices: list[str]
    priority: str = "text"
    pauses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Message, type="turn"):
    """supervisor -> client: the state of a claim: `waiting`, `granted` or `paused`.

    `waiting` and `paused` after `granted` mean: be silent within a second, and send `yield`. `number` is the claim's
    name for people; `position` its place among the waiting claims, 0 for the next.
    """

    id: bytes
    state: str
    number: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield(Message, type="yield"):
    """client -> supervisor: the devices of this claim are silent. With `keep` the claim returns to its old place."""

    id: bytes
    keep: bool = False
