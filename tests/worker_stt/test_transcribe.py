"""The real engine on real speech: right words, right times, flat memory, quick to cancel."""

from __future__ import annotations

import resource
import sys
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hushd_protocol.messages import Message, Partial
from hushd_worker.job import Cancelled, Job
from hushd_worker_stt.worker import SpeechToText
from support.stopwatch import Stopwatch
from support.stt_jobs import Ask, Bare, chunked, encoded, make_job, s16le
from support.wer import BECKETT, FIRST_HALF, word_error_rate

RATE = 16_000
SAID, WORDS = int(5.8 * RATE), " ".join(BECKETT.split()[:8])  # up to the one long pause in beckett.wav
STARTS, ENDS = (0.4, 1.9, 3.5, 4.9, 6.7, 8.2), (1.2, 2.8, 4.2, 5.6, 7.4, 8.9)  # of the sentences in beckett.wav


def noise(seconds: float, amplitude: float) -> np.ndarray:
    return (np.random.default_rng(3).standard_normal(int(seconds * RATE)) * amplitude).astype(np.float32)


def test_a_person_is_understood(ask: Ask, bare: Bare, beckett: np.ndarray, assets: Path) -> None:
    """Twelve words of a recording, by its path: what the engine hears of it, each sentence within the time it was said
    in."""
    asked = ask(assets / "beckett.wav")
    assert word_error_rate(bare(beckett), asked.text) <= 1 / 12
    assert word_error_rate(BECKETT, asked.text) <= 2 / 12
    count = len(asked.segments)
    assert asked.result == {"language": "en", "duration": 9.963, "segments": count}
    assert [segment["id"] for segment in asked.segments] == list(range(count))
    assert 4 <= count <= 6  # a segment ends where its speaker pauses and the text has a stop
    for segment in asked.segments:
        assert min(abs(segment["start"] - at) for at in STARTS) < 0.2
        assert min(abs(segment["end"] - at) for at in ENDS) < 0.2


def test_a_long_recording_comes_in_segments(ask: Ask, first_half: np.ndarray) -> None:
    """24 s come as several segments, in order, without overlap, with progress between them."""
    asked = ask(encoded(first_half), {"language": "en-GB", "format": "file"})
    assert word_error_rate(FIRST_HALF, asked.text) <= 0.08
    segments = asked.segments
    assert len(segments) == asked.result["segments"] >= 3
    assert [segment["id"] for segment in segments] == list(range(len(segments)))
    assert segments[0]["start"] < 2.0
    assert 22.0 < segments[-1]["end"] <= asked.result["duration"] == pytest.approx(24.4, abs=0.001)
    for earlier, later in pairwise(segments):
        assert earlier["start"] < earlier["end"] <= later["start"] + 0.001
    assert [progress.total for progress in asked.progress] == pytest.approx([24.4] * 2, abs=0.001)
    first = next(i for i, m in enumerate(asked.messages) if isinstance(m, Partial))
    assert first < len(asked.messages) - 3


@pytest.mark.parametrize("decibels", [pytest.param(-20, marks=pytest.mark.night), -40])
def test_quiet_speech_is_understood(ask: Ask, bare: Bare, beckett: np.ndarray, decibels: int) -> None:
    """A whisper far from the microphone, rounded to 16 bits, is levelled, not dropped."""
    asked = ask([encoded(beckett[:SAID] * 10 ** (decibels / 20))])
    assert word_error_rate(bare(beckett[:SAID]), asked.text) <= 1 / 8


def test_resuming_after_any_segment_loses_and_doubles_nothing(ask: Ask, first_half: np.ndarray) -> None:
    """Whichever segment came last, also within a piece: from its `rest` on the others come, and make the whole text."""
    sound = encoded(first_half)  # at the engine's rate: a resampler that begins elsewhere rounds otherwise
    whole = ask([sound])
    rests = {segment["rest"] for segment in whole.segments}
    assert 3 <= len(rests) <= len(whole.segments)
    for number in range(1, len(whole.segments) + 1):
        rest, kept = whole.resumed_at(number)
        if kept and rest in rests:
            rests.remove(rest)  # each once
            again = ask([sound], {"start_s": rest})
            segments = [*kept, *again.segments]
            assert segments[-1]["end"] == pytest.approx(whole.segments[-1]["end"], abs=0.1)
            for earlier, later in pairwise(segments):
                assert earlier["end"] <= later["start"] + 0.1
            # The detector never quite forgets: a frame more of quiet may make another spelling, or a word more. The
            # shortest segment that could be lost or come twice has four.
            assert word_error_rate(whole.text, " ".join(s["text"] for s in segments)) <= 3 / len(FIRST_HALF.split())


@pytest.mark.parametrize(("way", "hertz", "amplitude"), [
    ("file", 0, 0.3),
    ("live", 30, 0.316),
    *(pytest.param(way, 0, 0.3, marks=pytest.mark.night) for way in ("raw", "live")),
    *(pytest.param(way, 30, 0.316, marks=pytest.mark.night) for way in ("raw", "file")),
])  # fmt: skip
def test_what_no_voice_has_is_taken_out(ask: Ask, beckett: np.ndarray, way: str, hertz: int, amplitude: float) -> None:
    """Direct current and rumble, 20 dB louder than a quiet voice, do not count for its level, wherever it is from."""
    samples = 0.1 * beckett[:SAID] + amplitude * np.cos(2 * np.pi * hertz * np.arange(SAID) / RATE)
    if way == "file":
        asked = ask([encoded(samples)])
    else:
        asked = ask(
            chunked(s16le(samples), 3_200),
            {"format": "s16le", "live": way == "live", "continuous": way == "live", "language": "en"},
        )
    assert word_error_rate(WORDS, asked.text) <= 1 / 8


