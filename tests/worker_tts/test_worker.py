"""A job's way through the worker: sentences, streams, cancel, credit, memory. The engine is tiny."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hushd_models.choice import recommendation
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.messages import Chunk, Credit, Message
from hushd_protocol.messages import Job as JobMessage
from hushd_schema.operations.synthesize import FORMATS
from hushd_schema.results import Capabilities
from hushd_worker.job import Cancelled, Job
from hushd_worker_tts.engine import AudioChunk, Voice
from hushd_worker_tts.levelling import TARGET_LUFS, lufs, powers
from hushd_worker_tts.worker import Worker
from support.tts_jobs import Say

TEXT = "The first one. Is this the second? Yes! And a café, a fourth."


def test_load_reports_and_tells_what_it_can(tiny: Worker) -> None:
    """Capabilities name the engine, its model and installed voices; each step of a load is reported."""
    notes: list[str] = []
    abilities = Capabilities(engine="tiny", model="m", voices=("ting",), compute_device="cpu")
    assert Worker("tiny", "default").load(notes.append) == abilities
    assert notes == ["tiny"]


def test_the_engine_rests_on_the_thread_that_loaded_it(tiny: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines may be bound to it, and another job's sentence may be on its way there."""
    threads: list[threading.Thread] = []

    def note(*_: object) -> None:
        threads.append(threading.current_thread())

    engine = type(tiny.engine)
    monkeypatch.setattr(engine, "load", note)
    monkeypatch.setattr(engine, "rest", note)
    worker = Worker("tiny", "default")
    worker.load(lambda note: None)
    worker.release_memory()
    loaded, rested = threads
    assert loaded is rested


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
    """After a cancel at the third chunk at most one more sentence is synthesised, and nothing is sent."""
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
    """With and without full stops, 128 KiB by day and a megabyte at night; neither text nor audio piles up."""
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


@pytest.mark.parametrize("economy", [False, True])
@pytest.mark.parametrize("thrifty", [False, True])
def test_an_engine_that_economised_says_so(
    tiny: Worker, monkeypatch: pytest.MonkeyPatch, economy: bool, thrifty: bool
) -> None:
    """The engine learns that memory is short, and the job that it economised; neither outlives the job."""
    engine: Any = tiny.engine
    synthesize = engine.synthesize

    def economise(*arguments: Any) -> Iterator[Any]:
        engine.degraded = engine.economy and thrifty
        yield from synthesize(*arguments)

    monkeypatch.setattr(engine, "synthesize", economise, raising=False)
    for asked in (economy, False):
        message = JobMessage(id=bytes(16), op="synthesize", payload=b"Hello.", credit=1000, economy=asked)
        job = Job(message, lambda message: None)
        tiny.run(job)
        assert job.degraded == (asked and thrifty)


def test_jobs_do_not_disturb_each_other(tiny: Worker, say: Say) -> None:
    """A failed job and a cancelled one leave nothing behind for the next."""
    before = say(tiny, TEXT, format="flac")
    with pytest.raises(Exception, match="no text"):
        say(tiny, "", format="flac")
    for _ in itertools.repeat(None, 3):
        assert say(tiny, TEXT, format="flac").file == before.file


FRENCH = "Bonjour, tout va bien."


def test_a_text_in_a_language_that_no_voice_speaks_is_refused_with_its_language(
    tiny: Worker, say: Say, heard: list[str]
) -> None:
    """The refusal comes before a word of it was spoken, and only where the request allows it by naming the user's
    languages."""
    with pytest.raises(HushdError) as refused:
        say(tiny, FRENCH, languages=[])
    assert (refused.value.code, refused.value.detail, heard) == ("other_language", {"language": "fr"}, [])
    assert "`hushd get fr`" in refused.value.message
    for named in ({"voice": "ting"}, {"language": "en"}):
        assert say(tiny, FRENCH, languages=[], **named).result["voice"] == "ting"


@pytest.mark.parametrize("here", [True, False])
def test_a_note_on_another_language_names_a_command_that_works(
    tiny: Worker, say: Say, here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command chooses the language where a voice speaks it; otherwise it is the command that brings one."""
    monkeypatch.setattr(recommendation, "preferred", lambda rows, *wish: next(iter(rows)) if here else None)
    (warning,) = say(tiny, "Bonjour à tous, il fait vraiment très beau ce matin.").result["warnings"]
    assert ("choose the language fr" in warning["message"]) is here
    assert ("`hushd get fr` brings a model that speaks it" in warning["message"]) is not here


def test_a_text_is_spoken_by_the_voice_of_its_language(
    tiny: Worker, say: Say, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text in pieces is, as well; numbers and a word of many languages in the user's own, English by the usual
    voice."""
    french = Voice("thé", "fr-FR", "female", "m", True, "Je suis Thé.", 200, loudness=TARGET_LUFS)
    voices = (*tiny.engine.voices(), french)
    monkeypatch.setattr(type(tiny.engine), "voices", classmethod(lambda cls: voices))
    pieces = [FRENCH[:3].encode(), FRENCH[3:].encode(), b" Et toi ?"]
    assert say(tiny, "", pieces=pieces, languages=["en"]).result["voice"] == "thé"
    assert heard == [FRENCH, "Et toi ?"]
    assert say(tiny, "Oui", languages=["fr"]).result["voice"] == "thé"
    assert say(tiny, "No", languages=["en"]).result["voice"] == "ting"
    assert say(tiny, "No", languages=["en"], default_voice="thé").result["voice"] == "ting"
    assert say(tiny, "...1...", languages=["fr"]).result["voice"] == "thé"
    assert say(tiny, "...1...", languages=["en"], default_voice="thé").result["voice"] == "ting"
    assert say(tiny, "1984", languages=[], default_voice="thé").result["voice"] == "thé"
