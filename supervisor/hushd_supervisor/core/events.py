"""What the loop tells the pool: everything that can happen, one frozen dataclass each.

`worker` is a full name such as `stt/moonshine/tiny-en`; `gen` is the generation of its process, counted from 1. An
event of an old generation is dropped by the brain. `route` is the routing id of a client's connection, fresh for
each connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hushd_protocol.messages import Message

from .pressure import Level
from .settings import Settings


@dataclass(frozen=True, slots=True)
class FromClient:
    """A decoded message of `hushd_protocol.messages.FROM_CLIENT`."""

    route: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class ClientGone:
    """The connection ended, or cannot take what is sent to it (`slow`: its queue of 1000 messages is full)."""

    route: bytes
    slow: bool = False


@dataclass(frozen=True, slots=True)
class FromWorker:
    """A decoded message of `FROM_WORKER`, from a process that has shown its token (WorkerHello comes through too)."""

    worker: str
    gen: int
    message: Message


@dataclass(frozen=True, slots=True)
class Exited:
    """The process was reaped and all it had sent was handed over before. `status` is as Popen.returncode.

    `out_of_memory`: the kernel has killed some process of ours for want of memory while this one lived.
    """

    worker: str
    gen: int
    status: int
    log_tail: str = ""
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """No process could be started; counts as a crash."""

    worker: str
    gen: int
    reason: str


@dataclass(frozen=True, slots=True)
class SendFailed:
    """A message for a living worker could not be sent."""

    worker: str
    gen: int


@dataclass(frozen=True, slots=True)
class Described:
    """The answer to a `Describe` action: a catalogue of engines, or why there is none."""

    role: str
    catalogue: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Pressure:
    """A sign that memory is short, as `level` means it."""

    level: Level


@dataclass(frozen=True, slots=True)
class Configured:
    """The configuration was read again, and is right."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Shutdown:
    """SIGTERM, SIGINT or `hushd shutdown`; the second one kills what the first one waits for.

    `renew`: a next supervisor will come at once, and who asks meanwhile waits for it instead of being refused.
    """

    renew: bool = False


Event = (
    FromClient
    | ClientGone
    | FromWorker
    | Exited
    | SpawnFailed
    | SendFailed
    | Described
    | Pressure
    | Configured
    | Shutdown
)
