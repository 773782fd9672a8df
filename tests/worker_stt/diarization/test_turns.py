"""Turns, and the stretches of a recording that are taken down as one speaker's."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hushd_worker_stt.diarization.turns import SpeakerTurn, Stretch, alone, divided, numbered, stretches, tidied
from support.seeds import seeds


def test_numbered_by_first_appearance() -> None:
    """Whoever is heard first is 0, whatever they were called, and input order means nothing."""
    turns = [SpeakerTurn(5, 6, 1), SpeakerTurn(0, 2, 9), SpeakerTurn(2, 3, 4), SpeakerTurn(7, 8, 9)]
    assert numbered(turns) == [SpeakerTurn(0, 2, 0), SpeakerTurn(2, 3, 1), SpeakerTurn(5, 6, 2), SpeakerTurn(7, 8, 0)]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
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
    ],
)
def test_tidied(turns: list[SpeakerTurn], expected: list[SpeakerTurn]) -> None:
    """Breaths are bridged, coughs dropped, in that order."""
    assert tidied(turns) == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
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
    ],
)
def test_alone(turns: list[SpeakerTurn], expected: list[SpeakerTurn]) -> None:
    """At each moment one speaks: the one with the longest turn."""
    assert alone(turns) == expected


def test_stretches() -> None:
    """They cover all time from 0.0, and change in the middle of the quiet between two people."""
    assert stretches([]) == [Stretch(0.0, 0)]
    assert stretches([SpeakerTurn(2, 3, 0)]) == [Stretch(0.0, 0)]
    assert stretches([SpeakerTurn(2, 3, 5), SpeakerTurn(4, 6, 5), SpeakerTurn(7, 9, 2)]) == [
        Stretch(0.0, 0),
        Stretch(6.5, 1),
    ]


def test_who_is_never_alone_has_no_number() -> None:
    """One who only talks into others is never taken down, and leaves no gap in the numbers."""
    turns = [SpeakerTurn(0, 9, 0), SpeakerTurn(3, 4, 1), SpeakerTurn(10, 12, 2)]
    assert [part.speaker for part in stretches(turns)] == [0, 1]


@seeds(200)
def test_alone_keeps_its_promises(seed: int) -> None:
    """For any turns: nobody speaks at once, none speaks who did not, and long speech of one person alone stays."""
    chance = random.Random(seed)
    turns = []
    for _ in range(chance.randint(0, 12)):
        start = chance.randint(0, 300) / 10
        turns.append(SpeakerTurn(start, start + chance.randint(2, 60) / 10, chance.randint(0, 3)))
    found = alone(turns)
    for before, after in pairwise(found):
        assert before.end <= after.start
        assert before.speaker != after.speaker or before.end < after.start
    for tenth in range(400):
        moment = tenth / 10 + 0.05
        speaking = {turn.speaker for turn in turns if turn.start <= moment < turn.end}
        taken = {turn.speaker for turn in found if turn.start <= moment < turn.end}
        assert len(taken) <= 1
        assert taken <= speaking
    parts = stretches(turns)
    assert parts[0].start == 0.0
    assert all(a.start < b.start and a.speaker != b.speaker for a, b in pairwise(parts))


@seeds(50)
def test_divided_loses_and_doubles_nothing(seed: int) -> None:
    """The shares joined are the blocks joined, and each begins at its stretch's sample."""
    chance = random.Random(seed)
    audio = np.arange(chance.randint(0, 50_000), dtype=np.float32)
    cuts = sorted(chance.randint(0, len(audio)) for _ in range(chance.randint(0, 10)))
    blocks = np.split(audio, cuts)
    starts = sorted({chance.randint(1, 60_000) for _ in range(chance.randint(0, 6))})
    parts = [Stretch(0.0, 0), *(Stretch(start / 16_000, number % 2) for number, start in enumerate(starts, 1))]
    position = 0
    for part, share in divided(blocks, parts):
        heard = np.concatenate([np.zeros(0, np.float32), *share])
        if len(heard):
            assert heard[0] == round(part.start * 16_000) == position
        position += len(heard)
        assert np.array_equal(heard, audio[position - len(heard) : position])
    assert position == len(audio)
