"""Voices in a live session: when a turn has a name, where it ends, and that no segment is left with a wrong one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import cast

import numpy as np
import pytest
from hushd_worker_stt.diarization.models import DiarizationModels
from hushd_worker_stt.diarization.turns import voiceprint
from hushd_worker_stt.engine import RATE, Segment
from hushd_worker_stt.live.voices import Voices
from hushd_worker_stt.partials import Revised, Speaker
from hushd_worker_stt.segmentation.vad import FRAME
from support.seeds import SHARE, seeds

FRAME_S = FRAME / RATE
TONES = (200, 400, 800, 1600)  # Hz, by which the people here are told apart
QUIET = -1


class Ears:
    """Models for which a voice is the share of each tone in it."""

    def __init__(self) -> None:
        self.embedded: list[float] = []  # seconds of each window

    def features(self, window: np.ndarray) -> np.ndarray:
        return window

    def embedding(self, features: np.ndarray, spoken: np.ndarray) -> np.ndarray:
        self.embedded.append(len(features) / RATE)
        spectrum = np.abs(np.fft.rfft(features))
        shares = np.array([spectrum[round(tone * len(features) / RATE)] for tone in TONES], np.float32)
        return np.asarray(shares / np.linalg.norm(shares), np.float32)


class Room:
    """A session in which frames of people are heard, as the listener hands them over."""

    def __init__(self, count: int = 0, people: Mapping[str, str] = MappingProxyType({})) -> None:
        self.ears = Ears()
        self.voices = Voices(cast(DiarizationModels, self.ears), count, people)
        self.now = 0.0
        self.events: list[tuple[float, Speaker | Revised]] = []
        self.changes: list[float] = []
        self.names: list[str] = []  # of the segments, as known now
        self.in_utterance = False

    def hear(self, person: int, seconds: float, level: float = 0.3) -> None:
        for _ in range(round(seconds / FRAME_S)):
            times = (np.arange(FRAME) + round(self.now * RATE)) / RATE
            tone = level * np.sin(2 * np.pi * TONES[person] * times) if person != QUIET else np.zeros(FRAME)
            frame = tone.astype(np.float32)
            if not self.in_utterance and person != QUIET:
                self.voices.begin([frame], self.now)
                self.in_utterance = True
            elif self.in_utterance:
                self._take(self.voices.hear(frame, self.now, spoken=person != QUIET))
                if self.voices.change is not None:
                    self.changes.append(self.voices.change)
                    self.segment()
                    self._take(self.voices.next())
            self.now += FRAME_S

    def segment(self) -> None:
        self.names.append(self.voices.name(Segment(0.0, 1.0, "text")).speaker)

    def end(self) -> None:
        """Ends the utterance, with a segment."""
        self._take(self.voices.end())
        self.segment()
        self.in_utterance = False

    def settle(self) -> None:
        self._take(self.voices.settle(lambda: None))

    def _take(self, events: Iterator[Speaker | Revised]) -> None:
        for event in events:
            self.events.append((self.now, event))
            if isinstance(event, Revised):
                for number in event.segments:
                    assert self.names[number] != event.speaker
                    self.names[number] = event.speaker


def test_a_name_within_a_second() -> None:
    """The label comes 0.6 s after somebody has begun to speak, and once."""
    room = Room()
    room.hear(0, 5.0)
    ((at, event),) = room.events
    assert at == pytest.approx(0.6, abs=0.1)
    assert event == Speaker(0.0, "SPEAKER_00")


@pytest.mark.parametrize("pause_s", [0.0, 0.1, 0.4, 0.7])
def test_somebody_else_goes_on(pause_s: float) -> None:
    """A turn ends where another person goes on in the same utterance: in the pause, where there is one, and else
    within a second, since these voices have no quieter place; each part has its speaker's name."""
    room = Room()
    room.hear(0, 4.0)
    room.hear(QUIET, pause_s)
    room.hear(1, 4.0)
    room.end()
    (change,) = room.changes
    assert 4.0 <= change <= 4.05 + pause_s if pause_s > 0.05 else abs(change - 4.0) < 1.0
    assert room.names == ["SPEAKER_00", "SPEAKER_01"]


def test_a_name_that_is_known_again() -> None:
    """Later utterances of the same people have their names."""
    room = Room()
    for person in (0, 1, 0, 2, 1):
        room.hear(person, 2.0)
        room.end()
        room.hear(QUIET, 1.0)
    assert room.names == [f"SPEAKER_0{number}" for number in (0, 1, 0, 2, 1)]
    assert room.voices.count == 3


def test_the_number_of_speakers() -> None:
    """All is one person's, and nothing is cut, if the request says that there is one."""
    room = Room(count=1)
    for person in (0, 1):
        room.hear(person, 3.0)
    room.end()
    assert (room.names, room.changes) == (["SPEAKER_00"], [])


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.6])
def test_a_short_word(seconds: float) -> None:
    """It has a name at its end: its own where it is the first, else the nearest speaker's."""
    room = Room()
    room.hear(0, seconds)
    room.end()
    room.hear(1, 3.0)
    room.end()
    room.hear(1, seconds)
    room.end()
    assert room.names[1] == room.names[2]
    assert len(room.names) == 3


@seeds(round(40 * SHARE))
def test_whatever_is_heard(seed: int) -> None:
    """Windows are 1 s at most, changes ascend within their utterance, no event repeats another, and at the end
    every segment's name is its speaker's."""
    chance = random.Random(seed)
    room = Room(chance.choice([0, 0, 0, 4]))
    for _ in range(chance.randint(1, 12)):
        begun, earlier = room.now, len(room.changes)
        for _ in range(chance.randint(1, 3)):
            room.hear(chance.randrange(4), chance.uniform(0.04, 5.0))
            room.hear(QUIET, chance.choice([0.0, chance.uniform(0.0, 0.7)]))
        if room.in_utterance and chance.random() < 0.9:
            room.end()
        room.in_utterance = False
        assert all(begun < change < room.now for change in room.changes[earlier:])
    room.settle()
    assert max(room.ears.embedded, default=0.0) <= 1.0
    assert all(before < after for before, after in pairwise(room.changes))
    shown = [event for _, event in room.events if isinstance(event, Speaker)]
    assert all(a != b for a, b in pairwise(shown))
    assert room.names == [room.voices._named[turn][0] for turn in _turns(room.voices)]
    assert room.names == [f"SPEAKER_{turn.speaker:02d}" for turn in _turns(room.voices)]


def _turns(voices: Voices) -> list:
    """The turn of each segment."""
    numbered = {number: turn for turn, (_, numbers) in voices._named.items() for number in numbers}
    return [numbered[number] for number in sorted(numbered)]


def test_people_who_are_known() -> None:
    """A known person has their name after a second of their first turn, and in each turn; a stranger never has it."""
    room = Room(people={"Anna": voiceprint(np.eye(4, dtype=np.float32)[1])})
    for person in (0, 1, 2, 1):
        room.hear(person, 3.0)
        room.end()
        room.hear(QUIET, 1.0)
    assert room.names == ["SPEAKER_00", "Anna", "SPEAKER_02", "Anna"]
    first = next(at for at, event in room.events if isinstance(event, Speaker) and event.speaker == "Anna")
    assert 4.0 < first < 5.2
    room.settle()
    assert room.names == ["SPEAKER_00", "Anna", "SPEAKER_02", "Anna"]
    assert room.voices.count == 3
