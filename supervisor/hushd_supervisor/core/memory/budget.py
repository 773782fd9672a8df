"""Decides whether a worker fits into a device's memory, which others must leave first, and says why it does not.

Sizes in bytes. A device is the machine, or one graphics card; a start needs a verdict for each device whose memory it
takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

RESERVE = 256_000_000  # left to all other programs; in a small container an eighth of its memory
# The worth of keeping an idle worker is in seconds of idleness: a step of priority is worth 100 s, and 10 MB cost one.
PRIORITY = 100.0
SIZE = 0.1e-6  # a byte
MAX_WORKERS_NAMED = 4  # workers in a sentence, the largest first


class Memory(NamedTuple):
    """The memory of the machine, or of the container that we run in."""

    total: int
    available: int

    @property
    def reserve(self) -> int:
        """The bytes left to all other programs."""
        return min(RESERVE, self.total // 8)


class Headroom(NamedTuple):
    """The memory of a device that workers may take: the limit for all of them, and how much of it is available now."""

    limit: int
    available: int
    reserve: int

    def less(self, promised: int) -> Headroom:
        """Returns it without the part `promised` to starting workers."""
        return self._replace(available=self.available - promised)


@dataclass(frozen=True, slots=True)
class WorkerSize:
    """The part of a device's memory that a worker with a process takes.

    Attributes:
        size: bytes now, or once it has loaded.
        idle_s: seconds for which it has been idle; None while it must not be ended for another.
        leaving: whether it was asked to leave, so that its memory will soon be free.
    """

    name: str
    size: int
    priority: int = 0
    idle_s: float | None = None
    leaving: bool = False


class MissingMemory(NamedTuple):
    """Memory that other programs would have to free for a start: of the machine, and of a card; false if none."""

    ram: int = 0
    card: str = ""
    vram: int = 0

    def __bool__(self) -> bool:
        return self.ram > 0 or self.vram > 0


class Verdict(NamedTuple):
    """Admit; or `evict` workers and `wait` for these and for those that already leave; or refuse.

    A refusal says how many bytes are missing (`short_by`) even with all idle workers gone, 0 if more free memory would
    not help.
    """

    admit: bool
    evict: tuple[str, ...] = ()
    wait: bool = False
    short_by: int = 0

    @property
    def possible(self) -> bool:
        """True if the start can be, once others have left."""
        return self.admit or self.wait or self.short_by > 0

    def __and__(self, other: Verdict) -> Verdict:
        """The verdict for a start that needs both: it waits if one waits and neither refuses."""
        refused = not all(verdict.admit or verdict.wait for verdict in (self, other))
        if refused or (self.admit and other.admit):
            return Verdict(not refused)
        return Verdict(False, tuple(dict.fromkeys(self.evict + other.evict)), wait=True)


def fit(need: int, alone: int, headroom: Headroom, workers: Sequence[WorkerSize]) -> Verdict:
    """Decides about a start that takes `need` bytes of a device beside `workers`, or `alone` bytes without them.

    Memory counts as free only when its worker's exit was seen; then the caller asks again. A learnt need is only a
    guess: it does not prevent a start for which all other workers have left.
    """
    missing = _missing(need if workers else alone, headroom, workers)
    if missing <= 0:
        return Verdict(True)
    missing -= sum(r.size for r in workers if r.leaving)
    if missing <= 0:
        return Verdict(False, wait=True)
    victims = []
    for worker in _idle(workers):
        victims.append(worker.name)
        missing -= worker.size
        if missing <= 0:
            return Verdict(False, tuple(victims), wait=True)
    none_stays = all(r.leaving or r.idle_s is not None for r in workers)
    freed = sum(r.size for r in workers if r.leaving or r.idle_s is not None)
    if workers and none_stays and _missing(alone, headroom, workers) <= freed:
        return Verdict(False, tuple(victims), wait=True)
    least = alone if none_stays else need
    beyond_limit = sum(r.size for r in workers) + least - headroom.limit > freed
    short_by = least + headroom.reserve - headroom.available - freed
    return Verdict(False, short_by=0 if beyond_limit else max(0, short_by))


def beyond(size: int, workers: Sequence[WorkerSize]) -> list[str]:
    """Names the idle workers that must leave so that the other idle ones take at most `size` bytes together."""
    idle = _idle(workers)
    at_rest, names = sum(r.size for r in idle), []
    for worker in idle:
        if at_rest <= size:
            break
        names.append(worker.name)
        at_rest -= worker.size
    return names


def _idle(workers: Sequence[WorkerSize]) -> list[WorkerSize]:
    """The workers that may leave, in the order in which they do: low priority, long idle, large."""
    idle = (r for r in workers if r.idle_s is not None and not r.leaving)
    return sorted(idle, key=lambda r: PRIORITY * r.priority - (r.idle_s or 0.0) - SIZE * r.size)


def _missing(need: int, headroom: Headroom, workers: Sequence[WorkerSize]) -> int:
    """The bytes that `workers` must free for `need` more; 0 or less if there is enough."""
    over = sum(r.size for r in workers) + need - headroom.limit
    short = need + headroom.reserve - headroom.available
    return max(over, short)


# --- sentences -----------------------------------------------------------------------------------------------------


def refusal(name: str, need: int, memory: Memory, limit: int, workers: Sequence[WorkerSize]) -> str:
    """Says that there is no room for `name` beside `workers`, and names these."""
    taken = sum(worker.size for worker in workers)
    who = f" ({_named(workers)})" if workers else ""
    return (
        f"There is no memory for {name} ({_mb(need)} MB) now: workers take {_mb(taken)} of their {_mb(limit)} MB{who}, "
        f"{_mb(memory.available)} of {_mb(memory.total)} MB are available, "
        f"and {_mb(memory.reserve)} are reserved for other programs."
    )


def exceeds(name: str, need: int, memory: Memory, limit: int) -> str:
    """Says that `name` needs more than all workers may take together, and what would help."""
    more = ", raise `memory_share` in the configuration" if need < memory.total - memory.reserve else ""
    return (
        f"{name} needs {_mb(need)} MB, and all workers together may take {_mb(limit)} of the {_mb(memory.total)} MB "
        f"there are: take a smaller model{more}, or set `memory_mb` for it if it takes less."
    )


def advice(retry_ms: int, workers: Sequence[WorkerSize]) -> str:
    """Says when to ask again, and what would make room sooner: idle workers would have left, had they been enough."""
    seconds = f"Ask again in {max(1, round(retry_ms / 1000))} s"
    largest = max((w for w in workers if w.idle_s is None), key=lambda worker: worker.size, default=None)
    if largest is None:
        return f"{seconds}, end other programs, or take a smaller model."
    return f"{seconds}, take a smaller model, or make room by `hushd unload {largest.name}`."


def _named(workers: Iterable[WorkerSize]) -> str:
    """Names the workers that take memory, the largest first, each with its size and state."""
    ordered = sorted(workers, key=lambda worker: worker.size, reverse=True)
    largest = [f"{worker.name} {_mb(worker.size)}, {_manner(worker)}" for worker in ordered[:MAX_WORKERS_NAMED]]
    smaller = ordered[MAX_WORKERS_NAMED:]
    return "; ".join(largest) + (f"; {len(smaller)} more {_mb(sum(r.size for r in smaller))}" if smaller else "")


def critically_short(name: str, need: int, memory: Memory) -> str:
    """Says that the machine has next to no memory left."""
    return (
        f"Memory is critically short: {_mb(memory.available)} of {_mb(memory.total)} MB are available, "
        f"and {name} needs {_mb(need)} MB. Ask again in a moment, or end other programs."
    )


def _manner(worker: WorkerSize) -> str:
    if worker.leaving:
        return "leaving"
    return "busy or pinned" if worker.idle_s is None else f"idle for {worker.idle_s:.0f} s"


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}"


def mb(size: float) -> float:
    """Bytes in MB, as the status has them."""
    return round(size / 1e6, 1)
