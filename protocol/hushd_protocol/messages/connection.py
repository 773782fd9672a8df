"""The base of all messages, and those of a client's connection: its beginning, its signs of life, and what does not
concern its own requests."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from hushd_protocol.limits import ID_BYTES, MAX_CREDIT

Id = Annotated[bytes, Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
Credits = Annotated[int, Meta(ge=0, le=MAX_CREDIT)]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """A message; the tag of its class is the value of the header's key `type`."""

    payload: bytes = b""


# --- connections ---


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """client -> supervisor: the first message, sent once. Requests are sent after `welcome`.

    `program` is the name by which people know it: `status` and logs show it, `stop` and `pause` take it; empty: the
    holder's. `holder` owns the leases that outlive connections (`cli` for all commands); None: this connection.
    """

    protocol: int
    version: str
    program: str = ""
    holder: str | None = None
    pid: int = 0


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """supervisor -> client or worker: the answer to a hello."""

    protocol: int
    version: str
    pid: int = 0


class WorkerHello(Message, frozen=True, kw_only=True, tag="worker_hello"):
    """worker -> supervisor: the first message, sent once, with the one-time token from its environment."""

    token: str
    protocol: int
    version: str
    pid: int


class Ping(Message, frozen=True, kw_only=True, tag="ping"):
    """supervisor -> client: sent every 2 s while the client has a request; answered by `pong`."""


class Pong(Message, frozen=True, kw_only=True, tag="pong"):
    """client -> supervisor: the answer to a ping."""


# --- controls, and turns with the devices ---


class Control(Message, frozen=True, kw_only=True, tag="control"):
    """client -> supervisor: `status`, `describe`, `unload`, `shutdown`; `names` are workers.

    `stop`, `cancel`, `pause` and `resume` concern speech: `names` are numbers of turns, clients, or `self`.
    `force`: an `unload` also ends the jobs of other clients.

    Answered by `result` or `error`. A control never counts as use of a worker.
    """

    id: Id
    action: str
    names: list[str] = field(default_factory=list)
    force: bool = False


class Claim(Message, frozen=True, kw_only=True, tag="claim"):
    """client -> supervisor: claims `devices` (`speaker`, `microphone`), all of them at once or none.

    Answered by `turn` at every change of its state, and ended like a request by one `result` or `error`. With `pauses`,
    a pause also concerns a claim that only listens, such as that of a program on another machine.
    """

    id: Id
    devices: list[str]
    priority: str = "text"
    pauses: bool = False


class Turn(Message, frozen=True, kw_only=True, tag="turn"):
    """supervisor -> client: the state of a claim: `waiting`, `granted` or `paused`.

    `waiting` and `paused` after `granted` mean: be silent within a second, and send `yield`. `number` is the claim's
    name for people; `position` its place among the waiting claims, 0 for the next.
    """

    id: Id
    state: str
    number: int = 0
    position: int = 0


class Yield(Message, frozen=True, kw_only=True, tag="yield"):
    """client -> supervisor: the devices of this claim are silent. With `keep` the claim returns to its old place."""

    id: Id
    keep: bool = False
