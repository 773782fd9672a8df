"""What the pool asks of the loop. A failed action comes back as an event, never as an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hushd_protocol.messages import Message


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start generation `gen` of `worker`. Fails as `SpawnFailed`, ends as `Exited`."""

    worker: str
    gen: int


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL the process group of `worker`'s generation `gen`, and its descendants; its `Exited` comes later."""

    worker: str
    gen: int


@dataclass(frozen=True, slots=True)
class ToWorker:
    """Send to the process; fails as `SendFailed`."""

    worker: str
    gen: int
    message: Message


@dataclass(frozen=True, slots=True)
class ToClient:
    """Send to a connection; fails as `ClientGone`."""

    route: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """Answer control request `id` of `route` with the status of everything: what the pool says and what the
    operating system says of its processes, in one Result. `floor` is who speaks and listens."""

    route: bytes
    id: bytes
    floor: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Describe:
    """Ask the workers' package of `role` (`stt`, `tts`) what engines there are; answered by `Described`."""

    role: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep for the next life of the supervisor what each worker has needed, in bytes by name."""

    needs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Configure:
    """Read the configuration again: it comes back as `Configured`. Control request `id` of `route` is told so, or what
    is wrong with it, in which case nothing changes."""

    route: bytes
    id: bytes


@dataclass(frozen=True, slots=True)
class Log:
    """One line for the supervisor's log; `level` as in logging (INFO, WARNING, ERROR)."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is left to do: end the supervisor."""


Action = Spawn | Kill | ToWorker | ToClient | ReportStatus | Describe | Configure | Remember | Log | Leave
