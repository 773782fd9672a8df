"""Speakers told apart while they speak, on embeddings made up for it: who it is, and that every change is reported."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hushd_worker_stt.diarization.clustering import cluster
from hushd_worker_stt.diarization.online import OnlineSpeakers, Turn
from support.seeds import SHARE, seeds

SIZE = 64
DIRECTIONS = np.linalg.qr(np.random.default_rng(7).normal(size=(SIZE, SIZE)))[0].astype(np.float32)


def voice(person: int, likeness: float = 0.6, chance: np.random.Generator | None = None) -> np.ndarray:
    """A second of a person's voice; two of one person have the cosine `likeness`, of two people 0, on average."""
    if chance is None:
        return DIRECTIONS[person]
    noise = chance.normal(size=SIZE)
    mixed = np.sqrt(likeness) * DIRECTIONS[person] + np.sqrt(1 - likeness) * noise / np.linalg.norm(noise)
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)


def between(near: int, far: int, cosine: float) -> np.ndarray:
    """A voice with this cosine to the one, the rest the other's."""
    return (cosine * DIRECTIONS[near] + np.sqrt(1 - cosine**2) * DIRECTIONS[far]).astype(np.float32)


def spoken(speakers: OnlineSpeakers, *windows: np.ndarray, seconds: float = 1.0) -> Turn:
    """A turn of these windows, which has ended."""
    turn = Turn()
    for window in windows:
        speakers.grow(turn, window, seconds)
    speakers.end(turn)
    return turn


def test_each_order_of_three_people() -> None:
    """Whoever speaks in whatever order: speakers are numbered as they first speak, and known again."""
    for order in itertools.product(range(3), repeat=5):
        speakers = OnlineSpeakers()
        numbers = {person: number for number, person in enumerate(dict.fromkeys(order))}
        assert [spoken(speakers, voice(person)).speaker for person in order] == [numbers[person] for person in order]
        assert speakers.known == set(numbers.values())


def test_one_person_is_never_somebody_else() -> None:
    """Nothing is cut if the request says that one person speaks."""
    speakers, turn = OnlineSpeakers(1), Turn()
    speakers.grow(turn, voice(0), 3.0)
    assert not speakers.is_other(turn, voice(1))


def test_two_speakers_who_are_one() -> None:
    """They get the lower number when that turns out, and the turns that change are reported."""
    speakers = OnlineSpeakers()
    first = spoken(speakers, voice(0))
    second = spoken(speakers, between(0, 1, 0.28))
    third = spoken(speakers, voice(2))
    assert [turn.speaker for turn in (first, second, third)] == [0, 1, 2]
    turn = Turn()
    for window in [between(0, 1, 0.75)] * 4:
        speakers.grow(turn, window, 1.0)
    changed = speakers.end(turn)
    assert second in changed
    assert first not in changed
    assert third not in changed
    assert [each.speaker for each in speakers.turns] == [0, 0, 2, 0]
    assert spoken(speakers, voice(3)).speaker == 1  # which is free again


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_known_number_is_kept(count: int) -> None:
    """There are no more speakers than the request says, now and at the end."""
    speakers = OnlineSpeakers(count)
    numbers = [spoken(speakers, voice(person), seconds=2.0).speaker for person in (0, 1, 2, 3, 0, 1)]
    assert set(numbers) == set(range(count))
    speakers.settle()
    assert {turn.speaker for turn in speakers.turns} == set(range(count))


def test_the_end_is_as_a_recordings() -> None:
    """At the end the turns are clustered at once, as those of a recording, and numbered as they first speak."""
    chance = np.random.default_rng(1)
    speakers = OnlineSpeakers()
    people = [2, 0, 2, 1, 0, 1, 2]
    for person in people:
        turn = spoken(speakers, *(voice(person, 0.5, chance) for _ in range(4)))
        turn.speaker = 5 - person  # whatever was thought
    rows = np.array([turn.voice for turn in speakers.turns])
    whole = cluster(rows, np.full(len(people), 4, np.float32), 0.42)
    changed = speakers.settle()
    assert [turn.speaker for turn in speakers.turns] == [0, 1, 0, 2, 1, 2, 0]
    assert len(set(zip(whole.tolist(), (turn.speaker for turn in speakers.turns), strict=True))) == 3
    assert len(changed) == len(people)
    assert speakers.settle() == []


@seeds(round(60 * SHARE))
def test_whatever_is_heard(seed: int) -> None:
    """Every change of an earlier turn is reported, sums are those of their turns, and numbers are small; with people
    as unlike as they are, at the end all are right."""
    chance, draw = random.Random(seed), np.random.default_rng(seed)
    people, likeness = chance.randint(1, 5), chance.choice([0.1, 0.3, 0.6, 0.9])
    count = chance.choice([0, 0, people])
    speakers = OnlineSpeakers(count)
    told: dict[Turn, int] = {}
    truth: dict[Turn, int] = {}
    for _ in range(chance.randint(1, 40)):
        turn, person = Turn(), chance.randrange(people)
        for _ in range(chance.randint(0, 4)):
            window = voice(person, likeness, draw)
            speakers.is_other(turn, window)
            speakers.grow(turn, window, chance.choice([0.4, 0.8, 1.0]))
        changed = speakers.end(turn)
        if turn.seconds:
            told[turn], truth[turn] = turn.speaker, person
        for each in changed:
            told[each] = each.speaker
        assert told == {each: each.speaker for each in speakers.turns}
        assert speakers.known == set(told.values())
        assert max(told.values(), default=0) < len(told) + 1
        assert not count or len(speakers.known) <= count
        for number in speakers.known:
            total = sum(each.total for each in speakers.turns if each.speaker == number)
            assert speakers._sums[number] == pytest.approx(total, abs=1e-3)
    for each in speakers.settle():
        assert told[each] != each.speaker
        told[each] = each.speaker
    assert told == {each: each.speaker for each in speakers.turns}
    assert list(dict.fromkeys(told.values())) == list(range(len(set(told.values()))))
    if likeness >= 0.6 and all(turn.seconds >= 1.5 for turn in truth):
        assert len(set(zip(told.values(), truth.values(), strict=True))) == len(set(truth.values()))
