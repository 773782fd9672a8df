"""Tests of a frame of `hushd top`: what stands where, on small terminals too."""

from __future__ import annotations

from typing import Any

import pytest
from hushd.reports.memory_record import Entry, moments
from hushd_cli.commands.top.frame import View, lines
from hushd_schema.status import Status

MB = 1_000_000
WORKER: dict[str, Any] = {
    "name": "stt/moonshine/tiny-en", "state": "busy", "pid": 9, "pss_mb": 190.4, "running": 1, "queued": 3,
    "latency_ms": 84.0, "latency_p95_ms": 1310.0, "expires_in_s": None, "starts": 2, "crashes": 1,
}  # fmt: skip
STOPPED = WORKER | {"name": "tts/hibari/en", "state": "stopped", "pid": None, "pss_mb": None, "latency_ms": None}
STATUS: dict[str, Any] = {
    "supervisor": {"pid": 12, "version": "0.1.0", "uptime_s": 3700.0, "rss_mb": 22.0, "pss_mb": 15.2},
    "workers": [STOPPED, WORKER],
    "memory": {"budget_mb": 6400.0, "used_mb": 190.4, "available_mb": 5100.0, "pressure": "normal"},
    "floor": {"speaker": {"turn": 3, "client": "claude", "pid": 7, "priority": "text", "for_s": 4.0}, "waiting": 2},
}


def view(**fields: Any) -> View:
    record = [Entry(0, "ready", "stt/moonshine/tiny-en", 190 * MB, 20 * MB)]
    fields = {"status": STATUS, "moments": moments(record), "now": 100.0, **fields}
    return View(**fields | {"status": fields["status"] and Status.from_data(fields["status"])})


def text(shown: View, columns: int = 80, height: int = 24) -> list[str]:
    return ["".join(part for part, _ in line) for line in lines(shown, columns, height)]


def test_all_of_it_is_on_80_by_24() -> None:
    """Memory, pressure, floor, bars, and each worker's state, memory, queue and latency; the keys come last."""
    frame = text(view())
    assert len(frame) == 24
    assert max(map(len, frame)) <= 80
    whole = "\n".join(frame)
    for part in ("190 of 6400 MB", "claude speaks for 0:04 (turn 3)", "2 wait", "█", "84ms/1.3s", "q quit"):
        assert part in whole
    (row,) = [line for line in frame if "stt/moonshine" in line]
    assert row.split() == ["stt/moonshine/tiny-en", "busy", "190", "MB", "1", "3", "84ms/1.3s", "-", "2"]


def test_workers_with_a_process_come_first_and_one_is_chosen() -> None:
    """The chosen one is marked by a sign, too, for terminals without colours."""
    frame = text(view(chosen="tts/hibari/en"))
    rows = [line[:3] for line in frame if "/" in line and ("busy" in line or "stopped" in line)]
    assert rows == ["  s", "> t"]


@pytest.mark.parametrize(("columns", "height"), [(40, 10), (20, 5), (1, 1), (200, 60)])
def test_any_size_is_filled_and_no_more(columns: int, height: int) -> None:
    """As many lines as the terminal has; on a narrow one the last columns go."""
    assert len(text(view(), columns, height)) == height


def test_without_unicode_bars_are_signs() -> None:
    """Only ASCII is drawn where the terminal shows nothing else."""
    frame = "\n".join(text(view(fine=False)))
    assert "#" in frame
    assert frame.isascii()


def test_no_supervisor() -> None:
    """It says so, and which key starts one."""
    assert "no supervisor runs: p starts one" in text(view(status=None))[0]


def test_cards_are_shown_where_the_supervisor_reports_them() -> None:
    """A worker's VRAM is a column, and a card a line; without any there is neither."""
    assert "VRAM" not in "\n".join(text(view()))
    workers = [WORKER | {"vram_mb": 812.0}]
    card = {"device": "cuda:0", "name": "NVIDIA X", "total_mb": 24000.0, "used_mb": 900.0, "free_mb": 20000.0}
    cards = [card | {"asleep": False, "seen_s": 0.0, "kept_s": None}]
    status = STATUS | {"workers": workers, "memory": STATUS["memory"] | {"cards": cards}}
    whole = "\n".join(text(view(status=status)))
    assert "cuda:0 NVIDIA X: workers take 0.9 of 24.0 GB" in whole
    assert "812 MB" in whole


def test_the_timeline_is_as_long_as_what_is_known() -> None:
    """A minute at least and ten at most: a short life fills the width."""
    begun = [Entry(0, "start", "supervisor", 0, 20 * MB)]
    for now, first in ((5.0, "-1:00"), (125.0, "-2:05"), (9000.0, "-10:00")):
        assert first in "\n".join(text(view(moments=moments(begun), now=now)))
    assert "-1:00" in "\n".join(text(view(moments=[])))


def test_what_is_typed_stands_in_the_place_of_the_keys() -> None:
    """A question first, else what the last key has done."""
    assert text(view(prompt="start: stt", note="done"))[-1] == "start: stt"
    assert text(view(note="done"))[-1] == "done"


def test_templates_are_shown() -> None:
    """Each has a line above the bars."""
    row = {"name": "tts/hibari", "state": "ready", "pid": 7, "pss_mb": 40.2, "private_mb": 34.6, "why": ""}
    assert "standby tts/hibari: ready, 35 MB, pid 7" in text(view(status=STATUS | {"standby": [row]}))
