"""Sound that waits for a worker: its order, its bounds, and a disk that fails."""

from __future__ import annotations

import os
import random

import pytest
from hushd_gateway.http.realtime import hearing
from hushd_gateway.http.realtime.hearing import Backlog


@pytest.mark.parametrize("seed", range(20))
def test_sound_comes_in_its_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever of it was in memory or in the file, and however much waits."""
    monkeypatch.setattr(hearing, "MEMORY", 100)
    dice, waiting, sent, taken = random.Random(seed), Backlog(), bytearray(), bytearray()
    for _ in range(400):
        piece = dice.randbytes(dice.randint(1, 60))
        assert waiting.add(piece)
        sent += piece
        for _ in range(dice.randint(0, min(3, len(waiting)))):
            taken += waiting.take()
    while len(waiting):
        taken += waiting.take()
    assert taken == sent


def test_a_full_disk_leaves_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sound is lost: the next piece has to wait until the worker has taken one."""
    monkeypatch.setattr(hearing, "MEMORY", 10)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    waiting = Backlog()
    assert waiting.add(b"0123456789")
    assert not waiting.add(b"next")
    assert waiting.take() == b"0123456789"
    assert waiting.add(b"next")
    assert waiting.take() == b"next"
