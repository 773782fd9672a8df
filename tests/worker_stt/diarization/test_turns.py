"""Turns, and the stretches of a recording that are taken down as one speaker's."""

from __future__ import annotations

import pytest
from hushd_worker_stt.diarization.turns import SpeakerTurn, Stretch, alone, numbered, stretches, tidied


def test_numbered_by_first_appearance() -> None:
    """Whoever is heard first is 0, whatever they were called, and input order means nothing."""
    turns = [SpeakerTurn(5, 6, 1), SpeakerTurn(0, 2, 9), SpeakerTurn(2, 3, 4), SpeakerTurn(7, 8, 9)]
    assert numbered(turns) == [SpeakerTurn(0, 2, 0), SpeakerTurn(2, 3, 1), SpeakerTurn(5, 6, 2), SpeakerTurn(7, 8, 0)]


@pytest.mark.parametrize(("turns", "expected"), [
    ([], []),
    ([SpeakerTurn(0, 1, 0), SpeakerTurn(1.2, 2, 0)], [SpeakerTurn(0, 2, 0)]),  # a breath
    ([SpeakerTurn(0, 1, 0), SpeakerTurn(1.4, 2, 0)], [SpeakerTurn(0, 1, 0), SpeakerTurn(1.4, 2, 0)]),  # a pause
    ([SpeakerTurn(0, 1, 0), SpeakerTurn(2, 2.1, 1)], [SpeakerTurn(0, 1, 0)]),  # a cough
    ([SpeakerTurn(2, 2.1, 3), SpeakerTurn(3, 4, 1)], [SpeakerTurn(3, 4, 0)]),  # which gets no number
    ([SpeakerTurn(0, 0.1, 0), SpeakerTurn(0.2, 0.3, 0)], [SpeakerTurn(0, 0.3, 0)]),  # short, but together a word
    ([SpeakerTurn(0, 3, 0), SpeakerTurn(1, 2, 0)], [SpeakerTurn(0, 3, 0)]),  # within
    (
        [
            SpeakerTurn(0, 1, 0),
            SpeakerTurn(0.9, 3, 1),
            SpeakerTurn(1.1, 2, 0),
        ],  # another's turn does not end one's own
        [SpeakerTurn(0, 2, 0), SpeakerTurn(0.9, 3, 1)],
    ),
])  # fmt: skip
def test_tidied(turns: list[SpeakerTurn], expected: list[SpeakerTurn]) -> None:
    """Breaths are bridged, coughs dropped, in that order."""
    assert tidied(turns) == expected


@pytest.mark.parametrize(("turns", "expected"), [
    ([], []),
    ([SpeakerTurn(0, 5, 0), SpeakerTurn(5, 8, 1)], [SpeakerTurn(0, 5, 0), SpeakerTurn(5, 8, 1)]),
    (
        [SpeakerTurn(0, 5, 0), SpeakerTurn(4, 6, 1)],
        [SpeakerTurn(0, 5, 0), SpeakerTurn(5, 6, 1)],
    ),  # the longer keeps what is shared
    ([SpeakerTurn(0, 2, 0), SpeakerTurn(1, 9, 1)], [SpeakerTurn(0, 1, 0), SpeakerTurn(1, 9, 1)]),
    ([SpeakerTurn(0, 9, 0), SpeakerTurn(3, 4, 1)], [SpeakerTurn(0, 9, 0)]),  # "yes" said into it is lost
    ([SpeakerTurn(0, 4, 0), SpeakerTurn(0, 4, 1)], [SpeakerTurn(0, 4, 0)]),
    ([SpeakerTurn(0, 5, 0), SpeakerTurn(4, 5.1, 1)], [SpeakerTurn(0, 5, 0)]),  # what is left over is not a word
    ([SpeakerTurn(0, 1, 0), SpeakerTurn(1, 2, 0)], [SpeakerTurn(0, 2, 0)]),
])  # fmt: skip
def test_alone(turns: list[SpeakerTurn], expected: list[SpeakerTurn]) -> None:
    """One speaks at each moment: the one with the longest turn."""
    assert alone(turns) == expected


def test_stretches() -> None:
    """They cover all time from 0.0, and change in the middle of the quiet between two people."""
    assert stretches([]) == [Stretch(0.0, 0)]
    assert stretches([SpeakerTurn(2, 3, 0)]) == [Stretch(0.0, 0)]
    assert stretches([SpeakerTurn(2, 3, 5), SpeakerTurn(4, 6, 5), SpeakerTurn(7, 9, 2)]) == [
        Stretch(0.0, 0),
        Stretch(6.5, 1),
    ]
