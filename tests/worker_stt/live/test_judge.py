"""Utterances of a language that the model does not know are marked, and no text waits for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hushd_worker_stt.live.judge as live_judge
import numpy as np
import pytest
import soundfile
import soxr
from hushd_protocol.errors import HushdError
from hushd_worker_stt.engine import Segment
from hushd_worker_stt.live.judge import _BEHIND, LiveJudge
from hushd_worker_stt.plausibility import UnlikelyText
from hushd_worker_tts.engines.espeak_ng import EspeakNg
from support import foreign_speech
from support.peer import BOUND_S, wait_until
from support.stt_jobs import Ask, chunked, s16le

RATE = 16_000
SPEECH = np.random.default_rng(1).standard_normal(8 * RATE).astype(np.float32)
SAID = "one two three four five six seven eight"


class Readings:
    """A model that reads the same speech again: alike or always otherwise, once it may."""

    def __init__(self) -> None:
        self.same = False
        self.few = ""  # words that are read alike
        self.may = threading.Event()
        self.count = 0

    def __call__(self, samples: np.ndarray) -> str:
        assert self.may.wait(BOUND_S)
        self.count += 1
        return self.few or SAID if self.few or self.same else " ".join(f"w{self.count}x{number}" for number in range(8))


@pytest.fixture
def readings() -> Readings:
    return Readings()


@pytest.fixture
def found() -> UnlikelyText:
    return UnlikelyText()


@pytest.fixture
def judge(readings: Readings, found: UnlikelyText) -> Iterator[LiveJudge]:
    judge = LiveJudge(readings, lambda: None, found)
    yield judge
    readings.may.set()
    judge.close()


def spans(found: UnlikelyText) -> list[tuple[float, float]]:
    return [(stretch.start, stretch.end) for stretch in found.stretches]


def say(judge: LiveJudge, number: int, text: str = SAID) -> bool:
    """An utterance of two segments, whose marks are the same."""
    judge.begin(SPEECH, text)
    first, second = (judge.mark(Segment(start, start + 1, text)) for start in (10.0 * number, 10.0 * number + 1))
    assert first.unlikely is second.unlikely
    return first.unlikely


def test_the_first_verdict_follows_its_text_even_when_it_is_there_before(judge: LiveJudge, readings: Readings) -> None:
    """The verdict decides whether another model is asked: on a busy machine a session had its first text marked, and
    was not heard again."""
    readings.may.set()
    judge.begin(SPEECH, SAID)
    assert judge._last
    assert judge._last.done.wait(BOUND_S)
    assert judge.mark(Segment(0.0, 1.0, SAID)).unjudged
    assert [event.unlikely for event in judge.news()] == [True]


def test_no_text_waits_longer_than_the_bound(judge: LiveJudge, readings: Readings, found: UnlikelyText) -> None:
    """The first not at all; a later one as long as 2 s of sound are read; then all verdicts are in the result."""
    began = time.monotonic()
    assert not say(judge, 0)
    assert not say(judge, 1)
    assert time.monotonic() - began < BOUND_S / 2  # the reading takes that twice
    readings.may.set()
    judge.finish(lambda: None)
    assert spans(found) == [(0.0, 12.0)]


def test_no_utterance_is_doubted_for_the_one_before(judge: LiveJudge, readings: Readings, found: UnlikelyText) -> None:
    """A few words after another language are believed, and a text that is not judged in time has its verdict later."""
    readings.may.set()
    say(judge, 0)
    judge.finish(lambda: None)
    readings.few = "Yes, please."
    assert not say(judge, 1, readings.few)
    judge.finish(lambda: None)
    readings.may.clear()
    readings.few = ""
    assert not say(judge, 2)
    readings.may.set()
    judge.finish(lambda: None)
    assert spans(found) == [(0.0, 2.0), (20.0, 22.0)]


def test_the_first_text_alone_may_be_for_another_model(judge: LiveJudge, readings: Readings) -> None:
    """A text behind another is never heard again: nothing is computed for it."""
    readings.may.set()
    for number, doubtful in enumerate((True, False)):
        say(judge, number, "Yes, please.")
        judge.finish(lambda: None)
        assert judge._last
        assert judge._last.doubtful is doubtful


def test_a_late_verdict_needs_no_more_sound(judge: LiveJudge, readings: Readings) -> None:
    """Whoever waits for it before sending any has it after the utterance, once; of the first, and of a later one that
    is not judged in time."""
    for number in range(2):
        say(judge, number)
        readings.may.set()
        assert [verdict.unlikely for verdict in judge.verdict(lambda: None)] == [True]
        assert list(judge.verdict(lambda: None)) == []
        readings.may.clear()


def test_a_text_that_is_replaced_is_not_judged(judge: LiveJudge, readings: Readings, found: UnlikelyText) -> None:
    """Speech after a pause makes another text; the reading in progress is the last of the old one."""
    judge.begin(SPEECH, SAID)
    judge.begin(SPEECH, SAID)
    readings.same = True
    assert not say(judge, 0)
    readings.may.set()
    judge.finish(lambda: None)
    assert (readings.count <= 2, spans(found)) == (True, [])


def test_nothing_is_read_while_somebody_speaks(judge: LiveJudge, readings: Readings) -> None:
    """The engine belongs to the words on the screen until nobody has spoken for half a second."""
    readings.may.set()
    judge.hear(0.3)
    judge.begin(SPEECH, SAID)
    time.sleep(0.1)
    assert not readings.count
    judge.hear(0.51)
    wait_until(lambda: readings.count > 0, "the reading")


def test_a_cancelled_session_does_not_wait(judge: LiveJudge) -> None:
    """The check's exception ends the wait for the last verdict."""
    say(judge, 0)

    def check() -> None:
        raise HushdError("cancelled", "The client has gone.")

    with pytest.raises(HushdError, match="gone"):
        judge.finish(check)


