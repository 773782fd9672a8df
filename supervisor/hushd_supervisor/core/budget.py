"""Whether another worker fits into memory, and who must leave first if it does not. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .settings import Settings, base

RESERVE = 256_000_000  # is left to everybody else; in a small container an eighth of it
GUESS = 400_000_000  # for a worker nobody has seen yet and whose configuration names no size


class Memory(NamedTuple):
    """The machine, or the container that we are in."""

    total: int
    available: int

    @property
    def reserve(self) -> int:
        """What is left to everybody else."""
        return min(RESERVE, self.total // 8)


@dataclass(frozen=True, slots=True)
class Resident:
    """A worker with a process.

    Attributes:
        size: what it has, or will have once it has loaded.
        idle_s: how long it has been idle; None while it must not be ended for another's sake.
        leaving: it is on its way out, and its memory with it.
    """

    name: str
    size: int
    priority: int = 0
    idle_s: float | None = None
    leaving: bool = False


class Verdict(NamedTuple):
    """`admit` now; or else `evict` these, and wait for them and for who is `leaving`; or else refuse."""

    admit: bool
    evict: tuple[str, ...] = ()
    wait: bool = False


class Budget:
    """Decides about starts by the settings' share of memory and weights.

    `needs` is the highest size ever seen of each worker, kept over restarts by the loop.
    """

    def __init__(self, settings: Settings, needs: Mapping[str, int] | None = None) -> None:
        self._settings = settings
        self.needs: dict[str, int] = dict(needs or {})

    def configure(self, settings: Settings) -> None:
        """Other shares and weights from now on."""
        self._settings = settings

    def limit(self, memory: Memory) -> int:
        """What all workers together may have."""
        return int(self._settings.memory_share * memory.total)

    def saw(self, name: str, size: int) -> None:
        """A worker has told its size. That for models has what its job takes: a conversion says nothing of a pull."""
        if name.startswith("models/"):
            return
        if size > self.needs.get(base(name), 0):
            self.needs[base(name)] = size

    def need(self, name: str) -> int:
        """What a start of `name` will take: what it took before, what its configuration says, or a guess."""
        configured = int(self._settings.for_worker(name).memory_mb * 1_000_000)
        return self.needs.get(base(name)) or configured or GUESS

    def decide(self, name: str, memory: Memory, residents: Iterable[Resident]) -> Verdict:
        """About a start of `name` beside `residents`, none of which is `name` itself.

        The memory of those that are leaving is not ours before their exits were seen: then this is asked again.
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
        """Who has the lowest goes first: unimportant, long idle, large."""
        weights = self._settings
        return (
            weights.weight_priority * resident.priority
            - weights.weight_idle * (resident.idle_s or 0.0)
            - weights.weight_size * resident.size / 1e6
        )
