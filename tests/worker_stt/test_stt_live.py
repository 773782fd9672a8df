"""Listening live: text while somebody speaks, an end when they have finished, patience with what is no speech."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np
import pytest
import soxr
from hushd_protocol.errors import HushdError
from hushd_worker_stt.engine import FRAME, Engine, EngineInfo, Segment
from hushd_worker_stt.live import Listener, Unstable
from stt_jobs import Ask, chunked, s16le
from wer import BECKETT, word_error_rate, words

RATE = 16_000
PAUSE_S = 1.5  # longer than any pause in the recording


def quiet(seconds: float) -> np.ndarray:
    return (np.random.default_rng(5).standard_normal(int(seconds * RATE)) * 1e-4).astype(np.float32)


def microphone(*sounds: np.ndarray, rate: int = RATE) -> list[bytes]:
    """Sounds one after another as a microphone's chunks of 100 ms."""
    return chunked(s16le(soxr.resample(np.concatenate(sounds), RATE, rate)), 2 * (rate // 10))


@pytest.mark.parametrize("decibels", [0, -20, -35])
def test_an_utterance_ends_by_itself(ask: Ask, beckett: np.ndarray, decibels: int) -> None:
    """Whatever the level, the words are right, and the rest of the stream is left unread."""
    chunks = microphone(quiet(1), beckett * 10 ** (decibels / 20), quiet(20))
    asked = ask(chunks, {"live": True, "silence_s": PAUSE_S})
    assert asked.error is None
    assert word_error_rate(BECKETT, asked.text) == 0.0
    assert asked.result["ended"] == "endpoint"
    assert asked.result["segments"] == len(asked.segments) == 1
    assert 1.0 <= asked.segments[0]["start"] < 1.6
    assert 9.0 < asked.segments[0]["end"] <= asked.result["duration"] < 11.5 + PAUSE_S
    assert asked.chunks_read < 150


def test_text_comes_while_the_person_speaks(ask: Ask, beckett: np.ndarray) -> None:
    """Unstable texts come before the segment, grow, and end as the segment does."""
    asked = ask(microphone(beckett, quiet(3)), {"live": True, "silence_s": PAUSE_S})
    assert len(asked.unstable) >= 5
    assert len(words(asked.unstable[0])) <= 4
    assert asked.unstable[-1] == asked.text
    assert asked.messages[-1].data["kind"] == "segment"  # type: ignore[attr-defined]


def test_the_default_silence_ends_at_the_first_long_pause(ask: Ask, beckett: np.ndarray) -> None:
    """Of Beckett's pauses one is longer than 0.8 s, at 5.6 s: what he said before it comes, nothing after."""
    asked = ask(microphone(beckett, quiet(3)), {"live": True, "rate": RATE, "channels": 1, "format": "s16le"})
    assert word_error_rate("Ever tried ever failed no matter try again", asked.text) == 0.0
    assert asked.result["ended"] == "endpoint"
    assert 6.2 < asked.result["duration"] < 6.8


def test_another_rate(ask: Ask, beckett: np.ndarray) -> None:
    """A microphone of 48 kHz is heard like one of 16."""
    params = {"live": True, "rate": 48_000, "silence_s": PAUSE_S}
    asked = ask(microphone(beckett, quiet(2), rate=48_000), params)
    assert word_error_rate(BECKETT, asked.text) <= 1 / 12


def test_a_stream_that_ends_early_yields_what_was_said(ask: Ask, beckett: np.ndarray) -> None:
    """The microphone is closed in the middle of speech: the words so far come, and `ended` says why."""
    asked = ask(microphone(beckett[: 4 * RATE]), {"live": True, "silence_s": 10})
    assert asked.text.lower().startswith("ever tried")
    assert asked.result["ended"] == "input"
    assert asked.result["duration"] == 4.0


@pytest.mark.parametrize("amplitude", [0.0, 1e-4, 0.2])
def test_nobody_speaks(ask: Ask, amplitude: float) -> None:
    """Seconds of audio count, not of the clock: silence and noise alike end in no_speech on the frame."""
    samples = (np.random.default_rng(6).standard_normal(10 * RATE) * amplitude).astype(np.float32)
    asked = ask(microphone(samples), {"live": True, "no_speech_s": 5})
    assert asked.error
    assert asked.error.code == "no_speech"
    assert "within 5 seconds" in asked.error.message
    assert asked.messages == []
    assert 50 <= asked.chunks_read <= 60


def test_a_stream_of_nothing(ask: Ask) -> None:
    """A microphone that is closed before anybody spoke gives an empty transcript."""
    for chunks in ([], microphone(quiet(1))):
        asked = ask(chunks, {"live": True})
        assert asked.error is None
        assert asked.result["ended"] == "input"
        assert asked.result["segments"] == 0


class Scripted(Engine):
    """An engine for which loud is speech, and whose text is the seconds it was given; below 0.3 it is a cough."""

    INFO = EngineInfo("scripted", "", "m", (), streaming=True, word_times=False)

    def __init__(self) -> None:
        self.passes: list[float] = []
        self.open_detectors = 0

    @classmethod
    def installed(cls, model: str) -> bool:
        return True

    def load(self, model: str, report: Callable[[str], None]) -> None: ...

    def transcribe(self, audio: Iterable[np.ndarray], language: str | None = None) -> Iterator[Segment]:
        samples = np.concatenate(list(audio))
        self.passes.append(len(samples) / RATE)
        if samples.max() >= 0.3:
            yield Segment(0.0, len(samples) / RATE, f"{(samples >= 0.3).sum() / RATE:.2f}")

    def detector(self) -> Scripted:
        self.open_detectors += 1
        return self

    def feed(self, frame: np.ndarray) -> bool:
        assert len(frame) == FRAME
        return bool(frame.max() >= 0.1)  # of what the running gain makes of it

    def close(self) -> None:
        self.open_detectors -= 1


def sounds(*parts: tuple[float, float]) -> list[np.ndarray]:
    """Pairs of seconds and amplitude, as blocks of 0.1 s."""
    samples = np.concatenate([np.full(int(s * RATE), a, np.float32) for s, a in parts])
    return [samples[start : start + 1600] for start in range(0, len(samples), 1600)]


def listened(engine: Scripted, blocks: list[np.ndarray]) -> tuple[Listener, list[Segment], list[str]]:
    listener = Listener(engine, None, silence_s=0.8, no_speech_s=5)
    events = list(listener.events(blocks))
    segments = [event for event in events if isinstance(event, Segment)]
    return listener, segments, [event.text for event in events if isinstance(event, Unstable)]


def test_a_cough_is_waited_out() -> None:
    """Noise that the detector takes for speech and the model for nothing ends no utterance."""
    engine = Scripted()
    listener, segments, _ = listened(engine, sounds((1, 0), (0.5, 0.2), (1.5, 0), (1, 0.5), (2, 0)))
    assert listener.ended == "endpoint"
    assert [segment.text for segment in segments] == ["1.00"]
    assert 2.2 < segments[0].start < 3.0


def test_only_coughs_are_nobody() -> None:
    """Coughs do not stop the clock of no_speech, and the detector is closed even so."""
    engine = Scripted()
    with pytest.raises(HushdError) as caught:
        listened(engine, sounds(*[(0.3, 0.2), (1.2, 0.0)] * 10))
    assert caught.value.code == "no_speech"
    assert engine.open_detectors == 0


def test_the_answer_is_ready_when_the_silence_ends() -> None:
    """After 0.3 s of quiet the text is made, and the end needs no further pass over the audio."""
    engine = Scripted()
    _, segments, unstable = listened(engine, sounds((1, 0.5), (2, 0)))
    assert [segment.text for segment in segments] == ["1.00"] == unstable[-1:]
    assert engine.passes[-1] < 1.5
    assert engine.passes == sorted(set(engine.passes))


def test_speech_after_a_pause_is_one_utterance() -> None:
    """A pause shorter than the silence is kept, and the words after it too."""
    _, segments, _ = listened(Scripted(), sounds((1, 0.5), (0.6, 0), (1, 0.5), (2, 0)))
    assert [segment.text for segment in segments] == ["2.00"]
    assert segments[0].end > 2.6


def test_a_monologue_comes_in_segments() -> None:
    """Two minutes without a pause come as segments while they are spoken, nothing lost; passes stay short."""
    engine = Scripted()
    listener, segments, _ = listened(engine, sounds((120, 0.5), (2, 0)))
    assert listener.ended == "endpoint"
    assert len(segments) >= 6
    assert sum(float(segment.text) for segment in segments) == pytest.approx(120, abs=0.1)
    for earlier, later in pairwise(segments):
        assert later.start == pytest.approx(earlier.end, abs=0.01)
    assert max(engine.passes) <= 15.1
    assert sum(engine.passes) < 12 * 120
