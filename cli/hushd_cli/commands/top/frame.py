"""A frame of `hushd top`: the status as lines of styled text. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd.reports.display import Column, clock
from hushd.reports.memory_record import Moment, highest, window
from hushd.reports.status_table import card_line, neighbour_line, standby_line
from hushd_protocol.light_dataclass import dataclass, field

from hushd_cli.terminal.chart import chart, columns_for_bars, indent, round_up

from .screen import Line

if TYPE_CHECKING:
    from hushd_schema.status import DoorStatus, FloorStatus, Status, WorkerStatus

SPAN_S = 600.0  # of the timeline,
MIN_SPAN_S = 60.0  # which is shorter while less is known
MAX_BARS, MIN_BARS = 10, 3  # lines of the timeline
KEYS = "up/down choose  p start  u stop  U all  s stop speaking  space pause  q quit"
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


@dataclass(slots=True)
class View:
    """The content of the screen.

    Attributes:
        status: the supervisor's status; None while none runs.
        moments: memory over time, the newest last.
        chosen: the name of the worker on which the keys act.
        note: the outcome of the last key.
        prompt: the question with the text typed so far; None while there is no question.
        fine: whether the terminal shows Unicode.
    """

    status: Status | None = None
    moments: Sequence[Moment] = ()
    chosen: str = ""
    note: str = ""
    prompt: str | None = None
    fine: bool = True
    now: float = field(default_factory=time.time)


def workers(view: View) -> list[WorkerStatus]:
    """Returns the workers, those with a process first."""
    known = view.status.workers if view.status else ()
    return sorted(known, key=lambda worker: (worker.pid is None, worker.name))


def lines(view: View, columns: int, height: int) -> list[Line]:
    """Returns the frame for a terminal of so many columns and lines."""
    head = _head(view)
    table = _table(view, columns)
    foot: Line = (
        [(view.prompt, "bold")] if view.prompt is not None else [(view.note or KEYS, "" if view.note else "dim")]
    )
    room = height - len(head) - len(table) - 5  # a blank line, the scale's title, the times, a blank line, the keys
    bars = _timeline(view, columns, max(MIN_BARS, min(MAX_BARS, room)))
    body = [*head, [], *bars, [], *table][: height - 1]
    return [*body, *[[]] * (height - 1 - len(body)), foot]


def _head(view: View) -> list[Line]:
    status = view.status
    if status is None:
        return [[("hushd", "title"), ("  no supervisor runs: p starts one, and so does the next say or listen", "")]]
    supervisor, memory = status.supervisor, status.memory
    pressure = memory.pressure or "none"
    return [
        [
            (f"hushd {supervisor.version}", "title"),
            (f"  pid {supervisor.pid}  up {clock(supervisor.uptime_s)}  {supervisor.size_mb:.1f} MB", ""),
        ],
        [
            (f"workers {memory.used_mb:.0f} of {memory.budget_mb:.0f} MB", ""),
            (f"  {memory.available_mb:.0f} MB available  pressure ", ""),
            (pressure, "" if pressure in ("none", "normal") else "warning" if pressure == "warning" else "bad"),
        ],
        *([(card_line(card), "")] for card in memory.cards),
        *([(neighbour_line(neighbour), "")] for neighbour in memory.neighbours),
        *([(standby_line(template), "")] for template in status.standby),
        *_gateway(status.door),
        *_floor(status.floor),
    ]


def _gateway(door: DoorStatus | None) -> list[Line]:
    if door is None or not door.gateway.pid:
        return []
    return [[(f"gateway pid {door.gateway.pid}  {_megabytes(door.gateway.rss_mb)}", "")]]


def _floor(floor: FloorStatus) -> list[Line]:
    """Returns a line with the programs that speak and listen."""
    parts: list[tuple[str, str]] = []
    turns = [(floor.speaker, "speaks"), (floor.microphone, "listens")]
    turns += [(turn, "listens in the background") for turn in floor.wake]
    for turn, does in turns:
        if turn:
            parts.append((f"{turn.client} {does} for {clock(turn.for_s)} (turn {turn.turn})  ", "busy"))
    if floor.waiting:
        parts.append((f"{floor.waiting} wait  ", "warning"))
    if floor.paused:
        parts.append(("speaking is paused", "warning"))
    return [parts or [("nobody speaks or listens", "dim")]]


def _timeline(view: View, columns: int, height: int) -> list[Line]:
    """Returns the memory of the last ten minutes as bars, with dots for a server that never unloads."""
    count = columns_for_bars(columns)
    known = view.now - view.moments[0].time if view.moments else 0.0
    span = max(MIN_SPAN_S, min(SPAN_S, known))
    parts = highest(window(view.moments, view.now - span, view.now), count)
    ours, theirs = [part.total / 1e6 for part in parts], [part.resident / 1e6 for part in parts]
    top = round_up(max(1.0, *ours, *theirs))
    legend = f"   MB  {'█ hushd   · ' if view.fine else '# hushd   . '}a server that never unloads"
    bars: list[Line] = [[(bar, "bars")] for bar in chart(ours, theirs, height, top, fine=view.fine)]
    first = f"-{clock(span)}"
    return [[(legend, "dim")], *bars, [(f"{indent()}{first}{'now':>{max(3, count - len(first))}}", "dim")]]


def _table(view: View, columns: int) -> list[Line]:
    listed = workers(view)
    if not listed:
        return [[("no workers", "dim")]] if view.status else []
    columns_shown = _COLUMNS if any(worker.vram_mb for worker in listed) else [c for c in _COLUMNS if c.title != "VRAM"]
    made = [[column.title, *(column.cell(worker) for worker in listed)] for column in columns_shown]
    widths = [max(map(len, cells)) for cells in made]
    while len(made) > 2 and sum(widths) + 2 * len(widths) > columns:
        made.pop(), widths.pop()
    sides = [column.left for column in columns_shown]
    texts = [
        [
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(cells, widths, sides, strict=False)
        ]
        for cells in zip(*made, strict=True)
    ]
    lines: list[Line] = [[("  " + "  ".join(texts[0]), "bold")]]
    for worker, cells in zip(listed, texts[1:], strict=True):
        if worker.name == view.chosen:
            lines.append([("> " + "  ".join(cells), "chosen")])
        else:
            state = _STYLES.get(worker.state, "dim")
            lines.append([(f"  {cells[0]}  ", ""), (cells[1], state), ("".join(f"  {cell}" for cell in cells[2:]), "")])
    return lines


def _megabytes(size: float | None) -> str:
    return f"{size:.0f} MB" if size else "-"


def _latency(worker: WorkerStatus) -> str:
    middle, most = worker.latency_ms, worker.latency_p95_ms
    return "-" if middle is None or most is None else f"{_short(middle)}/{_short(most)}"


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.0f}ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f}s"


def _rest(worker: WorkerStatus) -> str:
    """Returns the time until an idle worker ends."""
    rest = worker.expires_in_s
    return "-" if rest is None else "never" if rest < 0 else clock(rest)


# A narrow terminal drops the last columns first.
_COLUMNS: tuple[Column[WorkerStatus], ...] = (
    Column("WORKER", lambda worker: worker.name, left=True),
    Column("STATE", lambda worker: worker.state, left=True),
    Column("MEMORY", lambda worker: _megabytes(worker.size_mb)),
    Column("VRAM", lambda worker: _megabytes(worker.vram_mb)),
    Column("RUN", lambda worker: str(worker.running)),
    Column("QUEUE", lambda worker: str(worker.queued)),
    Column("LATENCY", _latency),
    Column("ENDS IN", _rest),
    Column("STARTS", lambda worker: str(worker.starts)),
    Column("CRASHES", lambda worker: str(worker.crashes)),
    Column("PID", lambda worker: str(worker.pid or "-")),
    Column("PRIVATE", lambda worker: _megabytes(worker.private_mb)),
    Column("MAPPED", lambda worker: _megabytes(worker.mapped_mb)),
)
