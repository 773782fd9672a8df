"""The events that the loop passes to the pool, one frozen dataclass each.

`worker` is a full name such as `stt/moonshine/tiny-en`; `gen` is the generation of its process, counted from 1. The
worker drops events of an old generation. `route` is the routing id of a client's connection, fresh for each connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hushd_protocol import JsonObject
from hushd_protocol.cards import Card
from hushd_protocol.messages import Message
from hushd_schema.settings import Settings


@dataclass(frozen=True, slots=True)
class FromClient:
    """A decoded message of `hushd_protocol.messages.FROM_CLIENT`."""

    route: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class ClientGone:
    """The connection ended, or takes no more messages (`slow`: its queue of 1000 is full)."""

    route: bytes
    slow: bool = False


@dataclass(frozen=True, slots=True)
class OfProcess:
    """News of one process of a worker."""

    worker: str
    gen: int


@dataclass(frozen=True, slots=True)
class FromWorker(OfProcess):
    """A decoded message of `FROM_WORKER`, WorkerHello among them, from a process that has shown its token."""

    message: Message


@dataclass(frozen=True, slots=True)
class Exited(OfProcess):
    """The process was reaped; everything that it had sent was handed over before.

    `status` is as in Popen.returncode; `out_of_memory` says whether the kernel killed one of our processes for lack of
    memory while this one lived, None if that is unknown, and `stopped` whether it stood still by a signal when we
    killed it.
    """

    status: int
    log_tail: str = ""
    out_of_memory: bool | None = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Spawned(OfProcess):
    """A process was started, perhaps some time after the decision: its time to say hello begins."""


@dataclass(frozen=True, slots=True)
class Used:
    """The use of a process and its descendants so far: CPU seconds, bytes read, and bytes of private memory now."""

    cpu_s: float = 0.0
    read: int = 0
    private: int = 0


@dataclass(frozen=True, slots=True)
class StartProbed(OfProcess):
    """The answer to `ProbeStart`."""

    used: Used


@dataclass(frozen=True, slots=True)
class SpawnFailed(OfProcess):
    """No process could be started; counts as a crash, unless it only lacks what other processes hold now
    (`transient`)."""

    reason: str
    transient: bool = False


@dataclass(frozen=True, slots=True)
class SendFailed(OfProcess):
    """A message for a living worker could not be sent."""


@dataclass(frozen=True, slots=True)
class Described:
    """The answer to `Describe`: a catalogue of engines, or the reason why there is none."""

    role: str
    catalogue: JsonObject = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class CardsProbed:
    """The answer to `ProbeCards`: the graphics cards, or the reason why they cannot be looked at."""

    cards: tuple[Card, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Relieved:
    """The program of `Relieve` has ended, or could not be started; `freed`: it says that it has freed memory."""

    freed: bool = False


@dataclass(frozen=True, slots=True)
class Configured:
    """The configuration was read again, without errors."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Expected:
    """A program says that it will soon ask: the role of its worker, and the languages that its request will have."""

    role: str
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visited:
    """A program has used the door. `needed`: it needs this process to stay, however long the door is unused."""

    needed: bool


@dataclass(frozen=True, slots=True)
class Shutdown:
    """SIGTERM, SIGINT or `hushd shutdown`; a second one kills the jobs for which the first one waits.
    `renew`: the next supervisor starts at once, so new requests wait for it instead of being refused."""

    renew: bool = False


Event = (
    FromClient | ClientGone | FromWorker | Exited | Spawned | StartProbed | SpawnFailed
    | SendFailed | Described | CardsProbed | Relieved | Configured | Shutdown | Visited | Expected
)  # fmt: skip
