"""The worker of a voice: its load, its memory, the language of a text, and jobs beside each other."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hushd_models.inventory import Row
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Job as JobMessage
from hushd_schema.results import Capabilities
from hushd_worker.job import Job
from hushd_worker_tts.engine import AudioChunk, Voice
from hushd_worker_tts.levelling import TARGET_LUFS
from hushd_worker_tts.worker import Worker
from msgspec.structs import replace
from support.refusals import hushd_error
from support.tts_jobs import Say

TEXT = "The first one. Is this the second? Yes! And a café, a fourth."


def test_load_reports_and_tells_what_it_can(tiny: Worker) -> None:
    """Capabilities name the engine, its model and installed voices; each step of a load is reported."""
    notes: list[str] = []
    abilities = Capabilities(engine="tiny", model="m", voices=("ting",), compute_device="cpu")
    assert Worker("tiny", "default").load(notes.append) == abilities
    assert notes == ["tiny"]


def test_memory_is_released_on_the_thread_that_loaded_it(tiny: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines may be bound to it, and another job's sentence may be on its way there."""
    threads: list[threading.Thread] = []

    def note(*_: object) -> None:
        threads.append(threading.current_thread())

    engine = type(tiny.engine)
    monkeypatch.setattr(engine, "load", note)
    monkeypatch.setattr(engine, "release_memory", note)
    worker = Worker("tiny", "default")
    worker.load(lambda note: None)
    worker.release_memory()
    loaded, released = threads
    assert loaded is released


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


def test_letters_that_are_not_read_are_told_once(tiny: Worker, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of them are named, with the command that brings a voice; the next job has no such warning."""
    engine, synthesize = tiny.engine, tiny.engine.synthesize

    def misread(text: str, *arguments: Any) -> Iterator[AudioChunk]:
        engine.unread = "" if text.isascii() else text[:2]
        yield from synthesize(text, *arguments)

    monkeypatch.setattr(engine, "synthesize", misread)
    warnings = say(tiny, "One. 日本。 学校。", language="en").result["warnings"]
    (warning,) = (each for each in warnings if each["code"] == "unread")
    brings = "`hushd get en` brings a voice that reads them"
    assert warning["message"] == f"The voice ting cannot read 日本, and names the letters: {brings}."
    monkeypatch.setattr(engine, "synthesize", synthesize)
    assert "warnings" not in say(tiny, "One.").result


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
    monkeypatch.setattr(Row, "usable", here)
    (warning,) = say(tiny, "Bonjour à tous, il fait vraiment très beau ce matin.").result["warnings"]
    assert ("choose the language fr" in warning["message"]) is here
    assert ("`hushd get fr` brings a model that speaks it" in warning["message"]) is not here


def test_a_robotic_engine_leaves_a_text_in_another_language_to_others(
    tiny: Worker, say: Say, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it has a voice for it: in a German session English is spoken by the natural voice that is here."""
    french = Voice("thé", "fr-FR", "female", "m", True, "Je suis Thé.", 200, loudness=TARGET_LUFS)
    voices = (*tiny.engine.voices(), french)
    monkeypatch.setattr(type(tiny.engine), "voices", classmethod(lambda cls: voices))
    monkeypatch.setattr(tiny, "_spec", replace(tiny._spec, robotic=True))
    with hushd_error("other_language"):
        say(tiny, FRENCH, languages=["en"])
    assert heard == []
    assert say(tiny, FRENCH, languages=["fr"], default_voice="thé").result["voice"] == "thé"
    assert say(tiny, FRENCH, voice="thé").result["voice"] == "thé"


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
