"""Speaking: a job's text as sound, sentence by sentence, in every format; its cancel, its credit and its memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import count
from math import inf
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.messages import Chunk, Credit, Message
from hushd_protocol.messages import Job as JobMessage
from hushd_schema.operations.synthesize import FORMATS
from hushd_worker.job import Cancelled, Job
from hushd_worker_tts import speaking
from hushd_worker_tts.engine import AudioChunk, Voice
from hushd_worker_tts.levelling import TARGET_LUFS, lufs, powers
from hushd_worker_tts.worker import Worker
from support.tts_jobs import Say

TEXT = "The first one. Is this the second? Yes! And a café, a fourth."


def test_the_result_says_what_was_spoken(tiny: Worker, say: Say) -> None:
    """Duration of the audio sent, its rate, the voice, the speed and how many sentences; one without a word is none."""
    spoken = say(tiny, f"{TEXT} \U0001f600!", voice="ting")
    assert spoken.result == {
        "duration": round(len(spoken.raw) / 2 / 8000, 3),
        "rate": 8000, "voice": "ting", "speed": 1.0, "sentences": 4,
    }  # fmt: skip


def test_a_new_voice_is_as_loud_as_its_first_sentence_says(
    tiny: Worker, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence that an engine makes in stretches, the first one quiet, is measured whole for an unknown voice."""
    hum = np.sin(np.arange(8000, dtype=np.float32) * 0.3)
    stretches = [AudioChunk(hum * np.float32(level), 8000) for level in (0.01, 0.3, 0.3, 0.3)]
    monkeypatch.setattr(type(tiny.engine), "synthesize", lambda *_: iter(stretches))
    voices = [Voice("ting", "en-US", "female", "m", True, "I am Ting.", 200)]
    monkeypatch.setattr(type(tiny.engine), "voices", classmethod(lambda cls: tuple(voices)))
    tiny.load(lambda note: None)
    spoken = np.frombuffer(say(tiny, "Hello.").raw, "<i2")[8000:] / 32768
    assert lufs(float(powers(spoken.astype(np.float32), 8000).mean())) == pytest.approx(TARGET_LUFS, abs=0.5)


