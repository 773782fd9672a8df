"""The answers to controls: to `status` about the supervisor, its workers, memory, and the programs that speak or
listen, and to those that change something.

Sizes are in MB of 10^6 bytes, times in seconds. docs/PROTOCOL.md has its form on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping

from hushd_protocol.values import Finite
from msgspec import field

from .record import Record


class SupervisorStatus(Record, frozen=True, kw_only=True):
    """The supervisor's own process.

    Attributes:
        rss_mb: its resident set.
        pss_mb: its proportional set; None if the system does not report it.
    """

    pid: int
    version: str
    uptime_s: Finite
    rss_mb: Finite | None
    pss_mb: Finite | None

    @property
    def size_mb(self) -> float:
        """The best measure of its memory that there is."""
        return self.pss_mb or self.rss_mb or 0.0


class WorkerStatus(Record, frozen=True, kw_only=True):
    """A worker, with or without a process.

    Attributes:
        name: `ROLE/ENGINE/MODEL`, with `#2` and so on for further processes of it.
        state: `stopped`, `waiting`, `starting`, `ready`, `busy`, `draining`, `stopping`, `killing`,
            `backoff` or `failed`.
        pid: the id of its process; None without one.
        private_mb: its own memory, which its exit frees; `mapped_mb` is pages of files, which the kernel may drop.
        peak_mb: the peak of `private_mb` while it loaded or worked; 0 before it has loaded.
        idle_s: the time since its last job; None unless it is ready.
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
    rss_mb: Finite | None
    pss_mb: Finite | None
    peak_rss_mb: Finite | None
    private_mb: Finite | None
    mapped_mb: Finite | None
    peak_mb: Finite | None
    idle_s: Finite | None
    expires_in_s: Finite | None
    queued: int
    running: int
    sessions: int
    requests: int
    latency_ms: Finite | None
    latency_p95_ms: Finite | None
    starts: int
    crashes: int
    holders: Mapping[str, Finite | None]
    compute_device: str
    why_there: str
    vram_mb: Finite | None
    cards_mb: Mapping[str, Finite]
    need_mb: Finite
    failure: str = ""
    programs: tuple[str, ...] = ()
    confined: bool = False

    @property
    def size_mb(self) -> float | None:
        """The best measure of its memory that there is."""
        return self.pss_mb or self.rss_mb


class CardStatus(Record, frozen=True, kw_only=True):
    """A graphics card, as of the last look.

    Attributes:
        device: its name in the configuration, such as `cuda:0`.
        id: its place on the bus.
        total_mb: its memory; 0 if it has always been asleep.
        used_mb: the workers' share; `budget_mb` is its maximum.
        asleep: whether its power is off.
        seen_s: the time since the look.
    """

    device: str
    id: str
    name: str
    total_mb: Finite
    free_mb: Finite
    used_mb: Finite
    budget_mb: Finite
    asleep: bool
    seen_s: Finite

    @property
    def others_mb(self) -> float:
        return max(0.0, self.total_mb - self.free_mb - self.used_mb)


class MemoryStatus(Record, frozen=True, kw_only=True):
    """The memory for workers.

    Attributes:
        budget_mb: the maximum for all workers.
        used_mb: the memory of all workers.
        available_mb: the machine's available memory.
        reserve_mb: the part of it that worker starts leave to other programs.
        pressure: `normal`, `warning` or `critical`.
        cards_error: why no card can be used, by the last look at them; empty if it succeeded.
    """

    budget_mb: Finite
    used_mb: Finite
    available_mb: Finite
    reserve_mb: Finite
    pressure: str
    cards: tuple[CardStatus, ...]
    cards_error: str = ""


class ListenerStatus(Record, frozen=True, kw_only=True):
    """An address for programs that speak HTTP or Wyoming.

    Attributes:
        kind: `http` or `wyoming`.
        service: whether it is a service manager's, which outlives the supervisor.
    """

    kind: str
    address: str
    service: bool


class Listeners(Record, frozen=True, kw_only=True):
    """The answer to `listen`: all addresses, including the new ones."""

    listeners: tuple[ListenerStatus, ...]


class GatewayStatus(Record, frozen=True, kw_only=True):
    """The process that serves those programs, or agents that come by HTTP; `pid` is None while it is not needed."""

    pid: int | None
    starts: int
    rss_mb: Finite | None


class DoorStatus(Record, frozen=True, kw_only=True):
    """The door for those programs."""

    listeners: tuple[ListenerStatus, ...]
    gateway: GatewayStatus
    agents: GatewayStatus = GatewayStatus(pid=None, starts=0, rss_mb=None)


class TurnStatus(Record, frozen=True, kw_only=True):
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
    for_s: Finite


class FloorStatus(Record, frozen=True, kw_only=True):
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


class RequestsStatus(Record, frozen=True, kw_only=True):
    """The requests of a role that have ended since the supervisor's start.

    Attributes:
        outcomes: their numbers, by `done`, `cancelled` or an error's code.
        total_s: the sum of their times from request to end.
        within: how many of them took no longer than each of `limits.BOUNDS_S`.
    """

    role: str
    outcomes: Mapping[str, int]
    total_s: Finite
    within: tuple[int, ...]


class Status(Record, frozen=True, kw_only=True):
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


class Turns(Record, frozen=True, kw_only=True):
    """The answer to `stop`, `cancel`, `pause` and `resume`: the numbers of the affected turns."""

    turns: tuple[int, ...]


class EndedWorkers(Record, frozen=True, kw_only=True):
    """The answer to `unload`.

    Attributes:
        unloaded: the names of the workers whose processes are gone.
        busy: the names of the workers that go on for now, each with the number of other programs' jobs there.
    """

    unloaded: tuple[str, ...]
    busy: Mapping[str, int] = field(default_factory=dict)