def test_readings_that_fail_mark_nothing(found: UnlikelyText) -> None:
    """The session goes on; a broken engine is noticed by the readings that make its text."""

    def broken(samples: np.ndarray) -> str:
        raise MemoryError

    judge = LiveJudge(broken, lambda: None, found)
    assert not say(judge, 0)
    judge.finish(lambda: None)
    judge.close()
    assert spans(found) == []


@pytest.mark.skipif(not EspeakNg.available(), reason="espeak-ng is not installed")
def test_a_session_in_french(ask: Ask, beckett: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text but the first is marked and the result warns once; English is never marked."""
    samples, rate = soundfile.read(foreign_speech.french(tmp_path / "french.wav"), dtype="float32")
    french = soxr.resample(samples, rate, RATE)
    pause = np.zeros(3 * RATE // 2, np.float32)

    monkeypatch.setattr(live_judge, "_HELD_TEXT_S", 10_000)  # the sound comes faster than it is spoken

    def heard(*sounds: np.ndarray) -> tuple[list[bool], list[str]]:
        sound = np.concatenate([each for sound in sounds for each in (pause, sound)] + [pause])
        asked = ask(chunked(s16le(sound), 3200), {"live": True, "continuous": True})
        marks = [segment.get("unlikely", False) for segment in asked.segments]
        return marks, [warning["code"] for warning in asked.result.get("warnings", ())]

    marks, warnings = heard(french, french)
    assert all(marks[1:])
    assert warnings == ["unlikely_text"]
    marks, warnings = heard(beckett[: int(5.8 * RATE)], beckett[: int(5.8 * RATE)])
    assert (any(marks), warnings) == (False, [])


def test_verdicts_that_come_too_late_are_not_waited_for(judge: LiveJudge, readings: Readings) -> None:
    """Only the last two wait while one text is read again: an older one counts as judged, and nobody waits."""
    judgements = []
    for number in range(_BEHIND + 2):
        judge.begin(SPEECH, SAID)
        assert judge._last
        judgements.append(judge._last)
        judge._last.spoken = (float(number), number + 1.0)
        if number == 0:
            wait_until(lambda: judge._judging is judgements[0], "the first reading")
    assert [each.done.is_set() for each in judgements] == [False, True, *[False] * _BEHIND]
    readings.may.set()
    assert all(each.done.wait(BOUND_S) for each in judgements)
    assert [each.unlikely for each in judgements] == [True, False, *[True] * _BEHIND]
