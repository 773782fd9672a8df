"""A frame of `hushd top`: the status as lines of styled text. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hushd.cli.chart import chart, columns_for_bars, indent
from hushd.display import Column, clock
from hushd.memory_picture import round_up
from hushd.memory_record import Moment, highest, window
from hushd.status_table import card_line, standby_line

from .screen import Line

SPAN_S = 600.0  # of the timeline,
LEAST_S = 60.0  # which is shorter while less is known
MOST_BARS, FEWEST_BARS = 10, 3  # lines of the timeline
KEYS = "up/down choose  p preload  u unload  U all  s stop speaking  space pause  q quit"
_STYLES = {
    "ready": "good",
    "busy": "busy",
    "starting": "busy",
    "waiting": "warning",
    "draining": "warning",
    "stopping": "warning",
    "killing": "bad",
    "backoff": "bad",
    "failed": "bad",
}

Row = Mapping[str, Any]


@dataclass(slots=True)
class View:
    """The content of the screen.

    Attributes:
        status: of the supervisor; None while none runs.
        moments: memory over time, the newest last.
        chosen: the name of the worker that the keys concern.
        note: what the last key has done.
        prompt: what is typed, with the question before it; None while nothing is asked for.
        fine: whether the terminal shows Unicode.
    """

    status: Mapping[str, Any] | None = None
    moments: Sequence[Moment] = ()
    chosen: str = ""
    note: str = ""
    prompt: str | None = None
    fine: bool = True
    now: float = field(default_factory=time.time)


def rows(view: View) -> list[Row]:
    """The workers, those with a process first."""
    workers = view.status["workers"] if view.status else []
    return sorted(workers, key=lambda row: (row.get("pid") is None, str(row["name"])))


def lines(view: View, columns: int, height: int) -> list[Line]:
    """The frame for a terminal of so many columns and lines."""
    head = _head(view)
    table = _table(view, columns)
    foot: Line = (
        [(view.prompt, "bold")] if view.prompt is not None else [(view.note or KEYS, "" if view.note else "dim")]
    )
    room = height - len(head) - len(table) - 5  # a blank line, the scale's title, the times, a blank line, the keys
    bars = _timeline(view, columns, max(FEWEST_BARS, min(MOST_BARS, room)))
    body = [*head, [], *bars, [], *table][: height - 1]
    return [*body, *[[]] * (height - 1 - len(body)), foot]


def _head(view: View) -> list[Line]:
    status = view.status
    if status is None:
        return [[("hushd", "title"), ("  no supervisor runs: p starts one, and so does the next say or listen", "")]]
    supervisor, memory = status["supervisor"], status["memory"]
    size = supervisor.get("pss_mb") or supervisor.get("rss_mb") or 0.0
    pressure = memory.get("pressure") or "none"
    return [
        [
            (f"hushd {supervisor['version']}", "title"),
            (f"  pid {supervisor['pid']}  up {clock(supervisor['uptime_s'])}  {size:.1f} MB", ""),
        ],
        [
            (f"workers {memory['used_mb']:.0f} of {memory['budget_mb']:.0f} MB", ""),
            (f"  {memory['available_mb']:.0f} MB available  pressure ", ""),
            (pressure, "" if pressure in ("none", "normal") else "warning" if pressure == "warning" else "bad"),
        ],
        *_cards(memory),
        *([(standby_line(template), "")] for template in status.get("standby") or ()),
        *_gateway(status),
        *_floor(status.get("floor") or {}),
    ]


def _cards(memory: Mapping[str, Any]) -> list[Line]:
    """A line for each graphics card that the supervisor knows of."""
    return [[(card_line(card), "")] for card in memory.get("cards") or ()]


def _gateway(status: Mapping[str, Any]) -> list[Line]:
    gateway = (status.get("door") or {}).get("gateway") or {}
    if not gateway.get("pid"):
        return []
    return [[(f"gateway pid {gateway['pid']}  {_megabytes(gateway.get('rss_mb'))}", "")]]


def _floor(floor: Mapping[str, Any]) -> list[Line]:
    """A line with the programs that speak and listen."""
    parts: list[tuple[str, str]] = []
    for device, does in (("speaker", "speaks"), ("microphone", "listens")):
        if row := floor.get(device):
            parts.append((f"{row['client']} {does} for {clock(row['for_s'])} (turn {row['turn']})  ", "busy"))
    if floor.get("waiting"):
        parts.append((f"{floor['waiting']} wait  ", "warning"))
    if floor.get("paused"):
        parts.append(("speaking is paused", "warning"))
    return [parts or [("nobody speaks or listens", "dim")]]


def _timeline(view: View, columns: int, height: int) -> list[Line]:
    """Memory of the last ten minutes, as far as it is known, with dots for a server that never unloads."""
    count = columns_for_bars(columns)
    known = view.now - view.moments[0].time if view.moments else 0.0
    span = max(LEAST_S, min(SPAN_S, known))
    parts = highest(window(view.moments, view.now - span, view.now), count)
    ours, theirs = [part.total / 1e6 for part in parts], [part.resident / 1e6 for part in parts]
    top = round_up(max(1.0, *ours, *theirs))
    legend = f"   MB  {'█ hushd   · ' if view.fine else '# hushd   . '}a server that never unloads"
    bars: list[Line] = [[(bar, "bars")] for bar in chart(ours, theirs, height, top, fine=view.fine)]
    first = f"-{clock(span)}"
    return [[(legend, "dim")], *bars, [(f"{indent()}{first}{'now':>{max(3, count - len(first))}}", "dim")]]


def _table(view: View, columns: int) -> list[Line]:
    listed = rows(view)
    if not listed:
        return [[("no workers", "dim")]] if view.status else []
    shown = _COLUMNS if any(_card_memory(row) for row in listed) else [c for c in _COLUMNS if c.title != "VRAM"]
    made = [[column.title, *(column.cell(row) for row in listed)] for column in shown]
    widths = [max(map(len, cells)) for cells in made]
    while len(made) > 2 and sum(widths) + 2 * len(widths) > columns:
        made.pop(), widths.pop()
    sides = [column.left for column in shown]
    texts = [
        [
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(cells, widths, sides, strict=False)
        ]
        for cells in zip(*made, strict=True)
    ]
    out: list[Line] = [[("  " + "  ".join(texts[0]), "bold")]]
    for row, cells in zip(listed, texts[1:], strict=True):
        if row["name"] == view.chosen:
            out.append([("> " + "  ".join(cells), "chosen")])
        else:
            state = _STYLES.get(str(row["state"]), "dim")
            out.append([(f"  {cells[0]}  ", ""), (cells[1], state), ("".join(f"  {cell}" for cell in cells[2:]), "")])
    return out


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _megabytes(value: object) -> str:
    size = _number(value)
    return f"{size:.0f} MB" if size else "-"


def _card_memory(row: Row) -> float | None:
    """The memory that a worker has of graphics cards, in MB, as far as the supervisor reports it."""
    return _number(row.get("vram_mb"))


def _latency(row: Row) -> str:
    middle, most = _number(row.get("latency_ms")), _number(row.get("latency_p95_ms"))
    return "-" if middle is None or most is None else f"{_short(middle)}/{_short(most)}"


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.0f}ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f}s"


def _rest(row: Row) -> str:
    """The time until an idle worker ends."""
    value = _number(row.get("expires_in_s"))
    return "-" if value is None else "never" if value < 0 else clock(value)


# On a narrow terminal the last ones are dropped first.
_COLUMNS = (
    Column("WORKER", lambda row: str(row["name"]), left=True),
    Column("STATE", lambda row: str(row["state"]), left=True),
    Column("MEMORY", lambda row: _megabytes(row.get("pss_mb") or row.get("rss_mb"))),
    Column("VRAM", lambda row: _megabytes(_card_memory(row))),
    Column("RUN", lambda row: str(row.get("running", 0))),
    Column("QUEUE", lambda row: str(row.get("queued", 0))),
    Column("LATENCY", _latency),
    Column("ENDS IN", _rest),
    Column("STARTS", lambda row: str(row.get("starts", 0))),
    Column("CRASHES", lambda row: str(row.get("crashes", 0))),
    Column("PID", lambda row: str(row.get("pid") or "-")),
)
