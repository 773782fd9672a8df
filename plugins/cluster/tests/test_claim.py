"""Two drivers by mistake: one has the folder, and the other says so and leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_cluster import claim
from hushd_cluster.claim import Claim
from hushd_cluster.store import SharedFolder
from hushd_protocol.errors import HushdError


@pytest.fixture
def folder(tmp_path: Path) -> SharedFolder:
    return SharedFolder(f"file://{tmp_path}")


def test_a_folder_on_this_machine_has_one_driver(tmp_path: Path) -> None:
    """The next one may come once it has left."""
    with claim.of_folder(str(tmp_path)):
        with pytest.raises(HushdError, match="Another `hushd cluster transcribe` writes to") as raised:
            claim.of_folder(str(tmp_path)).__enter__()
        assert raised.value.code == "bad_request"
    with claim.of_folder(str(tmp_path)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_driver_that_lives_keeps_its_claim(folder: SharedFolder, tmp_path: Path) -> None:
    """It beats while the other one waits; the refusal says where it runs."""
    first = Claim(folder, lambda _: None)
    first.take()
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 5:
            first.beat()

    with pytest.raises(
        HushdError, match=r"writes to file:///\S+, process \d+ of \S+: let it, or end it first"
    ) as raised:
        Claim(folder, wait).take()
    assert raised.value.code == "bad_request"
    assert len(waits) == 5
    first.check()
    first.release()
    assert not (tmp_path / ".hushd/driver.json").exists()


def test_a_dead_drivers_claim_is_taken_over(folder: SharedFolder) -> None:
    """After it was silent for long enough, and whoever waits is told so; if it comes back, it leaves."""
    dead = Claim(folder, lambda _: None)
    dead.take()
    waits: list[float] = []
    notes: list[str] = []
    heir = Claim(folder, waits.append)
    heir.take(notes.append)
    assert sum(waits) == claim.SILENT_S + claim.SETTLE_S
    assert "15 s to show that it lives" in notes[0]
    with pytest.raises(HushdError, match="Another"):
        dead.beat()
    dead.release()
    heir.check()


def test_a_claim_that_is_held_beats_by_itself(folder: SharedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is released, or lost to another."""
    monkeypatch.setattr(claim, "BEAT_S", 0.01)
    held = Claim(folder)
    held.take()
    before = folder.read(claim.NAME)
    held.hold()
    assert held._thread
    while folder.read(claim.NAME) == before:
        held._thread.join(0.01)
    while held._thread.is_alive():  # it may write once more in the very moment
        folder.replace(claim.NAME, b'{"key": "another", "host": "b", "process": 7}')
        held._thread.join(0.1)
    assert held.lost
    assert "process 7 of b" in held.lost.message
    held.release()
    assert folder.read(claim.NAME)
