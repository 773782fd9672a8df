"""Draws the status with rich, as `hushd top` shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hushd.reports.display import clock
from hushd.reports.status_table import card_lines
from hushd_protocol.suggest import escaped
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from hushd_schema.status import FloorStatus, MemoryStatus, Status, WorkerStatus

WIDE = 100  # columns of a terminal from which workers have bars
BAR = 12  # columns of a bar
_STATES = {
    "ready": "green", "busy": "bold cyan", "starting": "cyan", "waiting": "yellow",
    "draining": "yellow", "stopping": "yellow", "killing": "red", "backoff": "red", "failed": "red",
}  # fmt: skip
_PRESSURES = {"none": "green", "normal": "green", "warning": "yellow"}


class Column(NamedTuple):
    title: str
    cell: Callable[[WorkerStatus], RenderableType]
    left: bool = False


def live_screen() -> Live:
    """Returns the whole terminal, to draw frames on."""
    return Live(console=Console(), screen=True, auto_refresh=False)


def frame(status: Status | None, console: Console) -> RenderableType:
    """Returns what a terminal as wide as `console` shows of the status; None while no supervisor runs."""
    if status is None:
        text = Text.assemble(
            "No supervisor runs. The next ", ("say", "bold"), " or ", ("listen", "bold"), " starts one."
        )
        return _framed(text, "hushd")
    supervisor = status.supervisor
    title = f"hushd {supervisor.version} · {supervisor.size_mb:.1f} MB · up {clock(supervisor.uptime_s)}"
    parts = [
        _memory(status.memory),
        *map(_text, card_lines(status.memory)),
        _floor(status.floor),
        Text(),
        _workers(status, console),
    ]
    return _framed(Group(*parts), title)


def _framed(content: RenderableType, title: str) -> Panel:
    return Panel(
        content,
        title=Text(f" {title} ", "bold"),
        title_align="left",
        subtitle=Text(" q quits ", "dim"),
        subtitle_align="right",
        border_style="cyan",
        box=box.ROUNDED,
        padding=(1, 2),
    )


def _text(text: str, style: str = "") -> Text:
    """Returns text from outside, without control sequences, in one line."""
    return Text(escaped(text), style, no_wrap=True, overflow="ellipsis")


def _memory(memory: MemoryStatus) -> RenderableType:
    """Returns the memory that workers may take, as a bar, and the machine's."""
    pressure = memory.pressure or "none"
    line = Table.grid(expand=True, padding=(0, 2, 0, 0))
    line.add_column(no_wrap=True)
    line.add_column(ratio=1)
    line.add_column(no_wrap=True)
    used = f"{memory.used_mb:,.0f} of {memory.budget_mb:,.0f} MB"
    line.add_row(Text("workers", "bold"), _bar(memory.used_mb, memory.budget_mb), used)
    rest = Text.assemble(
        f"{memory.available_mb:,.0f} MB available · pressure ", (pressure, _PRESSURES.get(pressure, "bold red"))
    )
    return Group(line, rest)


def _bar(value: float, total: float, width: int | None = None) -> ProgressBar:
    style = "yellow" if value > 0.8 * total else "cyan"
    return ProgressBar(
        total or 1.0, value, width, style="dim", complete_style=style, finished_style=style, pulse_style=style
    )


def _floor(floor: FloorStatus) -> Text:
    """Returns who speaks and listens, in one line."""
    turns = [(floor.speaker, "speaks"), (floor.microphone, "listens")]
    turns += [(turn, "listens in the background") for turn in floor.wake]
    parts = [_text(f"{turn.client} {does} for {clock(turn.for_s)}", "cyan") for turn, does in turns if turn]
    if floor.waiting:
        parts.append(Text(f"{floor.waiting} waiting", "yellow"))
    if floor.paused:
        parts.append(Text("speaking is paused", "yellow"))
    line = Text(" · ", no_wrap=True, overflow="ellipsis").join(parts or [Text("nobody speaks or listens", "dim")])
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _workers(status: Status, console: Console) -> RenderableType:
    """Returns the table of workers, those with a process first; a narrow terminal has fewer columns."""
    workers = sorted(status.workers, key=lambda worker: (worker.pid is None, worker.name))
    if not workers:
        return Text("no workers", "dim")
    room = console.width - 6  # columns left beside the frame
    most = max(worker.size_mb or 0.0 for worker in workers)
    columns = [*_FIRST, *([_VRAM] if any(worker.vram_mb for worker in workers) else []), *_MORE]
    if console.width >= WIDE:
        columns.insert(3, Column("", lambda worker: _bar(worker.size_mb, 1.25 * most, BAR) if worker.size_mb else ""))
    while True:
        table = _table(columns, workers)
        if len(columns) <= _MIN_COLUMNS or console.measure(table).maximum <= room:
            return table
        columns.pop()


def _table(columns: list[Column], workers: list[WorkerStatus]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:  # the worker's name is shortened where nothing more can be left out
        table.add_column(column.title, justify="left" if column.left else "right", no_wrap=column is not columns[0])
    for worker in workers:
        table.add_row(*(column.cell(worker) for column in columns), style="" if worker.pid else "dim")
    return table


def _megabytes(size: float | None) -> str:
    return f"{size:,.0f} MB" if size else "-"


def _latency(worker: WorkerStatus) -> str:
    middle, most = worker.latency_ms, worker.latency_p95_ms
    return "-" if middle is None or most is None else f"{_short(middle)}/{_short(most)}"


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.0f}ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f}s"


def _rest(worker: WorkerStatus) -> str:
    """Returns the time until an idle worker ends."""
    rest = worker.expires_in_s
    return "-" if rest is None else "never" if rest < 0 else clock(rest)


_MIN_COLUMNS = 4  # columns of the table in the narrowest terminal
_FIRST = (
    Column("WORKER", lambda worker: _text(worker.name), left=True),
    Column("STATE", lambda worker: Text(worker.state, _STATES.get(worker.state, "dim")), left=True),
    Column("MEMORY", lambda worker: _megabytes(worker.size_mb)),
)
_VRAM = Column("VRAM", lambda worker: _megabytes(worker.vram_mb))
_MORE = (
    Column("ENDS IN", _rest),
    Column("RUN", lambda worker: str(worker.running)),
    Column("QUEUE", lambda worker: str(worker.queued)),
    Column("LATENCY", _latency),
    Column("STARTS", lambda worker: str(worker.starts)),
    Column("CRASHES", lambda worker: str(worker.crashes)),
    Column("PID", lambda worker: str(worker.pid or "-")),
)
