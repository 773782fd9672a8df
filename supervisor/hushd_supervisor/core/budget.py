"""Decides whether another worker fits into memory, and which must leave first if not. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hushd_protocol.limits import UNKNOWN_WORKER

from .settings import Settings, base

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
        needs: the highest size ever seen of each worker, which the loop keeps over restarts.
    """

    def __init__(self, settings: Settings, needs: Mapping[str, int] | None = None) -> None:
        self._settings = settings
        self.needs: dict[str, int] = dict(needs or {})

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
        if size > self.needs.get(base(name), 0):
            self.needs[base(name)] = size

    def need(self, name: str) -> int:
        """The memory for a start of `name`: what it took before, what its configuration says, or a guess."""
        configured = int(self._settings.for_worker(name).memory_mb * 1_000_000)
        return self.needs.get(base(name)) or configured or UNKNOWN_WORKER

    def decide(self, name: str, memory: Memory, residents: Iterable[Resident]) -> Verdict:
        """Decides about a start of `name` beside `residents`, none of which is `name` itself.

        The memory of those that leave is not free before their exits are seen; then the caller asks again.
        """
        residents = list(residents)
        need = self.need(name)
        over = sum(r.size for r in residents) + need - self.limit(memory)
        short = need + memory.reserve - memory.available
        missing = max(over, short)
        if missing <= 0:
            return Verdict(True)
        missing -= sum(r.size for r in residents if r.leaving)
        if missing <= 0:
            return Verdict(False, wait=True)
        victims = []
        for resident in sorted((r for r in residents if r.idle_s is not None and not r.leaving), key=self.score):
            victims.append(resident.name)
            missing -= resident.size
            if missing <= 0:
                return Verdict(False, tuple(victims), wait=True)
        return Verdict(False)

    def score(self, resident: Resident) -> float:
        """The rank in eviction; the lowest goes first: of low priority, long idle, large."""
        weights = self._settings
        return (
            weights.weight_priority * resident.priority
            - weights.weight_idle * (resident.idle_s or 0.0)
            - weights.weight_size * resident.size / 1e6
        )
