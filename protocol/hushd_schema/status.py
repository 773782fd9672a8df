"""The answers to controls: to `status` about the supervisor, its workers, memory, and the programs that speak or
listen, and to those that change something.

Sizes are in MB of 10^6 bytes, times in seconds. docs/PROTOCOL.md has its form on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorStatus(Record):
    """The supervisor's own process.

    Attributes:
        rss_mb: its resident set.
        pss_mb: its proportional set; None if the system does not report it.
    """

    pid: int
    version: str
    uptime_s: float
    rss_mb: float | None
    pss_mb: float | None

    @property
    def size_mb(self) -> float:
        """The best measure of its memory that there is."""
        return self.pss_mb or self.rss_mb or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus(Record):
    """A worker, with or without a process.

    Attributes:
        name: `ROLE/ENGINE/MODEL`, with `#2` and so on for further processes of it.
        state: `stopped`, `waiting`, `starting`, `ready`, `suspended`, `busy`, `draining`, `stopping`, `killing`,
            `backoff` or `failed`.
        pid: the id of its process; None without one.
        private_mb: its own memory, which its exit frees; `mapped_mb` is pages of files, which the kernel may drop.
        peak_mb: the peak of `private_mb` while it loaded or worked; 0 before it has loaded.
        idle_s: the time since its last job; None unless it is ready or suspended.
        expires_in_s: the time until it ends by itself; None if that is not planned.
        programs: the names of programs whose requests run or wait, four at most.
        sessions: the live sessions among `running`.
        requests: the number of ended requests.
        latency_ms: the median of the last requests' times to their first output; `latency_p95_ms` is the 95th
            percentile.
        holders: the seconds left of each lease, by holder; None for an endless one.
        compute_device: `cpu`, `cuda`, `rocm`, `vulkan` or empty.
        why_there: the reason why it is not on a card; or empty.
        vram_mb: its memory on all cards; None for none. `cards_mb` has it by the card's place on the bus.
        need_mb: the memory that its next process is expected to take.
        failure: why its last process died, or did not start in time, until another one is ready; else empty.
        confined: whether its process reaches only its share, see docs/SECURITY.md.
    """

    name: str
    role: str
    engine: str
    model: str
    state: str
    pid: int | None
    rss_mb: float | None
    pss_mb: float | None
    peak_rss_mb: float | None
    private_mb: float | None
    mapped_mb: float | None
    peak_mb: float | None
    idle_s: float | None
    expires_in_s: float | None
    queued: int
    running: int
    sessions: int
    requests: int
    latency_ms: float | None
    latency_p95_ms: float | None
    starts: int
    crashes: int
    holders: Mapping[str, float | None]
    compute_device: str
    why_there: str
    vram_mb: float | None
    cards_mb: Mapping[str, float]
    need_mb: float
    failure: str = ""
    programs: tuple[str, ...] = ()
    confined: bool = False

    @property
    def size_mb(self) -> float | None:
        """The best measure of its memory that there is."""
        return self.pss_mb or self.rss_mb


@dataclass(frozen=True, slots=True, kw_only=True)
class CardStatus(Record):
    """A graphics card, as of the last look.

    Attributes:
        device: its name in the configuration, such as `cuda:0`.
        id: its place on the bus.
        total_mb: its memory; 0 if it has always been asleep.
        used_mb: the workers' share; `budget_mb` is its maximum.
        asleep: whether its power is off.
        seen_s: the time since the look.
        kept_s: the time for which it is kept for other programs; None if it is not.
    """

    device: str
    id: str
    name: str
    total_mb: float
    free_mb: float
    used_mb: float
    budget_mb: float
    asleep: bool
    seen_s: float
    kept_s: float | None

    @property
    def others_mb(self) -> float:
        return max(0.0, self.total_mb - self.free_mb - self.used_mb)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStatus(Record):
    """The memory for workers.

    Attributes:
        budget_mb: the maximum for all workers.
        used_mb: the memory of all workers.
        available_mb: the machine's available memory.
        reserve_mb: the part of it that worker starts leave to other programs.
        pressure: `normal`, `warning` or `critical`.
        cards_error: why no card can be used, by the last look at them; empty if it succeeded.
    """

    budget_mb: float
    used_mb: float
    available_mb: float
    reserve_mb: float
    pressure: str
    cards: tuple[CardStatus, ...]
    cards_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerStatus(Record):
    """An address for programs that speak HTTP or Wyoming.

    Attributes:
        kind: `http` or `wyoming`.
        service: whether it is a service manager's, which outlives the supervisor.
    """

    kind: str
    address: str
    service: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners(Record):
    """The answer to `listen`: all addresses, including the new ones."""

    listeners: tuple[ListenerStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStatus(Record):
    """The process that serves those programs, or agents that come by HTTP; `pid` is None while it is not needed."""

    pid: int | None
    starts: int
    rss_mb: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorStatus(Record):
    """The door for those programs."""

    listeners: tuple[ListenerStatus, ...]
    gateway: GatewayStatus
    agents: GatewayStatus = GatewayStatus(pid=None, starts=0, rss_mb=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStatus(Record):
    """A program that has the speaker or the microphone.

    Attributes:
        turn: its number, for `stop_speaking`.
        client: the name of the program.
        pid: the program's process id; 0 if unknown.
        for_s: the length of its turn so far.
    """

    turn: int
    client: str
    pid: int
    priority: str
    for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorStatus(Record):
    """The programs that speak and listen.

    Attributes:
        wake: the programs that listen in the background, for a word or for captions.
        waiting: the number of waiting turns.
        paused: whether all speech, and listening in the background, is paused.
    """

    speaker: TurnStatus | None
    microphone: TurnStatus | None
    wake: tuple[TurnStatus, ...] = ()
    waiting: int
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsStatus(Record):
    """The requests of a role that have ended since the supervisor's start.

    Attributes:
        outcomes: their numbers, by `done`, `cancelled` or an error's code.
        total_s: the sum of their times from request to end.
        within: how many of them took no longer than each of `limits.BOUNDS_S`.
    """

    role: str
    outcomes: Mapping[str, int]
    total_s: float
    within: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Record):
    """The answer to `status`; `hushd status --json` prints `data()`.

    Attributes:
        requests: the ended requests of each role that has had any.
        door: the door; None if hushd does not listen for HTTP or Wyoming.
    """

    supervisor: SupervisorStatus
    workers: tuple[WorkerStatus, ...]
    memory: MemoryStatus
    door: DoorStatus | None = None
    floor: FloorStatus
    requests: tuple[RequestsStatus, ...] = ()


# --- controls that change something ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns(Record):
    """The answer to `stop`, `cancel`, `pause` and `resume`: the numbers of the affected turns."""

    turns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedWorkers(Record):
    """The answer to `unload`.

    Attributes:
        unloaded: the names of the workers whose processes are gone, or are suspended and off their cards.
        busy: the names of the workers that go on for now, each with the number of other programs' jobs there.
    """

    unloaded: tuple[str, ...]
    busy: Mapping[str, int] = field(default_factory=dict)
