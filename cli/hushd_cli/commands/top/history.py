"""`hushd top --history`: shows the memory of supervisor and workers over time, beside a server that never unloads."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from hushd.reports import card_record
from hushd.reports import memory_record as record
from hushd.reports.card_record import CardHistory
from hushd.reports.display import Column, clock, laid_out
from hushd.reports.memory_record import Use
from hushd.reports.memory_window import RIVAL, Window
from hushd.reports.memory_window import megabytes as _mb
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

if TYPE_CHECKING:
    from hushd_schema.status import Status

from hushd_cli.terminal import console
from hushd_cli.terminal.chart import chart, columns_for_bars, indent, round_up, speaks_unicode

SPAN_S = 3600.0  # by default
HEIGHT, CARD_HEIGHT = 10, 5  # lines of the bars
_WIDE = 100  # columns of output that is not a terminal
_DAY = 20 * 3600.0  # from which a time needs its date


def show(span: float, as_json: bool) -> None:
    """Prints the record of the last `span` seconds.

    Raises:
        HushdError: `input_unreadable` if there is no record yet.
    """
    window = _window(span)
    if as_json:
        console.write_json(window.data())
    else:
        console.write(_as_text(window, min(console.width(), _WIDE)))


def _window(span: float) -> Window:
    """Returns the record of the last `span` seconds, and the present state."""
    path = paths.find().memory_record
    window = Window.last(span, record.read(path), _status(), time.time(), card_record.read(path))
    if window is None:
        why = "all that is in it is of a time to come" if path.exists() else "it does not exist"
        raise HushdError("input_unreadable", f"Nothing is recorded yet in {path}: {why}.")
    return window


def _status() -> Status | None:
    """Returns the status of the running supervisor; None if none runs."""
    from hushd.client import Client

    try:
        with Client(holder="cli", start=False) as client:
            return client.status()
    except HushdError as error:
        if error.code != "no_supervisor":
            raise
        return None


def _as_text(window: Window, width: int) -> str:
    fine = speaks_unicode()
    parts = record.highest(window.moments, columns_for_bars(width))
    seen = [_mb(size) for size in record.seen_parts(window.neighbours, window.start, window.end, len(parts))]
    held, resident = [_mb(part.total) for part in parts], [_mb(part.resident) for part in parts]
    top = round_up(max(1.0, *held, *resident, *seen))
    bars = chart(held, resident, HEIGHT, top, fine=fine, behind=seen)
    shade = f"   {'░' if fine else ':'} {_named(window)}, where seen" if any(seen) else ""
    form = "%H:%M" if window.end - window.start < _DAY else "%d %b %H:%M"
    first, last = (time.strftime(form, time.localtime(at)) for at in (window.start, window.end))
    lines = [
        window.summary,
        "",
        f"{indent()[:-2]:>5} MB{'':4}{'█ hushd   · ' if fine else '# hushd   . '}{RIVAL}{shade}",
        *bars,
        *_events(window, len(parts), fine),
        f"{indent()}{first}{last:>{max(1, len(parts) - len(first))}}",
        *(line for card in window.cards for line in _card_bars(card, len(parts), fine)),
        "",
        *laid_out(_COLUMNS, window.uses, width),
    ]
    return "\n".join(lines) + "\n"


def _named(window: Window) -> str:
    return ", ".join(dict.fromkeys(seen.neighbour for seen in window.neighbours))


def _card_bars(card: CardHistory, columns: int, fine: bool) -> list[str]:
    """Returns a graphics card's memory as bars."""
    parts = card_record.highest(card.moments, columns)
    taken, with_others = [part.taken / 1e9 for part in parts], [(part.taken + part.others) / 1e9 for part in parts]
    signs = "█ workers   · and other programs" if fine else "# workers   . and other programs"
    title = f"{indent()[:-2]:>5} GB{'':4}{signs}, of {card.described}"
    return ["", title, *chart(taken, with_others, CARD_HEIGHT, math.ceil(card.total / 1e9), fine=fine)]


_COLUMNS: tuple[Column[Use], ...] = (
    Column("WORKER", lambda use: use.name, left=True),
    Column("STARTS", lambda use: str(use.starts)),
    Column("THERE FOR", lambda use: clock(use.seconds)),
    Column("MOST PRIVATE", lambda use: f"{_mb(use.most):.0f} MB"),
    Column("MAPPED", lambda use: f"{_mb(use.mapped):.0f} MB"),
)


def _events(window: Window, columns: int, fine: bool) -> list[str]:
    """Returns a line of marks under the bars: starts, exits, and both in one column."""
    signs = {"start": "▴", "exit": "▾", "both": "↕"} if fine else {"start": "^", "exit": "v", "both": "x"}
    line = [" "] * columns
    for entry in window.changes:
        place = min(columns - 1, int((entry.time - window.start) / (window.end - window.start or 1.0) * columns))
        same = line[place] in (" ", signs[entry.event])
        line[place] = signs[entry.event] if same else signs["both"]
    return [f"{indent()}{''.join(line).rstrip()}", f"{indent()}{signs['start']} start  {signs['exit']} exit"]
