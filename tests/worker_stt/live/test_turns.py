"""The time that a pause is waited for."""

from __future__ import annotations

import itertools

import pytest
from hushd_worker_stt.live.turn_words import EVEN, FINISHED, MAX_TURN_QUIET_S, wait_s

PROBABILITIES = [n / 50 for n in range(51)]
SILENCES = [0.1, 0.3, 0.5, 0.8, 1.6, 1.99, 2.0, 5.0, 60.0]


@pytest.mark.parametrize("silence_s", SILENCES)
def test_a_wait_is_bounded(silence_s: float) -> None:
    """Never shorter than the silence asked for, never longer than 2 s unless that is, and longer the less is over."""
    waits = [wait_s(probability, silence_s) for probability in PROBABILITIES]
    assert all(silence_s <= wait + 1e-9 and wait <= max(silence_s, MAX_TURN_QUIET_S) + 1e-9 for wait in waits)
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(waits))
    assert waits[0] == pytest.approx(max(silence_s, MAX_TURN_QUIET_S))


@pytest.mark.parametrize("silence_s", SILENCES)
@pytest.mark.parametrize("probability", [None, EVEN, FINISHED, 1.0])
def test_silence_alone_decides_where_nothing_is_open(probability: float | None, silence_s: float) -> None:
    """A finished turn, and one of which nothing is known, ends as it always did."""
    assert wait_s(probability, silence_s) == pytest.approx(silence_s)
