"""The table that `hushd status` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_protocol.suggest import escaped

from .display import Column, clock, laid_out

if TYPE_CHECKING:
    from hushd_schema.status import CardStatus, DoorStatus, FloorStatus, MemoryStatus, Status, WorkerStatus


def _megabytes(value: float | None) -> str:
    return "-" if not value else f"{value:.0f} MB"


def _time(value: float | None) -> str:
    return "-" if value is None else clock(value)


def _expiry(worker: WorkerStatus) -> str:
    value = worker.expires_in_s
    return "never" if value is not None and value < 0 else _time(value)


def _running(worker: WorkerStatus) -> str:
    """The number of running requests, live sessions counted separately."""
    live = worker.sessions
    files = worker.running - live
    return f"{files} + {live} live" if live else str(files)


_USUAL = 8  # columns; on a narrow terminal the last ones are dropped first
_DEVICE: Column[WorkerStatus] = Column("DEVICE", lambda worker: worker.compute_device or "-", left=True)
_VRAM: Column[WorkerStatus] = Column("VRAM", lambda worker: _megabytes(worker.vram_mb))
_COLUMNS: tuple[Column[WorkerStatus], ...] = (
    Column("WORKER", lambda worker: worker.name, left=True),
    Column("STATE", lambda worker: worker.state, left=True),
    Column("MEMORY", lambda worker: _megabytes(worker.size_mb)),
    Column("ENDS IN", _expiry),
    Column("RUNNING", _running),
    Column("QUEUED", lambda worker: str(worker.queued)),
    Column("IDLE", lambda worker: _time(worker.idle_s)),
    Column("FOR", lambda worker: escaped(", ".join(worker.programs)) or "-", left=True),
    Column("PRIVATE", lambda worker: _megabytes(worker.private_mb)),
    Column("MAPPED", lambda worker: _megabytes(worker.mapped_mb)),
    Column("PEAK", lambda worker: _megabytes(worker.peak_mb)),
    Column("NEEDS", lambda worker: _megabytes(worker.need_mb)),
    Column("PID", lambda worker: str(worker.pid or "-")),
    Column("CONFINED", lambda worker: "yes" if worker.confined else "no" if worker.pid else "-"),
    Column("REQUESTS", lambda worker: str(worker.requests)),
    Column("STARTS", lambda worker: str(worker.starts)),
    Column("CRASHES", lambda worker: str(worker.crashes)),
)


def table(status: Status, width: int, machine: str = "", *, wide: bool = False) -> str:
    """The status as lines of at most `width` characters, as far as the first column allows.

    Args:
        machine: the other machine that was asked.
        wide: with all columns.
    """
    supervisor, memory, workers = status.supervisor, status.memory, status.workers
    lines = [
        f"hushd {supervisor.version}{machine and f' on {machine}'}, pid {supervisor.pid}, "
        f"up {clock(supervisor.uptime_s)}, {supervisor.size_mb:.1f} MB",
        f"memory: {memory.used_mb:.0f} of {memory.budget_mb:.0f} MB used, "
        f"{memory.available_mb:.0f} MB available, pressure {memory.pressure or 'none'}",
        *card_lines(memory),
        *_door(status.door),
        *_floor(status.floor),
    ]
    if not workers:
        return "\n".join([*lines, "no workers", ""])
    on_cards = any(worker.compute_device not in ("", "cpu") for worker in workers)
    columns = (*_COLUMNS[:3], _DEVICE, _VRAM, *_COLUMNS[3:]) if on_cards else _COLUMNS
    shown = columns if wide else columns[:_USUAL]
    return "\n".join([*lines, *_failures(workers), "", *laid_out(shown, workers, width), ""])


def _failures(workers: Sequence[WorkerStatus]) -> list[str]:
    """Returns why each worker died whose next process is not ready yet."""
    return [f"{worker.name}: {worker.failure}; see `hushd logs {worker.name}`" for worker in workers if worker.failure]


def card_lines(memory: MemoryStatus) -> list[str]:
    """The graphics cards, as they were last seen, and why they could not be."""
    failed = [f"graphics cards cannot be used: {memory.cards_error}"] if memory.cards_error else []
    return [*map(card_line, memory.cards), *failed]


def card_line(card: CardStatus) -> str:
    """A graphics card, as it was last seen."""
    name = f"{card.device} {card.name}".strip()
    if card.asleep:
        return f"{name}: asleep"
    used, total, others = (size / 1000 for size in (card.used_mb, card.total_mb, card.others_mb))
    seen = f" {clock(card.seen_s)} ago" if card.seen_s >= 1 else ""
    taken = f"workers take {used:.1f} of {total:.1f} GB, other programs {others:.1f}"
    return f"{name}: {taken}, {card.free_mb / 1000:.1f} GB free{seen}"


def _door(door: DoorStatus | None) -> list[str]:
    """The addresses for other programs, and the processes that serve them."""
    if door is None:
        return []
    lines = []
    for kind, name in (("http", "HTTP"), ("wyoming", "Wyoming")):
        if addresses := [listener.address for listener in door.listeners if listener.kind == kind]:
            lines.append(f"{name}: {', '.join(addresses)}")
    for name, process in (("gateway", door.gateway), ("agents", door.agents)):
        if process.pid:
            lines.append(f"{name}: pid {process.pid}, {_megabytes(process.rss_mb)}")
    return lines


def _floor(floor: FloorStatus) -> list[str]:
    """A line for each device that somebody has."""
    lines = []
    turns = [("speaker", floor.speaker), ("microphone", floor.microphone)]
    turns += [("microphone, in the background", turn) for turn in floor.wake]
    for device, turn in turns:
        if turn:
            client = f"{turn.client}, pid {turn.pid}" if turn.pid else turn.client
            lines.append(f"{device}: turn {turn.turn} of {client}, {turn.priority}, for {clock(turn.for_s)}")
    if floor.paused:
        lines.append("speaking is paused, and listening in the background: `hushd resume` goes on")
    if floor.waiting:
        lines.append(f"waiting to speak or listen: {floor.waiting}")
    return lines
