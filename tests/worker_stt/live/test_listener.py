"""Listening live: text while somebody speaks, an end when they have finished, patience with other sounds."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import hushd_worker_stt.hearing
import numpy as np
import pytest
import soundfile
import soxr
from hushd_protocol.messages import Chunk, Message, Partial
from hushd_protocol.messages import Job as JobMessage
from hushd_worker.job import Job
from hushd_worker_stt.engine import DetectedLanguage, Options, PieceLength, Segment
from hushd_worker_stt.live.listener import LiveListener
from hushd_worker_stt.partials import Unstable
from hushd_worker_stt.request import Request
from hushd_worker_stt.segmentation.pieces import Piece
from hushd_worker_stt.worker import SpeechToText
from support.peer import BOUND_S
from support.refusals import hushd_error
from support.sounds import NOISES, breath
from support.stt_jobs import Ask, Bare, chunked, make_job, s16le
from support.wer import BECKETT, word_error_rate, words

from .conftest import BEHIND

RATE = 16_000
PAUSE_S = 1.5  # longer than any pause in the recording
BREATHS = [(0.5, -36, 2), (0.5, -30, 2)]  # seconds, level in dB, and seed
ENGLISH = {"language": "en"}  # told: nothing is heard again to judge that


def quiet(seconds: float) -> np.ndarray:
    return (np.random.default_rng(5).standard_normal(int(seconds * RATE)) * 1e-4).astype(np.float32)


def microphone(*sounds: np.ndarray, rate: int = RATE) -> list[bytes]:
    """Sounds one after another as a microphone's chunks of 100 ms."""
    return chunked(s16le(soxr.resample(np.concatenate(sounds), RATE, rate)), 2 * (rate // 10))


# --- the real engine and detector -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "decibels", [pytest.param(0, marks=pytest.mark.night), pytest.param(-20, marks=pytest.mark.night), -35]
)
def test_an_utterance_ends_by_itself(ask: Ask, bare: Bare, beckett: np.ndarray, decibels: int) -> None:
    """Whatever the level, the words are right, and the rest of the stream is left unread."""
    said = beckett[: int(5.8 * RATE)]  # up to its one long pause
    asked = ask(
        microphone(quiet(1), said * 10 ** (decibels / 20), quiet(20)), {**ENGLISH, "live": True, "silence_s": PAUSE_S}
    )
    assert asked.error is None
    assert word_error_rate(bare(said), asked.text) <= 1 / 8
    assert asked.result["ended"] == "endpoint"
    assert asked.result["segments"] == len(asked.segments) == 1
    assert 0.7 <= asked.segments[0]["start"] < 1.6  # the first word is at 1.3 s
    assert 6.0 < asked.segments[0]["end"] <= asked.result["duration"] < 7.5 + PAUSE_S
    assert asked.chunks_read < 110


def test_text_comes_while_the_person_speaks(ask: Ask, beckett: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unstable texts come before the segment and grow; their stable part only grows; the last is the segment."""
    monkeypatch.setattr(LiveListener.__init__, "__defaults__", (lambda: 0.0,))  # a busy machine passes drafts over
    asked = ask(microphone(beckett[: int(5.8 * RATE)], quiet(3)), {**ENGLISH, "live": True, "silence_s": PAUSE_S})
    assert len(asked.unstable) >= 5
    assert len(words(asked.unstable[0][1])) <= 3
    for (before, _), (after, _) in pairwise(asked.unstable):
        assert after.startswith(before)
    stable, rest = asked.unstable[-1]
    assert word_error_rate(asked.text, stable + rest) <= 2 / 12  # a little more audio may make another word
    assert len(words(stable)) >= 6
    kinds = [message.data["kind"] for message in asked.messages if isinstance(message, Partial)]
    assert [kind for kind in kinds if kind != "judged"][-1] == "segment"  # its verdict may come later


def test_utterance_after_utterance(ask: Ask, beckett: np.ndarray) -> None:
    """A continuous session hears all of them, each with its time, until the input ends."""
    said = beckett[: int(5.8 * RATE)]  # up to its one long pause
    asked = ask(microphone(said, quiet(2), said, quiet(5)), {**ENGLISH, "live": True, "continuous": True})
    assert asked.error is None
    assert asked.result["ended"] == "input"
    assert asked.result["duration"] == pytest.approx(2 * len(said) / RATE + 7, abs=0.1)
    assert word_error_rate(" ".join(BECKETT.split()[:8] * 2), asked.text) <= 3 / 16
    assert asked.result["segments"] == len(asked.segments) == 2
    assert [segment["id"] for segment in asked.segments] == [0, 1]
    for before, after in pairwise(asked.segments):
        assert before["end"] <= after["start"] + 0.01


def test_a_stream_that_ends_early_yields_what_was_said(ask: Ask, bare: Bare, beckett: np.ndarray) -> None:
    """The microphone is closed in the middle of speech: the words so far come, and `ended` says why."""
    asked = ask(microphone(beckett[: 4 * RATE]), {"live": True, "silence_s": 10})
    assert word_error_rate(bare(beckett[: 4 * RATE]), asked.text) <= 0.4
    assert asked.result["ended"] == "input"
    assert asked.result["duration"] == 4.0


@pytest.mark.parametrize("size", [
    pytest.param(1, marks=pytest.mark.night),
    pytest.param(3, marks=pytest.mark.night),
    1_001,
    pytest.param(65_535, marks=pytest.mark.night),
])  # fmt: skip
def test_chunks_of_any_size(ask: Ask, bare: Bare, beckett: np.ndarray, size: int) -> None:
    """Samples may be split between chunks, and half a sample at the end is nothing."""
    data = s16le(np.concatenate((beckett[: 3 * RATE // 2], quiet(1)))) + b"\1"
    asked = ask(chunked(data, size), {"live": True})
    assert asked.error is None
    assert word_error_rate(bare(beckett[: 3 * RATE // 2]), asked.text) <= 0.5


@pytest.mark.parametrize(("seconds", "decibels", "seed"), BREATHS)
def test_a_breath_behind_the_last_sentence_is_no_word(
    ask: Ask, assets: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, decibels: float, seed: int
) -> None:
    """The sentence is final when the speaker breathes in, and nothing follows it."""
    ticks = count()  # a pass takes 0.1 s, so that the text is there in the pause
    monkeypatch.setattr(LiveListener.__init__, "__defaults__", (lambda: next(ticks) / 10,))
    said, rate = soundfile.read(assets / "endgame_nagg_nell.wav", dtype="float32", frames=240_000)
    air = breath(seconds, decibels, seed).astype(np.float32)
    live = microphone(soxr.resample(said, rate, RATE)[RATE:], quiet(0.5), air, quiet(3))
    asked = ask(live, {**ENGLISH, "live": True, "continuous": True, "silence_s": PAUSE_S})
    assert words(asked.text)[-4:] == ["laugh", "less", "heartily", "so"]


@pytest.mark.parametrize("name", NOISES)
def test_nobody_speaks(ask: Ask, name: str) -> None:
    """Seconds of audio count, not of the clock: whatever is not speech ends in no_speech on the frame."""
    asked = ask(microphone(NOISES[name]().astype(np.float32)), {"live": True, "no_speech_s": 5})
    assert asked.error
    assert asked.error.code == "no_speech"
    assert "within 5 seconds" in asked.error.message
    assert asked.messages == []
    assert 50 <= asked.chunks_read <= 60


@pytest.mark.usefixtures("every_time")
def test_a_session_beside_a_file(worker: SpeechToText, beckett: np.ndarray) -> None:
    """One engine hears a recording and a person at once: both are right, and the person is not kept waiting."""
    ended, waited = threading.Event(), list[bool]()

    def in_the_last_piece(job: Job, message: Message) -> None:
        if isinstance(message, Partial) and message.data.get("start", 0.0) > 10 and not waited:
            waited.append(ended.wait(BOUND_S))  # the file is not done until the session is

    said = beckett[: int(5.8 * RATE)]
    sound = s16le(np.concatenate((said, quiet(5), said)))
    file, written = make_job(sound, {**ENGLISH, "format": "s16le"}, on_send=in_the_last_piece)
    failed: list[BaseException] = []

    def read() -> None:
        try:
            worker.run(file)
        except BaseException as error:
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    session, heard = make_job(microphone(beckett[: 4 * RATE], quiet(3)), {**ENGLISH, "live": True})
    worker.run(session)
    ended.set()
    reader.join(BOUND_S)
    assert not failed
    assert waited == [True]
    assert word_error_rate("Ever tried. Ever failed. No matter.", heard.text) <= 1 / 6
    assert word_error_rate(" ".join(BECKETT.split()[:8] * 2), written.text) <= 2 / 16


# --- streams that go wrong --------------------------------------------------------------------------------------------


def session(*chunks: Chunk, **params: Any) -> Job:
    """A job whose stream has sent `chunks`, and does not end by itself."""
    message = JobMessage(id=bytes(16), op="transcribe", params={"live": True} | params, input="stream")
    job = Job(message, lambda message: None)
    for chunk in chunks:
        job.feed(chunk)
    return job


def chunk(seq: int, **fields: Any) -> Chunk:
    return Chunk(id=bytes(16), seq=seq, payload=bytes(3200), **fields)


@pytest.mark.parametrize("count", [0, 3])
def test_a_stream_that_sends_nothing(worker: SpeechToText, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream may send nothing at all, or no more, without an end: it is given up after a time, in one sentence."""
    monkeypatch.setattr(hushd_worker_stt.hearing, "_AUDIO_TIMEOUT_S", 0.05)
    with hushd_error("input_unreadable", r"^No audio has come for 0.05 seconds\.$"):
        worker.run(session(*map(chunk, range(count))))


@pytest.mark.parametrize(("params", "first", "second"), [
    ({}, {}, {"rate": 48_000}),
    ({}, {"rate": 16_000}, {"rate": 8_000}),
    ({"rate": 48_000}, {"rate": 48_000}, {"rate": 16_000}),
    ({"rate": 48_000}, {}, {"channels": 2}),
])  # fmt: skip
def test_a_stream_that_changes(
    worker: SpeechToText, params: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Chunks that claim another rate, or more channels, than the request named are refused, not misheard."""
    with hushd_error("bad_request", "of a stream cannot change, from"):
        worker.run(session(chunk(0, **first), chunk(1, **second), chunk(2, last=True), **params))


# --- the listener alone -----------------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """A recogniser for which samples of 0.3 and more are words, and whose text is the seconds of them.

    A pass takes `speed` seconds a second of audio, on its own clock. Not below 0.3: a cough.
    """

    speed: float = 0.0
    now: float = 0.0
    spoken_in: str | None = None
    feed_s: float = 0.0
    passes: list[tuple[float, Options]] = field(default_factory=list)

    def transcribe(self, job: Any, piece: Piece, options: Options, pad_s: float, *, live: bool) -> list[Segment]:
        assert live
        seconds = len(piece.samples) / RATE
        self.passes.append((seconds, options))
        self.now += self.speed * seconds
        if piece.samples.max() < 0.3:
            return []
        return [Segment(piece.start, piece.start + seconds, f"{(piece.samples >= 0.3).sum() / RATE:.2f}")]

    def detect_language(self, job: Any, piece: Piece, own: Any, *, live: bool) -> DetectedLanguage | None:
        tag = self.spoken_in if len(piece.samples) >= RATE else "la"
        return DetectedLanguage(tag, 0.75) if tag else None

    @property
    def seconds(self) -> list[float]:
        return [seconds for seconds, _ in self.passes]

    @property
    def drafts(self) -> list[float]:
        return [seconds for seconds, options in self.passes if options.beam == 1]


@pytest.fixture(autouse=True)
def _detector(request: pytest.FixtureRequest) -> None:
    if "ask" not in request.fixturenames and "worker" not in request.fixturenames:
        request.getfixturevalue("loud_is_speech")


def sounds(*parts: tuple[float, float]) -> Iterator[np.ndarray]:
    """Pairs of seconds and amplitude, as blocks of 0.1 s."""
    rest = np.zeros(0, np.float32)
    for seconds, amplitude in parts:
        rest = np.concatenate((rest, np.full(int(seconds * RATE), amplitude, np.float32)))
        whole = len(rest) // 1600 * 1600
        yield from rest[:whole].reshape(-1, 1600)
        rest = rest[whole:]
    yield rest


def listened(
    recogniser: Scripted, blocks: Iterator[np.ndarray], **params: Any
) -> tuple[LiveListener, list[Segment], list[Unstable]]:
    request = Request(format="s16le", live=True, **({"no_speech_s": 5} | params))
    clock = lambda: recogniser.now  # noqa: E731 - short
    listener = LiveListener(recogniser, None, request, PieceLength(8, 15), clock)  # type: ignore[arg-type]
    events = list(listener.events(blocks))
    segments = [event for event in events if isinstance(event, Segment)]
    return listener, segments, [event for event in events if isinstance(event, Unstable)]


def test_a_cough_is_waited_out() -> None:
    """Noise that the detector takes for speech and the model for nothing ends no utterance."""
    listener, segments, _ = listened(Scripted(), sounds((1, 0), (0.5, 0.2), (1.5, 0), (1, 0.5), (2, 0)))
    assert listener.ended == "endpoint"
    assert [segment.text for segment in segments] == ["1.00"]
    assert 2.2 < segments[0].start < 3.0


def test_the_answer_is_ready_when_the_silence_ends() -> None:
    """The text is made after 0.3 s of quiet, and the end needs no further pass over the audio."""
    recogniser = Scripted()
    _, segments, unstable = listened(recogniser, sounds((1, 0.5), (2, 0)))
    assert [segment.text for segment in segments] == ["1.00"] == [unstable[-1].stable + unstable[-1].text]
    assert recogniser.seconds[-1] < 1.5
    assert recogniser.seconds == sorted(set(recogniser.seconds))


def test_speech_after_a_pause_is_one_utterance() -> None:
    """A pause shorter than the silence is kept, and the words after it too."""
    _, segments, _ = listened(Scripted(), sounds((1, 0.5), (0.6, 0), (1, 0.5), (2, 0)))
    assert [segment.text for segment in segments] == ["2.00"]
    assert segments[0].end > 2.6


def test_drafts_follow_the_speaker_at_a_quarter_of_a_second() -> None:
    """Four passes a second over the unfinished words, cheap ones; the last has the options asked for."""
    recogniser = Scripted()
    listened(recogniser, sounds((0.5, 0), (3, 0.5), (2, 0)), word_times=True, beam_size=4)
    assert 11 <= len(recogniser.drafts) <= 14
    assert all(not options.word_times for _, options in recogniser.passes[:-1])
    final = recogniser.passes[-1][1]
    assert (final.word_times, final.beam) == (True, 4)
    assert [options.tries for _, options in recogniser.passes] == [1] * len(recogniser.drafts) + [2]


def test_a_monologue_comes_in_segments() -> None:
    """Two minutes without a pause come as segments while they are spoken, nothing lost; passes stay short."""
    recogniser = Scripted(speed=0.02)
    listener, segments, _ = listened(recogniser, sounds((120, 0.5), (2, 0)))
    assert listener.ended == "endpoint"
    assert len(segments) >= 6
    assert sum(float(segment.text) for segment in segments) == pytest.approx(120, abs=0.1)
    for earlier, later in pairwise(segments):
        assert later.start == pytest.approx(earlier.end, abs=0.01)
    assert max(recogniser.seconds) <= 15.1


class Lunch(Scripted):
    """A recogniser that hears half of a sentence in the first second of speech, and the rest with the next."""

    def transcribe(self, job: Any, piece: Piece, options: Options, pad_s: float, *, live: bool) -> list[Segment]:
        seconds = float((piece.samples >= 0.3).sum() / RATE)
        text = "We had lunch and" if seconds < 1.5 else "We had lunch and came home."
        return [replace(segment, text=text) for segment in super().transcribe(job, piece, options, pad_s, live=live)]

    def spoken(self, options: Options) -> str:
        return options.language or ""


def turns_of(*parts: tuple[float, float], language: str = "en", **params: Any) -> tuple[LiveListener, list[str]]:
    """The texts of the utterances that a listener hears which goes by meaning, by the words alone."""
    request = Request(
        format="s16le", live=True, continuous=True, no_speech_s=0, language=language, turn_end="meaning", **params
    )
    listener = LiveListener(Lunch(), None, request, PieceLength(8, 15), lambda: 0.0)  # type: ignore[arg-type]
    return listener, [event.text for event in listener.events(sounds(*parts)) if isinstance(event, Segment)]


@pytest.mark.parametrize("pause_s", [0.2, 0.9, 1.9])
@pytest.mark.parametrize("silence_s", [0.2, 1.6])
def test_a_pause_in_a_sentence_ends_no_utterance(pause_s: float, silence_s: float) -> None:
    """A speaker is waited for up to 2 s behind "and", however short the silence that ends a finished sentence."""
    _, texts = turns_of((1, 0.5), (pause_s, 0), (1, 0.5), (4, 0), silence_s=silence_s)
    assert texts == ["We had lunch and came home."]


def test_nobody_is_waited_for_longer_than_the_bound() -> None:
    """A sentence left unfinished has ended after 2 s, and with a longer silence after that."""
    assert turns_of((1, 0.5), (2.2, 0), (1, 0.5), (4, 0))[1] == ["We had lunch and"] * 2
    assert turns_of((1, 0.5), (2.2, 0), (1, 0.5), (4, 0), silence_s=2.5)[1] == ["We had lunch and came home."]


class Radio(Scripted):
    """A recogniser that hears one more word in each half second of loud sound, up to the last."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._words = text.split()

    def transcribe(self, job: Any, piece: Piece, options: Options, pad_s: float, *, live: bool) -> list[Segment]:
        text = " ".join(self._words[: int((piece.samples >= 0.3).sum() / RATE / 0.5)])
        found = super().transcribe(job, piece, options, pad_s, live=live)
        return [replace(segment, text=text) for segment in found if text]


@pytest.mark.parametrize(("text", "parts", "heard", "ended_s"), [
    pytest.param("Turn it on. Over!", ((2, 0.5), (25, 0)), "Turn it on.", (2.4, 3.6), id="a long silence"),
    pytest.param("Turn it on, over", ((25, 0.5),), "Turn it on", (2.4, 3.6), id="noise without an end"),
    pytest.param(
        "Come over here", ((1, 0.5), (0.2, 0), (1, 0.5), (25, 0)), "Come over here", (22, 24), id="inside"
    ),
    pytest.param("Turn it", ((2, 0.5), (25, 0)), "Turn it", (21, 23), id="without it silence ends"),
])  # fmt: skip
def test_a_word_ends_an_utterance(
    text: str, parts: tuple[tuple[float, float], ...], heard: str, ended_s: tuple[float, float]
) -> None:
    """It does so once nothing follows it, and is cut; silence ends one as before."""
    listener, segments, _ = listened(Radio(text), sounds(*parts), silence_s=20, end_word="over")
    assert [segment.text for segment in segments] == [heard]
    assert listener.ended == "endpoint"
    assert ended_s[0] <= listener.seconds <= ended_s[1]


def test_the_word_of_a_real_voice_ends_an_utterance(ask: Ask) -> None:
    """hibari says "over" after a pause; what follows a pause before it belongs to the utterance."""
    from hibari import SAMPLE_RATE, Hibari

    voice = Hibari()
    said = [
        soxr.resample(voice(text).astype(np.float32), SAMPLE_RATE, RATE)
        for text in ("Please close the door of the kitchen.", "And open the window. Over.")
    ]
    sound = microphone(quiet(1), said[0], quiet(3), said[1], quiet(20))
    asked = ask(sound, {**ENGLISH, "live": True, "silence_s": 10.0, "end_word": "over"})
    assert asked.text.rstrip(".").endswith("open the window")
    assert asked.text.startswith("Please close the door")
    assert asked.result["ended"] == "endpoint"
    assert asked.chunks_read < len(sound) - 150


def test_what_stands_before_a_pause_is_heard_no_more() -> None:
    """A minute with pauses of half a second comes in segments, nothing lost; no pass is longer than 8 s and more."""
    recogniser = Scripted(speed=0.02)
    _, segments, _ = listened(recogniser, sounds(*[(3, 0.5), (0.5, 0)] * 17, (2, 0)))
    assert len(segments) >= 5
    assert sum(float(segment.text) for segment in segments) == pytest.approx(51, abs=0.1)
    for earlier, later in pairwise(segments):
        assert later.start == pytest.approx(earlier.end, abs=0.01)
    assert max(recogniser.seconds) < 8 + 3.5


@pytest.mark.parametrize(("seconds", "level", "said"), BEHIND)
@pytest.mark.usefixtures("louder_is_surer")
def test_what_follows_a_final_text_has_to_be_speech_by_itself(seconds: float, level: float, said: bool) -> None:
    """A breath behind a final sentence has no text, on the screen neither, however sure the sentence was."""
    _, segments, unstable = listened(Scripted(), sounds((9, 0.9), (0.5, 0), (seconds, level), (2, 0)), silence_s=1)
    assert [segment.text for segment in segments[:1]] == ["9.00"]
    assert len(segments) == 1 + said
    shown = [each.stable + each.text for each in unstable]
    assert (f"{seconds:.2f}" in shown) == said


@pytest.mark.parametrize(("cost_s", "apart_s"), [(0.0, 0.25), (0.2, 0.8), (0.5, 1.25), (2.0, 4.0)])
def test_a_draft_is_two_seconds_old_at_most(cost_s: float, apart_s: float) -> None:
    """Drafts take a quarter of the time, up to a half so that none is older than 2 s, never more."""

    class Timed(Scripted):
        """A recogniser whose passes take the same time, which knows how much was said when each began."""

        def transcribe(self, job: Any, piece: Piece, options: Options, pad_s: float, *, live: bool) -> list[Segment]:
            began.append(piece.end)
            self.now += cost_s
            return [Segment(piece.start, piece.end, f"{piece.end:.2f}")]

    began: list[float] = []
    listened(Timed(), sounds((0.5, 0), (14, 0.5), (2, 0)))
    gaps = [after - before for before, after in pairwise(began[:-1])]
    assert gaps
    assert gaps == pytest.approx([apart_s] * len(gaps), abs=0.04)


class Counting(Scripted):
    """A recogniser that hears a word each second: its number."""

    def transcribe(self, job: Any, piece: Piece, options: Options, pad_s: float, *, live: bool) -> list[Segment]:
        end = piece.start + len(piece.samples) / RATE
        words = [str(second) for second in range(1, 1000) if piece.start < second <= end]
        return [Segment(piece.start, end, " ".join(words))] if words else []


@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_words_behind_a_segment_stay_on_the_screen(pause: float) -> None:
    """Stable text stays when the speech before it becomes final, also behind a pause."""
    request = Request(format="s16le", live=True, no_speech_s=5)
    listener = LiveListener(Counting(), None, request, PieceLength(8, 15), lambda: 0.0)  # type: ignore[arg-type]
    final, segments = "", 0
    shown: list[str] = []
    for event in listener.events(sounds(*[(14.3, 0.5), (pause, 0)] * 4, (2, 0))):
        if isinstance(event, Unstable):
            now = f"{final} {event.stable}".split()
            assert now[: len(shown)] == shown
            shown = now
        elif isinstance(event, Segment):
            final = f"{final} {event.text}"
            segments += 1
    assert segments >= 4
    assert final.split() == [str(second) for second in range(1, len(final.split()) + 1)]


def test_a_continuous_session_ends_with_silence() -> None:
    """It ends after the time to begin in, from the last utterance on, or without any; that is not an error."""
    listener, segments, _ = listened(Scripted(), sounds((4, 0), (1, 0.5), (4, 0), (1, 0.5), (20, 0)), continuous=True)
    assert listener.ended == "silence"
    assert len(segments) == 2
    assert listener.seconds == pytest.approx(10 + 0.8 + 5, abs=0.1)
    listener, segments, _ = listened(Scripted(), sounds((20, 0)), continuous=True)
    assert (listener.ended, segments) == ("silence", [])


def test_hours_take_no_memory() -> None:
    """Ten minutes of utterances hold no more than one of them."""
    recogniser = Scripted()
    request = Request(format="s16le", live=True, continuous=True, no_speech_s=0)
    listener = LiveListener(recogniser, None, request, PieceLength(8, 15))  # type: ignore[arg-type]
    tracemalloc.start()
    count = 0
    for event in listener.events(sounds(*[(0.5 + n % 20, 0.5 * (n % 3 > 0)) for n in range(60)])):
        count += isinstance(event, Segment)
        recogniser.passes.clear()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert listener.seconds > 550
    assert count > 40
    assert peak < 12_000_000


def test_the_language_is_that_of_the_first_seconds() -> None:
    """Told anew while there is less than 2 s of speech, then kept for the session."""
    recogniser = Scripted(spoken_in="de")
    blocks = sounds((3, 0.5), (2, 0), (0.5, 0.5), (2, 0))
    listener, _, _ = listened(recogniser, blocks, continuous=True, no_speech_s=0)
    told = [options.language for _, options in recogniser.passes]
    assert told[0] == "la"
    assert set(told[5:]) == {"de"}
    assert listener.options.language == "de"
