"""Decides whether another worker fits into memory, and which must leave first if not. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hushd_protocol.limits import UNKNOWN_WORKER

from hushd_supervisor.core.settings import Settings, base

RESERVE = 256_000_000  # left to all other programs; in a small container an eighth of its memory


class Memory(NamedTuple):
    """The memory of the machine, or of the container that we are in."""

    total: int
    available: int

    @property
    def reserve(self) -> int:
        """The part that is left to all other programs."""
        return min(RESERVE, self.total // 8)


@dataclass(frozen=True, slots=True)
class Resident:
    """A worker with a process.

    Attributes:
        size: of now, or once it has loaded.
        idle_s: seconds that it has been idle; None while it must not be ended for another.
        leaving: whether it was asked to leave, so that its memory will soon be free.
    """

    name: str
    size: int
    priority: int = 0
    idle_s: float | None = None
    leaving: bool = False


class Verdict(NamedTuple):
    """Either `admit`; or `evict` these and `wait` for them and for those that leave already; or refuse."""

    admit: bool
    evict: tuple[str, ...] = ()
    wait: bool = False


class Budget:
    """Decides about starts by the share of memory and the weights in the settings.

    Attributes:
        needs: the memory that each worker is expected to take, which the loop keeps over restarts. A life that took
            more raises it, and one that took less brings it halfway down to its own highest size: one large job does
            not count for ever.
    """

    def __init__(self, settings: Settings, needs: Mapping[str, int] | None = None) -> None:
        self._settings = settings
        self.needs: dict[str, int] = dict(needs or {})
        self._peaks: dict[str, int] = {}  # of the present lives

    def configure(self, settings: Settings) -> None:
        """Applies another share and other weights."""
        self._settings = settings

    def limit(self, memory: Memory) -> int:
        """The most that all workers together may take."""
        return int(self._settings.memory_share * memory.total)

    def record(self, name: str, size: int) -> None:
        """Records the size of a worker; not of `models`, whose jobs differ: a conversion says nothing of a pull."""
        if name.startswith("models/"):
            return
        self._peaks[name] = max(size, self._peaks.get(name, 0))
        if size > self.needs.get(base(name), 0):
            self.needs[base(name)] = size

    def life_ended(self, name: str) -> None:
        """Brings the need of a worker nearer to what its process took, now that it is gone."""
        need = self.needs.get(base(name), 0)
        if 0 < (peak := self._peaks.pop(name, 0)) < need:
            self.needs[base(name)] = (need + peak) // 2

    def need(self, name: str) -> int:
        """The memory for a start of `name`: what it took before, what its configuration says, or a guess."""
        return self.needs.get(base(name)) or self._least(name)

    def _least(self, name: str) -> int:
        """The memory for a start of `name` by its configuration, or a guess; never what a large job once took."""
        return int(self._settings.for_worker(name).memory_mb * 1_000_000) or UNKNOWN_WORKER

    def decide(self, name: str, memory: Memory, residents: Iterable[Resident]) -> Verdict:
        """Decides about a start of `name` beside `residents`, none of which is `name` itself.

        The memory of those that leave is not free before their exits are seen; then the caller asks again. A learnt
        size only guesses at this life's: it bars no start for which all others have left.
        """
        residents = list(residents)
        alone = min(self.need(name), self._least(name))
        victims = []
        missing = self._missing(self.need(name) if residents else alone, memory, residents)
        if missing <= 0:
            return Verdict(True)
        missing -= sum(r.size for r in residents if r.leaving)
        if missing <= 0:
            return Verdict(False, wait=True)
        for resident in sorted((r for r in residents if r.idle_s is not None and not r.leaving), key=self.score):
            victims.append(resident.name)
            missing -= resident.size
            if missing <= 0:
                return Verdict(False, tuple(victims), wait=True)
        none_stays = all(r.leaving or r.idle_s is not None for r in residents)
        freed = sum(r.size for r in residents)
        if residents and none_stays and self._missing(alone, memory, residents) <= freed:
            return Verdict(False, tuple(victims), wait=True)
        return Verdict(False)

    def _missing(self, need: int, memory: Memory, residents: list[Resident]) -> int:
        """The memory that `residents` must free for `need` more; 0 or less where there is enough."""
        over = sum(r.size for r in residents) + need - self.limit(memory)
        short = need + memory.reserve - memory.available
        return max(over, short)

    def score(self, resident: Resident) -> float:
        """The rank in eviction; the lowest goes first: of low priority, long idle, large."""
        weights = self._settings
        return (
            weights.weight_priority * resident.priority
            - weights.weight_idle * (resident.idle_s or 0.0)
            - weights.weight_size * resident.size / 1e6
        )
