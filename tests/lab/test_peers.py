"""The figures of `scripts/bench peers`, and peers that are not here: no program is started."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from benches import peers
from benches.peers import programs
from benches.peers.programs import PEERS


def test_a_peer_that_is_not_installed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a row that says why it is not measured."""
    monkeypatch.setattr(programs, "SERVERS", tmp_path)
    rows = list(peers.peers(Namespace(whisper_server=None, audio=None, document=False)))
    assert [row.case for row in rows] == [f"peers: {peer.name}" for peer in PEERS]
    assert all(row.value is None and row.note.startswith("not measured: ") for row in rows)


def test_the_table_has_each_figure_of_both_programs() -> None:
    """Both programs' values stand in a cell, hushd's first, in the unit of the row."""
    ours = {name: 1.0 for rows in peers.ROWS.values() for name, *_ in rows}
    text = peers.section({"wyoming-faster-whisper": (ours, {**ours, peers.ROWS["hears"][0][0]: 4.0})}, "2026-11-28", 3)
    assert "| figure | wyoming-faster-whisper |" in text
    assert "| fr: wait after the end of the sound, s | 1.00 / 4.00 |" in text
    assert "| memory at most, MB | 1 / 1 |" in text
    assert text.count(" / ") == len(peers.ROWS["hears"]) + 1
