"""The table that `hushd status` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .display import Column, clock, laid_out

Row = Mapping[str, Any]


def _megabytes(value: float | None) -> str:
    return "-" if not value else f"{value:.0f} MB"


def _time(value: float | None) -> str:
    return "-" if value is None else clock(value)


def _expiry(row: Row) -> str:
    value = row.get("expires_in_s")
    return "never" if value is not None and value < 0 else _time(value)


def _running(row: Row) -> str:
    """The number of running requests, live sessions counted separately."""
    live = row.get("sessions", 0)
    files = row.get("running", 0) - live
    return f"{files} + {live} live" if live else str(files)


# On a narrow terminal the last ones are dropped first.
_DEVICE = Column("DEVICE", lambda row: str(row.get("compute_device") or "-"), left=True)
_VRAM = Column("VRAM", lambda row: _megabytes(row.get("vram_mb")))
_COLUMNS = (
    Column("WORKER", lambda row: str(row["name"]), left=True),
    Column("STATE", lambda row: str(row["state"]), left=True),
    Column("MEMORY", lambda row: _megabytes(row.get("pss_mb") or row.get("rss_mb"))),
    Column("ENDS IN", _expiry),
    Column("RUNNING", _running),
    Column("QUEUED", lambda row: str(row.get("queued", 0))),
    Column("IDLE", lambda row: _time(row.get("idle_s"))),
    Column("PEAK", lambda row: _megabytes(row.get("peak_rss_mb"))),
    Column("NEEDS", lambda row: _megabytes(row.get("need_mb"))),
    Column("PID", lambda row: str(row.get("pid") or "-")),
    Column("REQUESTS", lambda row: str(row.get("requests", 0))),
    Column("STARTS", lambda row: str(row.get("starts", 0))),
    Column("CRASHES", lambda row: str(row.get("crashes", 0))),
)


def table(status: Mapping[str, Any], width: int) -> str:
    """The status as lines of at most `width` characters, as far as the first column allows."""
    supervisor, memory, workers = status["supervisor"], status["memory"], status["workers"]
    size = supervisor.get("pss_mb") or supervisor.get("rss_mb") or 0.0
    lines = [
        f"hushd {supervisor['version']}, pid {supervisor['pid']}, up {clock(supervisor['uptime_s'])}, {size:.1f} MB",
        f"memory: {memory['used_mb']:.0f} of {memory['budget_mb']:.0f} MB used, "
        f"{memory['available_mb']:.0f} MB available, pressure {memory['pressure'] or 'none'}",
        *map(card_line, memory.get("cards", ())),
        *map(standby_line, status.get("standby", ())),
        *_door(status.get("door")),
        *_remote(status.get("remote")),
        *_floor(status.get("floor", {})),
    ]
    if not workers:
        return "\n".join([*lines, "no workers", ""])
    on_cards = any(row.get("compute_device", "") not in ("", "cpu") for row in workers)
    columns = (*_COLUMNS[:3], _DEVICE, _VRAM, *_COLUMNS[3:]) if on_cards else _COLUMNS
    return "\n".join([*lines, "", *laid_out(columns, workers, width), ""])


def card_line(card: Mapping[str, Any]) -> str:
    """A graphics card, as it was last seen."""
    name = f"{card['device']} {card['name']}".strip()
    kept = f", kept for other programs for {clock(card['kept_s'])}" if card["kept_s"] is not None else ""
    if card["asleep"]:
        return f"{name}: asleep{kept}"
    used, total, free = (card[key] / 1000 for key in ("used_mb", "total_mb", "free_mb"))
    seen = f" {clock(card['seen_s'])} ago" if card["seen_s"] >= 1 else ""
    return f"{name}: workers take {used:.1f} of {total:.1f} GB, {free:.1f} GB free{seen}{kept}"


def standby_line(template: Mapping[str, Any]) -> str:
    """A template, with its memory or the reason why there is none."""
    name = f"standby {template['name']}: {template['state']}"
    if template["pid"]:
        return f"{name}, {_megabytes(template['pss_mb'])}, pid {template['pid']}"
    return f"{name}, {template['why']}" if template["why"] else name


def _door(door: Mapping[str, Any] | None) -> list[str]:
    """The addresses for other programs, and the process that serves them."""
    if not door:
        return []
    lines = []
    for kind, name in (("http", "HTTP"), ("wyoming", "Wyoming")):
        if addresses := [row["address"] for row in door["listeners"] if row["kind"] == kind]:
            lines.append(f"{name}: {', '.join(addresses)}")
    gateway = door["gateway"]
    if gateway["pid"]:
        lines.append(f"gateway: pid {gateway['pid']}, {_megabytes(gateway['rss_mb'])}")
    return lines


def _remote(remote: Mapping[str, Any] | None) -> list[str]:
    """The address for other machines, and those that are there."""
    if not remote:
        return []
    there = ", ".join(f"{name} ({count})" for name, count in sorted(remote["machines"].items()))
    return [f"other machines: {remote['address']}{there and f', connected: {there}'}"]


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
