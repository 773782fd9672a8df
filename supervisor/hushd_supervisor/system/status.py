"""The answer to `status`: the pool's rows of its workers, and the system's figures of their processes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hushd_protocol import __version__

from hushd_supervisor.core.memory.admission import CardStanding, Standing

from .memory import measure

FRESH_S = 0.1  # for which a process's memory is not measured again: it takes 1 ms, in which everybody waits

Usage = measure.Usage | None


class Usages:
    """Measures the memory of processes, each at most ten times a second however often somebody asks."""

    def __init__(self, usage: Callable[[int], Usage] = measure.usage) -> None:
        self._usage = usage
        self._found: dict[int, Usage] = {}
        self._until = -math.inf

    def at(self, now: float) -> Callable[[int], Usage]:
        """Returns a function that measures the process of a pid, or remembers its measure of a moment ago."""
        if now >= self._until:
            self._found.clear()
            self._until = now + FRESH_S
        return self._of

    def _of(self, pid: int) -> Usage:
        if pid not in self._found:
            self._found[pid] = self._usage(pid)
        return self._found[pid]


def report(
    rows: Iterable[Mapping[str, Any]],
    standing: Standing,
    pids: Mapping[tuple[str, int], int],
    uptime: float,
    usage_of: Callable[[int], Usage] = measure.usage,
    door: Mapping[str, Any] | None = None,
    standby: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The answer as `hushd status --json` prints it; MB are 10^6 bytes.

    `{"supervisor": …, "workers": [...], "memory": …}`, `standby` where a template is wanted, `door` where there is one.

    Args:
        rows: from the pool, one for each worker, with `name` and `gen` among their keys.
        standing: from the pool, of all memory.
        pids: the living processes by name and generation.
        uptime: seconds since the start.
        usage_of: measures the process of a pid.
        door: the listeners for HTTP and Wyoming, and the gateway's `pid`, to which its memory is added.
        standby: from `templates`.
    """
    workers, used = [], sum(int(1e6 * (row["pss_mb"] or 0)) for row in standby)
    for row in rows:
        pid = pids.get((row["name"], row["gen"]))
        usage = usage_of(pid) if pid is not None else None
        used += usage.pss if usage else 0
        known = dict(row)
        del known["gen"]
        workers.append(
            {key: known.pop(key) for key in ("name", "role", "engine", "model", "state")}
            | {
                "pid": pid,
                "rss_mb": usage and _mb(usage.rss),
                "pss_mb": usage and _mb(usage.pss),
                "peak_rss_mb": usage and _mb(usage.peak),
            }
            | known
        )
    own = usage_of(os.getpid())
    return {
        "supervisor": {
            "pid": os.getpid(),
            "version": __version__,
            "uptime_s": round(uptime, 1),
            "rss_mb": own and _mb(own.rss),
            "pss_mb": own and _mb(own.pss),
        },
        "workers": workers,
        "memory": {
            "budget_mb": _mb(standing.limit),
            "used_mb": _mb(used),
            "available_mb": _mb(standing.available),
            "reserve_mb": _mb(standing.reserve),
            "pressure": standing.level.word,
            "cards": [_card(card) for card in standing.cards],
        },
        **({"standby": list(standby)} if standby else {}),
    } | _with_memory(door or {}, usage_of)


def templates(
    rows: Iterable[Mapping[str, Any]], pids: Mapping[tuple[str, int], int], usage_of: Callable[[int], Usage]
) -> list[dict[str, Any]]:
    """The templates: the pool's `rows`, with the pid and the memory of each. Args as for `report`."""
    found = []
    for row in rows:
        pid = pids.get((row["name"], row["gen"]))
        usage = usage_of(pid) if pid is not None else None
        sizes = {"rss_mb": usage and _mb(usage.rss), "pss_mb": usage and _mb(usage.pss)}
        found.append({"name": row["name"], "state": row["state"], "pid": pid, **sizes, "why": row["why"]})
    return found


def _with_memory(door: Mapping[str, Any], usage_of: Callable[[int], Usage]) -> dict[str, Any]:
    if not door:
        return {}
    pid = door["gateway"]["pid"]
    usage = usage_of(pid) if pid is not None else None
    return {"door": {**door, "gateway": door["gateway"] | {"rss_mb": usage and _mb(usage.rss)}}}


def _card(standing: CardStanding) -> dict[str, Any]:
    """A graphics card; `used_mb` is what workers take of it."""
    card = standing.card
    return {
        "device": card.device,
        "id": card.id,
        "name": card.name,
        "total_mb": _mb(standing.total),
        "free_mb": _mb(standing.free),
        "used_mb": _mb(standing.workers),
        "asleep": card.asleep,
        "seen_s": round(standing.seen_s, 1),
        "kept_s": None if standing.kept_s is None else round(standing.kept_s, 1),
    }


def _mb(size: float) -> float:
    return round(size / 1e6, 1)
