"""Speakers told apart while they speak, on embeddings made up for it: who it is, and that every change is reported."""

from __future__ import annotations

import itertools
import random

import hushd_worker_stt.diarization.online as online
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


@pytest.mark.parametrize(("seconds", "least"), [(1.0, 0.32), (2.0, 0.37), (3.0, 0.395), (4.0, 0.42), (9.0, 0.42)])
def test_the_longer_a_turn_the_more_is_asked_of_it(seconds: float, least: float) -> None:
    """A turn is a known speaker's from the cosine on that so many seconds of one person have."""
    for cosine, speaker in ((least + 0.01, 0), (least - 0.01, 1)):
        speakers = OnlineSpeakers()
        spoken(speakers, voice(0))
        turn = Turn()
        speakers.grow(turn, between(0, 1, cosine), seconds)
        assert turn.speaker == speaker


def test_a_turn_is_known_better_as_it_grows() -> None:
    """A first second that is like nobody's makes a new speaker until the rest of the turn says whose it is."""
    speakers = OnlineSpeakers()
    spoken(speakers, *[voice(0)] * 4)
    turn = Turn()
    speakers.grow(turn, between(0, 1, 0.25), 1.0)
    assert turn.speaker == 1
    speakers.grow(turn, between(0, 2, 0.6), 1.0)
    assert turn.speaker == 0
    speakers.end(turn)
    assert spoken(speakers, voice(3)).speaker == 1  # the number was nobody's


@pytest.mark.parametrize(
    ("cosine", "seconds", "other"),
    [(0.15, 1.0, True), (0.25, 1.0, False), (0.25, 3.0, True), (0.35, 3.0, False), (0.35, 60.0, False)],
)
def test_a_second_of_somebody_else(cosine: float, seconds: float, other: bool) -> None:
    """A second is another's when it is unlike the turn: the more so, the longer that is."""
    speakers, turn = OnlineSpeakers(), Turn()
    assert not speakers.is_other(turn, voice(0))
    speakers.grow(turn, voice(0), seconds)
    assert speakers.is_other(turn, between(0, 1, cosine)) is other


def test_a_second_of_somebody_known() -> None:
    """A second that could be the turn's is another's if it is much more like that speaker, and not if a little."""
    speakers = OnlineSpeakers()
    spoken(speakers, voice(1))
    turn = Turn()
    speakers.grow(turn, voice(0), 3.0)
    assert speakers.is_other(turn, between(0, 1, 0.6))  # 0.8 to the other
    assert not speakers.is_other(turn, between(0, 1, 0.7))  # 0.71


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


def test_little_speech_founds_nobody() -> None:
    """A turn of less than a second is taken for the nearest speaker's; without any embedding for the last one's."""
    speakers = OnlineSpeakers()
    assert spoken(speakers, voice(0), seconds=0.5).speaker == 0
    assert spoken(speakers, voice(1)).speaker == 1
    assert spoken(speakers, between(0, 2, 0.1), seconds=0.9).speaker == 0
    assert spoken(speakers, voice(1)).speaker == 1
    assert spoken(speakers).speaker == 1
    assert len(speakers.turns) == 4


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


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older turns are forgotten, but not the speakers; their labels stay as they are, at the end too."""
    monkeypatch.setattr(online, "MAX_TURNS", 10)
    speakers = OnlineSpeakers()
    for number in range(100):
        assert spoken(speakers, voice(number % 3)).speaker == number % 3
        assert len(speakers.turns) <= 10
    assert speakers.settle() == []
    assert spoken(speakers, voice(1)).speaker == 1


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
