"""The actions that the pool asks of the loop. A failed action comes back as an event, never as an exception
(`failures`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hushd_protocol.messages import Message

if TYPE_CHECKING:
    from hushd_schema.status import FloorStatus


@dataclass(frozen=True, slots=True)
class OfProcess:
    """A request to one process: generation `gen` of `worker`."""

    worker: str
    gen: int


@dataclass(frozen=True, slots=True)
class Spawn(OfProcess):
    """Start generation `gen` of `worker`. Comes back as `Spawned` or `SpawnFailed`, and ends as `Exited`.

    `compute_device` replaces the configuration's, unless it is empty. `card` is the only card that the process may see
    (empty: the cards that the device names), and `why` is the reason in its `Place`.
    """

    compute_device: str = ""
    card: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Kill(OfProcess):
    """SIGKILL the process group of `worker`'s generation `gen`, and its descendants; its `Exited` comes later."""


@dataclass(frozen=True, slots=True)
class ProbeStart(OfProcess):
    """Read how much the starting process has used so far; answered by `StartProbed`, or not at all if the process is
    gone."""


@dataclass(frozen=True, slots=True)
class ToWorker(OfProcess):
    """Send to the process; fails as `SendFailed`."""

    message: Message


@dataclass(frozen=True, slots=True)
class ToClient:
    """Send to a connection; fails as `ClientGone`."""

    route: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """Answer control `id` of `route` with one Result: the pool's rows, the system's figures for the processes, and
    `floor`, the holders of the devices."""

    route: bytes
    id: bytes
    floor: FloorStatus


@dataclass(frozen=True, slots=True)
class ReportMemory:
    """Answer control `id` of `route` with the memory record, in one Result."""

    route: bytes
    id: bytes


@dataclass(frozen=True, slots=True)
class Describe:
    """Ask the workers' package of `role` (`stt`, `tts`) for its engines; answered by `Described`."""

    role: str


@dataclass(frozen=True, slots=True)
class ProbeCards:
    """Ask the cards' driver for the free memory, by a process, in limited time; answered by `CardsProbed`."""


@dataclass(frozen=True, slots=True)
class Remember:
    """Save the memory that workers have needed, as in `memory.needs`, for the next life of the supervisor."""

    needs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Relieve:
    """Run the user's `command`, which may free memory for a worker's start: `ram` bytes of the machine's, and `vram` of
    the card `device` at the place `card` on the bus. Answered by `Relieved`, within eleven seconds."""

    command: tuple[str, ...]
    worker: str
    ram: int
    vram: int
    device: str
    card: str


@dataclass(frozen=True, slots=True)
class Configure:
    """Read the configuration again and answer control `id` of `route`. Comes back as `Configured`, unless the file is
    wrong: then the answer is the error, and nothing changes."""

    route: bytes
    id: bytes


@dataclass(frozen=True, slots=True)
class Listen:
    """Listen for HTTP and Wyoming at `addresses` (KIND=ADDRESS) too, until `route` is gone, and answer its control
    `id`."""

    route: bytes
    id: bytes
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeepPause:
    """Save whether all speech is `paused`, for the next life of the supervisor."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Log:
    """Write a line to the supervisor's log; `level` as in logging (INFO, WARNING, ERROR)."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class PrepareEnd:
    """The supervisor will leave: serve no new visitors; with `stop`, take no new connections either."""

    stop: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """End the supervisor, after a `PrepareEnd`: nothing is left to do."""


Action = (
    Spawn | Kill | ProbeStart | ToWorker | ToClient | ReportStatus | ReportMemory | Describe
    | ProbeCards | Relieve | Configure | Listen | Remember | KeepPause | Log | PrepareEnd | Leave
)  # fmt: skip


class Outbox(list[Action]):
    """The actions that one worker has decided on, in order; the method that took the event returns them."""

    def flush(self) -> list[Action]:
        """Empties the outbox and returns its actions."""
        actions = self.copy()
        self.clear()
        return actions