def test_a_piece_is_told_how_much_sound_is_ahead(tiny: Worker, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine may hurry for the first piece, has the time of those before it for the next, and any for one that is
    joined; if it begins early, a long first sentence is one piece, unless the text is still being written."""
    made: list[Any] = []
    monkeypatch.setattr(speaking, "time", SimpleNamespace(monotonic=count(100.0, 0.25).__next__))
    engine, synthesize = tiny.engine, tiny.engine.synthesize

    def noting(text: str, *others: Any) -> Any:
        made.append((text, pytest.approx(engine.ahead_s, abs=0.01)))
        return synthesize(text, *others)

    monkeypatch.setattr(engine, "synthesize", noting, raising=False)
    clause, rest = "When all of the rain had stopped,", "and the sun had come out over the hills, we all went home."
    say(tiny, f"{clause} {rest}")
    engine.begins_early = True
    say(tiny, f"{clause} {rest} Yes.")
    assert made == [(clause, inf), (rest, 0.44 - 0.25), (f"{clause} {rest}", 0), ("Yes.", 1.06 - 0.25)]
    say(tiny, "", pieces=[f"{clause} {rest}".encode()])
    assert made[4] == (clause, inf)


@pytest.mark.parametrize("size", [1, 3, 50, 1000])
@pytest.mark.parametrize("format", FORMATS)
def test_streamed_text_sounds_like_inline_text(tiny: Worker, say: Say, size: int, format: str) -> None:
    """However text arrives, its characters split or not, the sentences and the audio are the same."""
    data = TEXT.encode()
    streamed = say(tiny, "", pieces=[data[i : i + size] for i in range(0, len(data), size)], format=format)
    inline = say(tiny, TEXT, format=format)
    assert streamed.result == inline.result
    if format in ("ogg", "opus"):  # its stream has a random serial number
        assert len(streamed.file) == len(inline.file)
    else:
        assert streamed.raw == inline.raw


def test_a_speech_begins_with_its_first_word(tiny: Worker, say: Say) -> None:
    """The engine's silence before it becomes 60 ms, also after a pause that was asked for; between sentences, all."""
    loud = np.flatnonzero(np.frombuffer(say(tiny, "One. Two.").raw, "<i2"))
    assert loud[0] / 8000 == pytest.approx(0.06, abs=0.001)
    assert np.diff(loud).max() / 8000 == pytest.approx(0.6, abs=0.001)
    paused = np.flatnonzero(np.frombuffer(say(tiny, "[[slnc 500]] One.").raw, "<i2"))
    assert paused[0] / 8000 == pytest.approx(0.56, abs=0.001)


def test_a_cut_sentence_counts_once_and_has_no_long_pause_inside(tiny: Worker, say: Say, heard: list[str]) -> None:
    """Pieces of one sentence meet with the pause of a comma; the pause at its end is the engine's own."""
    spoken = say(tiny, "and so on, " * 60 + "to its end.")
    assert len(heard) > 2
    assert spoken.result["sentences"] == 1
    letters = sum(c.isalnum() for text in heard for c in text)
    cuts = len(heard) - 1
    assert abs(spoken.result["duration"] - (0.06 + 0.01 * letters + 0.24 * cuts + 0.3)) < 0.01 * len(heard)


def test_the_first_sentence_is_sent_before_the_second_has_arrived(tiny: Worker, perform: Callable[..., Any]) -> None:
    """A client that sends text slowly hears each sentence when it is complete."""
    act = perform(tiny, input="stream", credit=100)
    act.start()
    assert act.until_waiting()
    act.job.feed(Chunk(id=act.job.id, seq=0, payload=b"One is here. T"))
    assert act.until_waiting()
    assert len(act.chunks) == 1
    act.job.feed(Chunk(id=act.job.id, seq=1, payload=b"wo", last=True))
    assert act.end()["sentences"] == 2


@pytest.mark.parametrize("format", FORMATS)
def test_no_more_chunks_are_sent_than_the_client_granted(
    tiny: Worker, perform: Callable[..., Any], format: str
) -> None:
    """Whatever the format, the job waits when its credit is used up, and goes on with the next grant."""
    act = perform(tiny, f"{TEXT} " * 12, credit=1, format=format)
    granted = 1
    act.start()
    while act.until_waiting():
        assert len(act.chunks) == granted
        granted += 2
        act.job.grant(2)
    assert act.end()["sentences"] == 48
    assert 3 < granted - 2 <= len(act.chunks) <= granted


@pytest.mark.parametrize("format", FORMATS)
def test_cancel_ends_a_job_within_a_sentence(
    tiny: Worker, perform: Callable[..., Any], heard: list[str], format: str
) -> None:
    """A cancel at the third chunk lets at most one more sentence be synthesised, and nothing is sent."""
    act = perform(tiny, "This is a sentence. " * 500, credit=10**6, format=format)
    seen: list[tuple[int, int]] = []

    def third() -> None:
        if len(act.chunks) == 3:
            seen.append((len(act.chunks), len(heard)))
            act.job.cancel()

    act.on_chunk = third
    act.start()
    assert isinstance(act.end(), Cancelled)
    ((chunks, sentences),) = seen
    assert len(heard) <= sentences + 1
    # A format's encoder may have cut what one sentence made into several pieces; a cancelled job sends no other.
    assert len(act.chunks) <= chunks + 1


@pytest.mark.parametrize("format", FORMATS)
def test_cancel_ends_a_job_that_waits_for_credit(tiny: Worker, perform: Callable[..., Any], format: str) -> None:
    """The job may wait in the middle of a file: nothing swallows the cancel."""
    act = perform(tiny, f"{TEXT} " * 40, credit=1, format=format)
    act.start()
    assert act.until_waiting()
    act.job.cancel()
    assert isinstance(act.end(), Cancelled)
    assert len(act.chunks) == 1


@pytest.mark.parametrize("filler", [b"word ", b"A sentence of some words. "])
@pytest.mark.parametrize("chunks", [2, pytest.param(16, marks=pytest.mark.night)])
def test_text_without_end_streams_in_flat_memory(
    tiny: Worker, heard: list[str], monkeypatch: pytest.MonkeyPatch, filler: bytes, chunks: int
) -> None:
    """Text and audio do not pile up, with and without full stops: 128 KiB by day, a megabyte at night."""
    monkeypatch.setattr(type(tiny.engine), "heard", Forgetful())
    chunk = filler * (MAX_PAYLOAD // len(filler))
    left = chunks
    sent = 0

    def send(message: Message) -> None:
        nonlocal left, sent
        if isinstance(message, Credit):
            for _ in range(message.chunks):
                left -= 1
                if left >= 0:
                    job.feed(Chunk(id=job.id, seq=0, payload=chunk, last=left == 0))
        else:
            sent += len(message.payload)

    job = Job(JobMessage(id=bytes(16), op="synthesize", input="stream", credit=10**9), send)
    tracemalloc.start()
    try:
        result = tiny.run(job)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent > 6_250_000 * chunks
    assert abs(sent / 2 / 8000 - result["duration"]) < 0.001
    assert peak < 2_000_000  # the text alone, kept with its places, takes 2.7 MB


class Forgetful(list[str]):
    """Keeps nothing of what the engine heard."""

    def append(self, text: str) -> None:
        pass
