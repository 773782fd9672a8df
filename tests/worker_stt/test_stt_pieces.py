"""Cutting: nothing lost, nothing doubled, cuts in the pauses, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hushd_worker_stt.pieces import cut, quietest

RATE = 16_000


@pytest.mark.parametrize("seed", range(30))
def test_pieces_joined_are_the_audio(seed: int) -> None:
    """Whatever the blocks, the pieces are the audio in order, within their bounds, with the right start times."""
    rng = np.random.default_rng(seed)
    blocks = [rng.standard_normal(int(rng.integers(0, 40_000))).astype(np.float32) for _ in range(rng.integers(0, 40))]
    joined = np.concatenate([np.zeros(0, np.float32), *blocks])
    pieces = list(cut(blocks, shortest_s=1.0, longest_s=3.0))
    assert np.array_equal(np.concatenate([np.zeros(0, np.float32), *(p.samples for p in pieces)]), joined)
    position = 0
    for number, piece in enumerate(pieces):
        assert piece.start == position / RATE
        position += len(piece.samples)
        assert 0 < len(piece.samples) <= 3 * RATE
        if number < len(pieces) - 1:
            assert len(piece.samples) >= 1 * RATE


def test_the_cut_is_in_the_pause() -> None:
    """A pause of 0.5 s between the shortest and the longest piece is where the cut is made."""
    rng = np.random.default_rng(1)
    samples = rng.standard_normal(30 * RATE).astype(np.float32)
    samples[14 * RATE : 14 * RATE + RATE // 2] *= 0.01
    first, second = cut([samples], shortest_s=10, longest_s=20)
    assert 14.1 < second.start < 14.4
    assert first.start == 0.0


def test_a_pause_before_the_shortest_piece_is_no_cut() -> None:
    """The quietest place is looked for only where a cut may be."""
    samples = np.ones(20 * RATE, np.float32)
    samples[2 * RATE : 3 * RATE] = 0
    samples[12 * RATE : 13 * RATE] = 0.5
    assert 12 * RATE < quietest(samples, 10 * RATE) < 13 * RATE


def test_pieces_come_as_soon_as_they_are_full() -> None:
    """Endless audio yields pieces while it flows: no more than one piece and a block is held."""
    read = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal read
        while True:
            read += 1
            yield np.ones(RATE, np.float32)

    pieces = cut(endless(), shortest_s=10, longest_s=20)
    for _ in range(10):
        piece = next(pieces)
        assert read * RATE - (piece.start * RATE + len(piece.samples)) <= 21 * RATE
