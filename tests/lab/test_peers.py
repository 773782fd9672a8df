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


def test_the_table_has_each_figure_with_its_ratio() -> None:
    """Both programs' values in the unit of the row, and the ratio of hushd's to the peer's."""
    ours = {name: 1.0 for rows in peers.ROWS.values() for name, *_ in rows}
    text = peers.section({"wyoming-faster-whisper": (ours, {**ours, peers.ROWS["hears"][0][0]: 4.0})}, "2026-11-28", 3)
    assert "| wyoming-faster-whisper: fr: wait after the end of the sound | 1.00 s | 4.00 s | 0.25 |" in text
    assert "memory at most | 1 MB | 1 MB | 1.00 |" in text
    assert text.count("\n| wyoming") == len(peers.ROWS["hears"])
