"""Hearing a person while something is played: hushd's own voice begins nothing, and damages no word."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hushd_worker_stt.engine import Options, PieceLength, Segment
from hushd_worker_stt.live.echo import FRAME, EchoCanceller
from hushd_worker_stt.live.listener import Began, Echo, Event, LiveListener, Nothing
from hushd_worker_stt.request import Request
from hushd_worker_stt.segmentation.pieces import Piece
from support import commands
from support.stt_jobs import Ask, chunked, s16le
from support.wer import word_error_rate

RATE = 16_000
LIVE = {"format": "s16le", "rate": RATE, "channels": 2, "live": True, "echo": True, "no_speech_s": 0}
FIRST = "Ever tried. Ever failed. No matter. Try again."


@cache
def speech() -> np.ndarray:
    """Some 12 s of hushd's voice, with two seconds of silence in the middle."""
    said = [commands.say(text.split()) for text in (
        "the ferry leaves before the fog comes in", "she kept her promise and wrote every week",
        "nothing in the garden had changed since the spring", "they walked along the river until it was dark",
    )]  # fmt: skip
    silence = np.zeros(2 * RATE, np.float32)
    return np.concatenate((silence[: RATE // 4], said[0], said[1], silence, said[2], said[3]))


def late(sound: np.ndarray, seconds: float) -> np.ndarray:
    shift = round(seconds * RATE)
    return np.concatenate((np.zeros(max(0, shift)), sound[max(0, -shift) :], np.zeros(-min(0, shift))))[: len(sound)]


def room(sound: np.ndarray, reverberation_s: float) -> np.ndarray:
    """`sound` as it comes back from a room."""
    times = np.arange(4_000) / RATE
    answer = 0.05 * np.random.default_rng(2).standard_normal(4_000) * 10 ** (-3 * times / reverberation_s)
    answer[40] += 0.5
    return np.convolve(sound, answer)[: len(sound)]


def noise(level: float) -> np.ndarray:
    return level * np.random.default_rng(3).standard_normal(len(speech()))


def first_then(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """`first`, and `then` from 2.5 s on, in the middle of a word."""
    return np.where(np.arange(len(first)) < 2.5 * RATE, first, then)


class Recogniser:
    """Hears a word in everything."""

    feed_s = 0.0

    def transcribe(self, job: object, piece: Piece, options: Options, pad_s: float, live: bool) -> list[Segment]:
        return [Segment(piece.start, piece.start + len(piece.samples) / RATE, "word")]


def events(recorded: np.ndarray, played: np.ndarray) -> list[tuple[float, Event]]:
    """Returns the events, without their texts, and their times."""
    request = Request(format="s16le", channels=2, language="en", live=True, continuous=True, echo=True, no_speech_s=0)
    listener = LiveListener(Recogniser(), None, request, PieceLength(10, 20))  # type: ignore[arg-type]
    both = np.stack([np.round(np.clip(sound, -1, 1) * 32767) / 32768 for sound in (recorded, played)], 1)
    told = listener.events(chunk.astype(np.float32) for chunk in np.array_split(both, 99))
    return [(listener.seconds, event) for event in told if isinstance(event, Began | Nothing | Echo)]


@pytest.mark.parametrize(
    "delay_s", [-0.02, 0.7, *(pytest.param(each, marks=pytest.mark.night) for each in (0.0, 0.02, 0.15, 0.4))]
)
def test_an_exact_echo_is_gone_within_a_second(delay_s: float) -> None:
    """Wherever it comes, up to 0.7 s late or a little early: that is told once, and nobody is heard."""
    told = events(late(speech(), delay_s), speech())
    assert [event for _, event in told] == [Echo(True)]
    assert told[0][0] < 1.25 + max(0.0, delay_s)


ECHOES = {
    "louder": lambda: late(1.5 * speech(), 0.1),
    "quiet": lambda: late(0.01 * speech(), 0.1),
    "noisy": lambda: late(speech(), 0.1) + noise(0.002),
    "turned down": lambda: late(first_then(speech(), 0.3 * speech()), 0.1),
    "turned up": lambda: late(first_then(0.3 * speech(), speech()), 0.1),
    "later than before": lambda: first_then(late(speech(), 0.1), late(speech(), 0.15)),
    "earlier than before": lambda: first_then(late(speech(), 0.15), late(speech(), 0.1)),
    "a small room": lambda: room(late(speech(), 0.1), 0.2) + noise(0.0005),
    "a large room": lambda: room(late(speech(), 0.1), 0.7) + noise(0.0005),
    "quiet in a room": lambda: 0.1 * room(late(speech(), 0.1), 0.4) + noise(0.0005),
    "headphones": lambda: noise(0.0005),
}


NIGHTLY = {"quiet", "turned down", "turned up", "earlier than before", "a small room"}


@pytest.mark.parametrize("name", [pytest.param(each, marks=[pytest.mark.night] * (each in NIGHTLY)) for each in ECHOES])
def test_nobody_is_heard(name: str) -> None:
    """Its own voice begins nothing, whether it can be taken out or not, also where its way changes."""
    told = [event for _, event in events(ECHOES[name](), speech())]
    assert not [event for event in told if isinstance(event, Began)]
    assert Echo(False) not in told
    assert (Echo(True) in told) == (name not in ("a small room", "a large room", "quiet in a room", "headphones"))


@pytest.mark.parametrize("start_s", [2.0, *(pytest.param(each, marks=pytest.mark.night) for each in (1.0, 5.0))])
def test_words_spoken_meanwhile(ask: Ask, beckett: np.ndarray, start_s: float) -> None:
    """A person at the voice's level is noticed at their first word, and nothing of what they say is lost."""
    sound = speech()
    recorded = late(sound, 0.1)
    begin = round(start_s * RATE)
    recorded[begin : begin + len(beckett)] += beckett[: len(recorded) - begin]
    both = np.stack([recorded, sound], 1).reshape(-1)
    asked = ask(chunked(s16le(both), 4 * 512), LIVE)
    assert asked.error is None
    assert word_error_rate(FIRST, asked.text) <= 1 / 8
    began = [message.data for message in asked.messages if message.data["kind"] == "began"]
    assert len(began) == 1
    assert began[0]["start"] == pytest.approx(start_s + 0.33, abs=0.15)


def test_an_answer_in_a_room(beckett: np.ndarray) -> None:
    """A person who begins 0.3 s after an echo that cannot be removed is heard from their first word on."""
    played = np.concatenate((speech()[: 3 * RATE], np.zeros(6 * RATE)))
    recorded = room(late(played, 0.1), 0.3)
    recorded[3 * RATE + 4_800 :][: 5 * RATE] += beckett[4_800 : 4_800 + 5 * RATE]
    (told,) = events(recorded, played)
    assert isinstance(told[1], Began)
    assert told[1].start == pytest.approx(3.35, abs=0.15)


def test_what_is_left_of_a_person() -> None:
    """A person's sound comes back a frame later as it was, to a thousandth, while the echo goes on."""
    sound, canceller = speech(), EchoCanceller()
    person = 0.1 * np.random.default_rng(4).standard_normal(len(sound))
    person[: 3 * RATE] = person[5 * RATE :] = 0
    both = np.stack([late(sound, 0.1) + person, sound], 1).astype(np.float32)
    frames = both[: len(both) // FRAME * FRAME].reshape(-1, FRAME, 2)
    cleaned = np.concatenate([canceller.clean(frame) for frame in frames])
    assert canceller.gone
    error = cleaned[RATE + FRAME :] - person[RATE : len(cleaned) - FRAME]
    assert np.sqrt(np.mean(error**2)) < 1e-4


def test_a_room_is_noticed_after_all() -> None:
    """An echo that was exact and is not any more may be heard as a person once, and is not from then on."""
    sound = np.concatenate([speech()] * 3)
    told = events(np.where(np.arange(len(sound)) < 2.5 * RATE, late(sound, 0.1), room(late(sound, 0.1), 0.5)), sound)
    assert Echo(False) in [event for _, event in told]
    gone = next(seconds for seconds, event in told if event == Echo(False))
    assert len([event for seconds, event in told if isinstance(event, Began)]) <= 2
    assert not [event for seconds, event in told if isinstance(event, Began) and seconds > gone]


def test_a_cough_is_told(monkeypatch: pytest.MonkeyPatch, beckett: np.ndarray) -> None:
    """A beginning without words is taken back, so that a silenced speaker can go on."""
    monkeypatch.setattr(Recogniser, "transcribe", lambda *_, **__: [])
    sound = np.zeros(3 * RATE)
    sound[RATE : RATE + 8_000] = beckett[6_000:14_000]
    told = [type(event) for _, event in events(sound, np.zeros(3 * RATE))]
    assert told == [Began, Nothing]