def test_long_quiet_between_words_is_left_out(ask: Ask, bare: Bare, beckett: np.ndarray) -> None:
    """A minute of hiss between two sentences cost no words and put none there."""
    hiss, said = noise(20, 0.0005), beckett[:SAID]
    asked = ask([encoded(np.concatenate([hiss, said, hiss, said, hiss]))])
    assert word_error_rate(f"{bare(said)} {bare(said)}", asked.text) <= 2 / 16
    assert asked.segments[0]["start"] == pytest.approx(20.4, abs=0.2)
    assert asked.segments[-1]["end"] == pytest.approx(20 + 5.8 + 20 + 5.6, abs=0.2)


SPEECHLESS: dict[str, Callable[[], np.ndarray]] = {
    "silence": lambda: np.zeros(25 * RATE, np.float32),
    "one sample": lambda: np.zeros(1, np.float32),
    "100 samples": lambda: np.zeros(100, np.float32),
    "noise": lambda: noise(12, 0.3),
    "quiet noise": lambda: noise(12, 0.001),
    "hum": lambda: np.sin(np.arange(8 * RATE) * 2 * np.pi * 50 / RATE).astype(np.float32),
    "no numbers": lambda: np.full(3 * RATE, np.nan, np.float32),
}


@pytest.mark.parametrize(
    "sound", [pytest.param(name, marks=[pytest.mark.night] * (name in ("quiet noise", "hum"))) for name in SPEECHLESS]
)
def test_where_nobody_speaks_there_is_no_text(ask: Ask, sound: str) -> None:
    """Silence and noise give an empty transcript: the model, asked, would make up sentences for them."""
    samples = SPEECHLESS[sound]()
    ask([encoded(noise(0.2, 0.1))])
    asked = ask([encoded(samples, subtype="FLOAT")])
    assert asked.error is None
    assert asked.messages == asked.progress
    assert asked.result["segments"] == 0
    assert asked.result["duration"] == round(len(samples) / RATE, 3)


def test_a_damage_is_a_warning_on_the_result(ask: Ask, assets: Path) -> None:
    """A recording cut off in the middle loses no word, and none of what the result says of them."""
    data = (assets / "beckett.wav").read_bytes()[:200_000]
    asked = ask([data])
    assert word_error_rate("Ever tried ever failed no matter try again", asked.text) <= 0.2
    assert asked.error is None
    assert (asked.result["language"], asked.result["duration"]) == ("en", pytest.approx(6.2, abs=0.1))
    (warning,) = asked.result["warnings"]
    assert warning["code"] == "cut_off"
    assert "first 6.2 seconds" in warning["message"]


@pytest.mark.parametrize(
    ("source", "params", "op", "code"),
    [
        (b"no sound", {}, "transcribe", "input_unreadable"), (b"", {}, "transcribe", "input_unreadable"),
        ([], {}, "transcribe", "input_unreadable"), (None, {}, "transcribe", "bad_request"),
        (b"", {"language": "xx"}, "transcribe", "bad_request"), (b"", {"live": "yes"}, "transcribe", "bad_request"),
        (b"", {}, "synthesize", "unsupported"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    ask: Ask, source: bytes | list[bytes] | None, params: dict[str, object], op: str, code: str
) -> None:
    """Bad input, bad parameters and another worker's work have their own codes, and send nothing."""
    asked = ask(source, params, op=op)
    assert asked.error
    assert asked.error.code == code
    assert asked.messages == []


def test_memory_is_flat_however_long_the_recording(
    worker: SpeechToText, ask: Ask, first_half: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three minutes in stereo take no more than 49 s of the same; the engine gets them a piece at a time."""
    lengths = list[int]()

    def text(piece: np.ndarray, rate: int) -> str:
        lengths.append(len(piece))
        return "It was the best of times, it was the worst of times."

    monkeypatch.setattr(worker.engine._transcriber, "text", text)  # type: ignore[attr-defined]

    def peak(times: int) -> int:
        """Returns the most that Python and numpy hold."""
        path = tmp_path / f"{times}.flac"
        with soundfile.SoundFile(path, "w", 3 * RATE, 2) as file:
            for _ in range(times):
                file.write(np.repeat(np.repeat(first_half, 3)[:, None], 2, axis=1))
        tracemalloc.start()
        try:
            assert ask(path).result["duration"] > 24 * times
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    short, before = peak(2), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lengths.clear()
    assert peak(8) < short + 3_000_000  # 146 s more are 9.4 MB in mono; one to three pieces of 1 MB wait, by chance
    assert len(lengths) > 14
    assert max(lengths) <= 15 * RATE + 1600
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 18_000 * (1024 if sys.platform == "darwin" else 1)  # of 56 MB of samples


@pytest.mark.usefixtures("every_time")
def test_a_cancelled_job_stops_within_a_second(worker: SpeechToText, first_half: np.ndarray, tmp_path: Path) -> None:
    """Cancelled in the middle of a minute and a half of speech, it stops at the next piece."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_16") as file:
        for _ in range(4):
            file.write(first_half)
    cancelled_at = 0.0

    def cancel(job: Job, message: Message) -> None:
        nonlocal cancelled_at
        if isinstance(message, Partial):
            cancelled_at = Stopwatch()
            job.cancel()

    job, asked = make_job(path, on_send=cancel)
    with pytest.raises(Cancelled):
        worker.run(job)
    assert cancelled_at.calm < 1.0
    assert len(asked.segments) == 1
