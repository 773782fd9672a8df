"""Decides whether another worker fits into a device's memory, and which must leave first if not. Sizes in bytes.

A device is the machine, or one graphics card; a start needs the verdict of each that it takes memory of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hushd_protocol.light_dataclass import dataclass
from hushd_schema.settings import Settings

RESERVE = 256_000_000  # left to all other programs; in a small container an eighth of its memory


class Memory(NamedTuple):
    """The memory of the machine, or of the container that we are in."""

    total: int
    available: int

    @property
    def reserve(self) -> int:
        """The part that is left to all other programs."""
        return min(RESERVE, self.total // 8)


class Room(NamedTuple):
    """A device's memory for workers: the most that all may take, and the part of that `available` now to leave."""

    limit: int
    available: int
    reserve: int


@dataclass(frozen=True, slots=True)
class Resident:
    """A worker with a process.

    Attributes:
        size: of now, or once it has loaded.
        idle_s: seconds that it has been idle; None while it must not be ended for another.
        leaving: whether it was asked to leave, so that its memory will soon be free.
        standby: whether it is a template, which leaves before any worker.
    """

    name: str
    size: int
    priority: int = 0
    idle_s: float | None = None
    leaving: bool = False
    standby: bool = False


class Verdict(NamedTuple):
    """Either `admit`; or `evict` these and `wait` for them and for those that leave already; or refuse."""

    admit: bool
    evict: tuple[str, ...] = ()
    wait: bool = False

    def __and__(self, other: Verdict) -> Verdict:
        """The verdict for a start that needs both: it waits where one of them waits, and neither refuses."""
        refused = not all(verdict.admit or verdict.wait for verdict in (self, other))
        if refused or (self.admit and other.admit):
            return Verdict(not refused)
        return Verdict(False, tuple(dict.fromkeys(self.evict + other.evict)), wait=True)


class Budget:
    """Decides about starts by the share of memory and the weights in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def configure(self, settings: Settings) -> None:
        """Applies another share and other weights."""
        self._settings = settings

    def limit(self, memory: Memory) -> int:
        """The most that all workers together may take."""
        return int(self._settings.memory_share * memory.total)

    def room(self, memory: Memory, promised: int) -> Room:
        """The machine's room, of which starting workers were `promised` a part that they have not taken yet."""
        return Room(self.limit(memory), memory.available - promised, memory.reserve)

    def decide(self, need: int, alone: int, room: Room, residents: Iterable[Resident]) -> Verdict:
        """Decides about a start that takes `need` of a device beside `residents`, or `alone` where there are none.

        The memory of those that leave is not free before their exits are seen; then the caller asks again. A learnt
        need only guesses at this life's: it bars no start for which all others have left.
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
        return Verdict(False)

    def beyond(self, size: int, residents: Iterable[Resident]) -> list[str]:
        """Names those at rest that must leave so that all others at rest together take at most `size`."""
        idle = sorted((r for r in residents if r.idle_s is not None and not r.leaving), key=self.rank)
        left = sum(r.size for r in idle)
        names = []
        for resident in idle:
            if left <= size:
                break
            names.append(resident.name)
            left -= resident.size
        return names

    def rank(self, resident: Resident) -> tuple[bool, float]:
        """The order in which residents leave: templates first, then by their score."""
        return not resident.standby, self.score(resident)

    def score(self, resident: Resident) -> float:
        """The rank in eviction; the lowest goes first: of low priority, long idle, large."""
        weights = self._settings
        return (
            weights.weight_priority * resident.priority
            - weights.weight_idle * (resident.idle_s or 0.0)
            - weights.weight_size * resident.size / 1e6
        )


def _missing(need: int, room: Room, residents: list[Resident]) -> int:
    """The memory that `residents` must free for `need` more; 0 or less where there is enough."""
    over = sum(r.size for r in residents) + need - room.limit
    short = need + room.reserve - room.available
    return max(over, short)
