"""`hushd status` for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .console import clock

Row = Mapping[str, Any]


class _Column(NamedTuple):
    title: str
    cell: Callable[[Row], str]
    left: bool = False


def _megabytes(value: float | None) -> str:
    return "-" if not value else f"{value:.0f} MB"


def _time(value: float | None) -> str:
    return "-" if value is None else clock(value)


def _expiry(row: Row) -> str:
    value = row.get("expires_in_s")
    return "never" if value is not None and value < 0 else _time(value)


def _running(row: Row) -> str:
    """How many requests run; live sessions by themselves, if there are any."""
    live = row.get("sessions", 0)
    files = row.get("running", 0) - live
    return f"{files} + {live} live" if live else str(files)


# In the order in which they are given up where the terminal is narrow: the last one first.
_COLUMNS = (
    _Column("WORKER", lambda row: str(row["name"]), left=True),
    _Column("STATE", lambda row: str(row["state"]), left=True),
    _Column("MEMORY", lambda row: _megabytes(row.get("pss_mb") or row.get("rss_mb"))),
    _Column("ENDS IN", _expiry),
    _Column("RUNNING", _running),
    _Column("QUEUED", lambda row: str(row.get("queued", 0))),
    _Column("IDLE", lambda row: _time(row.get("idle_s"))),
    _Column("PEAK", lambda row: _megabytes(row.get("peak_rss_mb"))),
    _Column("NEEDS", lambda row: _megabytes(row.get("need_mb"))),
    _Column("PID", lambda row: str(row.get("pid") or "-")),
    _Column("REQUESTS", lambda row: str(row.get("requests", 0))),
    _Column("STARTS", lambda row: str(row.get("starts", 0))),
    _Column("CRASHES", lambda row: str(row.get("crashes", 0))),
)


def table(status: Mapping[str, Any], width: int) -> str:
    """The status as lines of at most `width` characters, as far as the first column allows."""
    supervisor, memory, workers = status["supervisor"], status["memory"], status["workers"]
    size = supervisor.get("pss_mb") or supervisor.get("rss_mb") or 0.0
    lines = [
        f"hushd {supervisor['version']}, pid {supervisor['pid']}, up {clock(supervisor['uptime_s'])}, {size:.1f} MB",
        f"memory: {memory['used_mb']:.0f} of {memory['budget_mb']:.0f} MB used, "
        f"{memory['available_mb']:.0f} MB available, pressure {memory['pressure'] or 'none'}",
        *_floor(status.get("floor", {})),
    ]
    if not workers:
        return "\n".join([*lines, "no workers", ""])
    columns = [_lay_out(column, workers) for column in _COLUMNS]
    while len(columns) > 1 and sum(len(column[0]) + 2 for column in columns) - 2 > width:
        columns.pop()
    rows = zip(*columns, strict=True)
    return "\n".join([*lines, "", *("  ".join(row).rstrip() for row in rows), ""])


def _floor(floor: Mapping[str, Any]) -> list[str]:
    """A line for each device that somebody has."""
    lines = []
    for device in ("speaker", "microphone"):
        if row := floor.get(device):
            who = f"{row['client']}, pid {row['pid']}" if row["pid"] else row["client"]
            lines.append(f"{device}: turn {row['turn']} of {who}, {row['priority']}, for {clock(row['for_s'])}")
    if floor.get("paused"):
        lines.append("speaking is paused: `hushd resume` goes on")
    if floor.get("waiting"):
        lines.append(f"waiting to speak or listen: {floor['waiting']}")
    return lines


def _lay_out(column: _Column, workers: list[Row]) -> list[str]:
    cells = [column.title, *(column.cell(row) for row in workers)]
    size = max(map(len, cells))
    return [cell.ljust(size) if column.left else cell.rjust(size) for cell in cells]
