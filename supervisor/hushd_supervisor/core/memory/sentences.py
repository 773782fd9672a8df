"""The error sentences for workers that cannot start: which hold the memory, and what helps; pure. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .budget import Memory, Resident

MAX_NAMED = 4  # the largest holders of memory, by name


def lacks(name: str, need: int, memory: Memory, limit: int, residents: Sequence[Resident]) -> str:
    """Says that there is no room for `name` beside `residents`, and names these."""
    taken = sum(resident.size for resident in residents)
    who = f" ({holders(residents)})" if residents else ""
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


def advice(retry_ms: int, residents: Sequence[Resident]) -> str:
    """Says when to ask again, and what would make room sooner."""
    seconds = f"Ask again in {max(1, round(retry_ms / 1000))} s"
    if not residents:
        return f"{seconds}, end other programs, or take a smaller model."
    largest = max(residents, key=lambda resident: resident.size)
    return f"{seconds}, take a smaller model, or make room by `hushd unload {largest.name}`."


def holders(residents: Iterable[Resident]) -> str:
    """Names the holders of memory, the largest first, each with its size and state."""
    ordered = sorted(residents, key=lambda resident: resident.size, reverse=True)
    named = [f"{resident.name} {_mb(resident.size)}, {_manner(resident)}" for resident in ordered[:MAX_NAMED]]
    smaller = ordered[MAX_NAMED:]
    return "; ".join(named) + (f"; {len(smaller)} more {_mb(sum(r.size for r in smaller))}" if smaller else "")


def critically_short(name: str, need: int, memory: Memory) -> str:
    """Says that the machine has next to no memory left."""
    return (
        f"Memory is critically short: {_mb(memory.available)} of {_mb(memory.total)} MB are available, "
        f"and {name} needs {_mb(need)} MB. Ask again in a moment, or end other programs."
    )


def _manner(resident: Resident) -> str:
    if resident.leaving:
        return "leaving"
    return "busy or pinned" if resident.idle_s is None else f"idle for {resident.idle_s:.0f} s"


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}"
