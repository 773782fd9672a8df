"""Decides whether a worker fits into a device's memory, and which others must leave first. Sizes in bytes.

A device is the machine, or one graphics card; a start needs a verdict for each device whose memory it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hushd_protocol.light_dataclass import dataclass
from hushd_schema.settings import Settings

RESERVE = 256_000_000  # left to all other programs; in a small container an eighth of its memory
# The worth of keeping an idle worker is in seconds of idleness: a step of priority is worth 100 s, and 10 MB cost one.
PRIORITY = 100.0
SIZE = 0.1e-6  # a byte


class Memory(NamedTuple):
    """The memory of the machine, or of the container that we run in."""

    total: int
    available: int

    @property
    def reserve(self) -> int:
        """The bytes left to all other programs."""
        return min(RESERVE, self.total // 8)


class Room(NamedTuple):
    """A device's memory for workers: the limit for all of them, and how much of it is available now."""

    limit: int
    available: int
    reserve: int


@dataclass(frozen=True, slots=True)
class Resident:
    """A worker with a process.

    Attributes:
        size: bytes now, or once it has loaded.
        idle_s: seconds for which it has been idle; None while it must not be ended for another.
        leaving: whether it was asked to leave, so that its memory will soon be free.
        standby: whether it is a template, which leaves before any worker.
    """

    name: str
    size: int
    priority: int = 0
    idle_s: float | None = None
    leaving: bool = False
    standby: bool = False


class Lack(NamedTuple):
    """Memory that other programs would have to free for a start: of the machine, and of a card; false if none."""

    ram: int = 0
    card: str = ""
    vram: int = 0

    def __bool__(self) -> bool:
        return self.ram > 0 or self.vram > 0


class Verdict(NamedTuple):
    """Admit; or `evict` workers and `wait` for these and for those that already leave; or refuse.

    A refusal says how many bytes it `lacks` even with all idle workers gone, 0 if more free memory would not help.
    """

    admit: bool
    evict: tuple[str, ...] = ()
    wait: bool = False
    lacks: int = 0

    @property
    def possible(self) -> bool:
        """True if the start can be, once others have left."""
        return self.admit or self.wait or self.lacks > 0

    def __and__(self, other: Verdict) -> Verdict:
        """The verdict for a start that needs both: it waits if one waits and neither refuses."""
        refused = not all(verdict.admit or verdict.wait for verdict in (self, other))
        if refused or (self.admit and other.admit):
            return Verdict(not refused)
        return Verdict(False, tuple(dict.fromkeys(self.evict + other.evict)), wait=True)


class Budget:
    """Decides about starts by the settings' share of memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def configure(self, settings: Settings) -> None:
        """Applies another share."""
        self._settings = settings

    def limit(self, memory: Memory) -> int:
        """The most that all workers together may take."""
        return int(self._settings.memory_share * memory.total)

    def room(self, memory: Memory, promised: int) -> Room:
        """The machine's room, less the part `promised` to starting workers."""
        return Room(self.limit(memory), memory.available - promised, memory.reserve)

    def decide(self, need: int, alone: int, room: Room, residents: Iterable[Resident]) -> Verdict:
        """Decides about a start that takes `need` bytes of a device beside `residents`, or `alone` bytes without them.

        Memory counts as free only when its worker's exit was seen; then the caller asks again. A learnt need is only a
        guess: it does not prevent a start for which all other workers have left.
        """
        residents = list(residents)
        victims = []
        missing = _missing(need if residents else alone, room, residents)
        if missing <= 0:
            return Verdict(True)
        missing -= sum(r.size for r in residents if r.leaving)
        if missing <= 0:
            return Verdict(False, wait=True)
        for resident in sorted((r for r in residents if r.idle_s is not None and not r.leaving), key=self.rank):
            victims.append(resident.name)
            missing -= resident.size
            if missing <= 0:
                return Verdict(False, tuple(victims), wait=True)
        none_stays = all(r.leaving or r.idle_s is not None for r in residents)
        freed = sum(r.size for r in residents)
        if residents and none_stays and _missing(alone, room, residents) <= freed:
            return Verdict(False, tuple(victims), wait=True)
        least = alone if none_stays else need
        freed = sum(r.size for r in residents if r.leaving or r.idle_s is not None)
        beyond_limit = sum(r.size for r in residents) + least - room.limit > freed
        return Verdict(False, lacks=0 if beyond_limit else max(0, least + room.reserve - room.available - freed))

    def beyond(self, size: int, residents: Iterable[Resident]) -> list[str]:
        """Names the idle workers that must leave so that the other idle ones take at most `size` bytes together."""
        idle = sorted((r for r in residents if r.idle_s is not None and not r.leaving), key=self.rank)
        size_at_rest = sum(r.size for r in idle)
        names = []
        for resident in idle:
            if size_at_rest <= size:
                break
            names.append(resident.name)
            size_at_rest -= resident.size
        return names

    def rank(self, resident: Resident) -> tuple[bool, float]:
        """The order in which residents leave: templates first, then by their score."""
        return not resident.standby, self.score(resident)

    def score(self, resident: Resident) -> float:
        """The worth of keeping a worker; the lowest leaves first: low priority, long idle, large."""
        return PRIORITY * resident.priority - (resident.idle_s or 0.0) - SIZE * resident.size


def _missing(need: int, room: Room, residents: list[Resident]) -> int:
    """The bytes that `residents` must free for `need` more; 0 or less if there is enough."""
    over = sum(r.size for r in residents) + need - room.limit
    short = need + room.reserve - room.available
    return max(over, short)
