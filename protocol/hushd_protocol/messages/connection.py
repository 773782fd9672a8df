"""The beginning of a connection, and its signs of life."""

from __future__ import annotations

from typing import ClassVar

from hushd_protocol.light_dataclass import dataclass

from .message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Message):
    """client -> supervisor: the first message, sent once. Requests are sent after `welcome`.

    `holder` names the owner of the leases that outlive connections (`cli` for the commands); None: this connection.
    """

    TYPE: ClassVar[str] = "hello"

    protocol: int
    version: str
    holder: str | None = None
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(Message):
    """supervisor -> client or worker: the answer to a hello."""

    TYPE: ClassVar[str] = "welcome"

    protocol: int
    version: str
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHello(Message):
    """worker -> supervisor: the first message, sent once, with the one-time token from its environment."""

    TYPE: ClassVar[str] = "worker_hello"

    token: str
    protocol: int
    version: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Message):
    """supervisor -> client: sent every 2 s while the client has a request; answered by `pong`."""

    TYPE: ClassVar[str] = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Message):
    """client -> supervisor: the answer to a ping."""

    TYPE: ClassVar[str] = "pong"
