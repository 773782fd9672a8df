"""The table and the picture of `scripts/bench peers`, and the server that stands for many."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from benches.peers.document import picture, section
from benches.peers.figures import Figures
from benches.peers.resident import ResidentServer
from benches.stage import recording

FULL = Figures("hushd", "1.2", "all of it", 16.4, 0.12, 0.2345, 0.8, 0.0213, 0.41, 17.0, 0)
PART = Figures("a <server>", "", "without engines", idle_mb=144.2, ready_s=2.7, wakeups=31)


def test_a_row_shows_what_was_measured_and_nothing_else() -> None:
    """Figures come with their units; a cell that does not apply is empty."""
    rows = section([FULL, PART], date(2026, 11, 21), 2).splitlines()
    full = "| hushd 1.2: all of it | 16 MB | 0.12 s | 0.23 s | 0.80 s | 0.021 s | 0.41 s | 17 MB | 0 |"
    assert full in rows
    assert "| a <server>: without engines | 144 MB | 2.70 s | | | | | | 31 |" in rows
    assert {row.count("|") for row in rows if row.startswith("|")} == {10}


def test_the_picture_shows_both_bars() -> None:
    """Each peer has a bar for each figure that it has, and its name is escaped."""
    drawn = picture([FULL, PART, Figures("bare", "", "", idle_mb=0.0)])
    assert drawn.count("<rect") == 1 + 2 + 3
    assert "a &lt;server&gt;" in drawn
    assert ">bare<" not in drawn


def test_the_resident_server_speaks_and_listens(tmp_path: Path) -> None:
    """It answers both kinds of requests, and again after it was told to unload."""
    with ResidentServer(tmp_path / "socket") as server:
        for _ in range(2):
            assert server.say("Ready.") > 0
            assert server.listen(recording("success.wav")) > 0
            server.unload()
    assert server.process.returncode is not None
