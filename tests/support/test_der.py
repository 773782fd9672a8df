"""The measure of diarization itself, on cases whose answer is known."""

from __future__ import annotations

import pytest
from support.der import Spoken, diarization_errors

TWO = [Spoken(0, 10, "a"), Spoken(10, 20, "b")]


@pytest.mark.parametrize(
    ("found", "rate"),
    [
        ([Spoken(0, 10, 7), Spoken(10, 20, 3)], 0.0),  # names mean nothing
        ([Spoken(10, 20, "a"), Spoken(0, 10, "b")], 0.0),
        ([Spoken(0, 20, 0)], 0.5),  # all one
        ([Spoken(0, 5, 0), Spoken(5, 10, 1), Spoken(10, 20, 2)], 0.25),  # one too many
        ([Spoken(0, 10, 0), Spoken(10, 15, 1)], 0.25),  # five seconds missed
        ([], 1.0),
        ([Spoken(0, 10, 0), Spoken(0, 20, 1)], 0.5),  # ten seconds nobody said
        ([Spoken(0, 12, 0), Spoken(12, 20, 1)], 0.1),  # two seconds of somebody else
        ([Spoken(0, 10, 0), Spoken(10, 20, 1), Spoken(20, 25, 1)], 0.25),  # goes on too long
    ],
)
def test_known_rates(found: list[Spoken], rate: float) -> None:
    """Missed speech, false alarms and confusion count by the second, under the best matching of names."""
    assert diarization_errors(TWO, found, collar=0).rate == pytest.approx(rate, abs=0.002)


def test_overlap_counts_twice() -> None:
    """Two people at once are two seconds of speech a second, of which one name misses half."""
    both = [Spoken(0, 10, "a"), Spoken(0, 10, "b")]
    errors = diarization_errors(both, [Spoken(0, 10, 0)], collar=0)
    assert errors.speech == pytest.approx(20)
    assert errors.missed == pytest.approx(10)
    assert diarization_errors(both, [Spoken(0, 10, 0), Spoken(0, 10, 1)], collar=0).rate == 0


def test_collar() -> None:
    """A quarter of a second around each true change is not judged, more than that is."""
    late = [Spoken(0.2, 10.2, 0), Spoken(10.2, 20.2, 1)]
    assert diarization_errors(TWO, late).rate == 0
    later = [Spoken(0, 10.75, 0), Spoken(10.75, 20, 1)]
    assert diarization_errors(TWO, later).confused == pytest.approx(0.5, abs=0.02)


def test_matching_is_the_best_not_the_greedy_one() -> None:
    """The longest pair is not taken where two others together are longer."""
    truth = [Spoken(0, 10, "a"), Spoken(10, 19, "b")]
    found = [Spoken(0, 9, 0), Spoken(9, 10, 1), Spoken(10, 19, 0)]
    assert diarization_errors(truth, found, collar=0).rate == pytest.approx(9 / 19, abs=0.01)
    truth = [Spoken(0, 10, "a"), Spoken(20, 29, "b")]
    found = [Spoken(0, 10, 0), Spoken(0, 9, 1), Spoken(20, 29, 0)]
    assert diarization_errors(truth, found, collar=0).confused == pytest.approx(1, abs=0.1)
