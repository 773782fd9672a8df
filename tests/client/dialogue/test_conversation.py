"""Saying and hearing at once, on devices that keep real time, with workers that do what a test says."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hushd.audio.devices
import hushd.audio.microphone
import hushd.dialogue.listener
import pytest
from hushd.dialogue.conversation import Conversation, Said
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError
from hushd_schema.results import Sentence, Spoken
from support.peer import wait_until
from support.refusals import hushd_error
from support.stopwatch import Stopwatch

DEVICE = Path(__file__).parents[2] / "support" / "quiet_device" / "sounddevice.py"
TEXT = "a bc def " * 20
STOP_S = 0.1  # to silence, from the first word of a person


class Speech:
    """A word of 0.2 s after the other, each chunk one."""

    rate, channels, voice = 24000, 1, "nobody"

    def __init__(self, words: int, timeline: bool = False) -> None:
        self._timed = timeline
        self.closed = threading.Event()
        self.timeline: list[Sentence] = []
        self._words = words
        self.duration = 0.2 * words

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self._words):
            if self.closed.is_set():
                raise HushdError("cancelled", "The request was cancelled.")
            word = Spoken(start=number / 5, end=(number + 1) / 5, text_start=3 * number, text_end=3 * number + 2)
            self.timeline += [Sentence.like(word, kind="sentence", words=(word,), estimated=False)] * self._timed
            yield b"\1\1" * 4800

    def wait(self) -> None:
        pass

    def close(self) -> None:
        self.closed.set()


class Transcription:
    """Follows a script: a number is chunks to hear first, a word an event, `=TEXT` words, `!CODE` an error."""

    def __init__(self, chunks: Iterable[bytes], script: str, options: dict[str, Any]) -> None:
        self._chunks = iter(chunks)
        self._script = script.split()
        self._on_event: Callable[[str, dict[str, Any]], None] = options["on_event"]
        self._second = options["rate"] * 2  # bytes
        self.closed = threading.Event()
        self.events: dict[str, Stopwatch] = {}
        self.heard = b""

    def transcript(self) -> Transcript:
        for step in self._script:
            if step.isdigit():
                for _ in range(int(step)):
                    self._hear()
            elif step[0] == "=":
                duration = len(self.heard) / self._second
                return Transcript((Segment(0, 0.0, 1.0, step[1:]),), duration=duration, ended="endpoint")
            elif step[0] == "!":
                raise HushdError(step[1:], "It is gone.")
            else:
                self.events[step] = Stopwatch()
                self._on_event(step, {"kind": step})
        while True:
            self._hear()

    def _hear(self) -> None:
        if self.closed.is_set():
            raise HushdError("cancelled", "The request was cancelled.")
        self.heard += next(self._chunks)

    def close(self) -> None:
        self.closed.set()


class Floor:
    held = True
    lender = None
    on_loss: Callable[[], None] | None = None

    def __enter__(self) -> Floor:
        return self

    def __exit__(self, *_: object) -> None:
        self.held = False

    def while_held(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        return chunks

    def stop(self) -> None:
        if self.on_loss is not None:
            self.on_loss()


class Client:
    def __init__(self, script: str = "", words: int = 5) -> None:
        self.script = script
        self.words = words
        self.speech = Speech(0)
        self.floors: list[tuple[str, ...]] = []
        self.warmed: list[str] = []
        self.kept: list[bool] = []
        self.listened: list[dict[str, Any]] = []
        self.transcription: Transcription | None = None

    def synthesize(self, text: Any, **options: Any) -> Speech:
        self.kept.append(options["keep"])
        self.speech = Speech(self.words, bool(options.get("timeline")))
        return self.speech

    def listen(self, chunks: Iterable[bytes], **options: Any) -> Transcription:
        self.listened.append(options)
        self.transcription = Transcription(chunks, self.script, options)
        return self.transcription

    def floor(self, *devices: str, priority: str, duck: bool) -> Floor:
        self.floors.append(devices)
        return Floor()

    def preload(self, *workers: str, wait: bool, language: str | None) -> None:
        self.warmed += [f"{worker} {language}" if language else worker for worker in workers]


class Stage:
    """Makes conversations, and knows what their devices did."""

    def __init__(self, diary: Path) -> None:
        self._diary = diary
        self.client = Client()

    def talk(self, script: str, words: int = 5, **options: Any) -> Conversation:
        self.client = Client(script, words)
        return Conversation(self.client, **{"mode": "headphones"} | options)  # type: ignore[arg-type]

    def when(self, what: str) -> list[float]:
        return [float(line.split()[2]) for line in self._diary.read_text().splitlines() if line.split()[1] == what]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    spec = importlib.util.spec_from_file_location("quiet_sounddevice", DEVICE)
    assert spec
    assert spec.loader
    device: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(device)
    (tmp_path / "diary").touch()
    monkeypatch.setenv("HUSHD_DIARY", str(tmp_path / "diary"))
    monkeypatch.setattr(hushd.audio.devices, "load", lambda: device)
    monkeypatch.setattr(hushd.dialogue.listener, "_usual_source", lambda: "")
    monkeypatch.delenv("PULSE_SOURCE", raising=False)
    return Stage(tmp_path / "diary")


@pytest.mark.parametrize("mode", ["auto", "headphones"])
def test_whoever_speaks_interrupts(stage: Stage, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loudspeaker is silent within 0.1 s, nothing more is made, and both sides' words are known: with headphones,
    and, by itself, with a microphone whose echo the sound server cancels."""
    monkeypatch.setenv("PULSE_SOURCE", "echo-cancel-source" if mode == "auto" else "")
    talk = stage.talk("20 began 5 =Stop.", words=50, mode=mode)
    answer = talk.converse(TEXT)
    client = stage.client
    assert answer.text == "Stop."
    assert client.speech.closed.is_set()
    assert client.transcription
    silent = stage.when("heard")[0] if stage.when("heard") else 0
    closed = [line for line in stage.when("close") if line >= client.transcription.events["began"]]
    began = client.transcription.events["began"]
    assert closed[0] - began < STOP_S + began.stalled
    assert silent < 24000 * 2  # samples
    said = talk.said
    assert said.interrupted
    assert said.heard == answer
    assert 0.2 < said.seconds < 2.0
    assert said.characters == max(0, 3 * (round(said.seconds * 1000) // 200) - 1)
    assert client.floors == [("speaker", "microphone")]
    cut, rest = divmod(25 * 512 * 2 - len(client.transcription.heard), 2)
    assert 0 <= cut < 512  # samples of the first chunk, which began before it listened
    assert rest == 0
    assert talk.duplex == "full"


def test_all_is_said(stage: Stage) -> None:
    """Nobody interrupts: `say` waits for no answer, and knows that every word was heard."""
    talk = stage.talk("", words=3)
    assert talk.state == "queued"
    assert talk.say(TEXT) == Said(False, 8, pytest.approx(0.6, abs=0.05), "nobody")
    assert talk.state == "speaking", "it waits for nothing any more"
    assert stage.client.transcription
    assert stage.client.transcription.closed.is_set()
    assert not stage.client.speech.closed.is_set() or talk.said.characters == 8
    assert stage.when("heard")
    assert stage.client.kept == [False], "an evening of answers takes no memory"


@pytest.mark.parametrize("then", ["", "5 began =Yes."])
def test_a_cough_stops_it_too(stage: Stage, then: str) -> None:
    """A cough does no more than that: there is nothing to hand over from it, and an answer may follow."""
    talk = stage.talk(f"10 began 5 nothing {then}", words=50)
    if then:
        assert talk.converse(TEXT).text == "Yes."
    else:
        assert talk.say(TEXT).heard is None
    assert talk.said.interrupted


def test_half_duplex(stage: Stage) -> None:
    """Audio recorded while it speaks is thrown away; the worker is warmed meanwhile; the answer follows."""
    talk = stage.talk("3 began 2 =Yes.", words=4, mode="half")
    assert talk.converse(TEXT).text == "Yes."
    assert stage.client.floors == [("speaker", "microphone")]
    assert stage.client.warmed == ["stt"]
    assert talk.duplex == "half"
    assert talk.say(TEXT).interrupted is False
    assert stage.client.floors[1] == ("speaker",)
    assert stage.client.warmed == ["stt"], "who only speaks starts no model that hears"


def test_nobody_answers(stage: Stage) -> None:
    """The time counts from the end of the speech, and starts no second time for a cough."""
    talk = stage.talk("60 began 5 nothing", words=5)
    began = Stopwatch()
    with hushd_error("no_speech", r"^Nobody spoke within 0\.8 seconds"):
        talk.converse(TEXT, listening={"no_speech_s": 0.8})
    assert time.monotonic() - began > 1.7
    assert began.calm < 4


def test_nobody_is_heard_by_a_microphone_of_zeros(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Mac without permission has one: that is what an agent is told, too."""
    monkeypatch.setenv("HUSHD_ZEROS", "1")
    monkeypatch.setattr(hushd.audio.microphone, "ZEROS_S", 0.3)
    words = r"^Nobody spoke within 0\.8 seconds: the microphone sends nothing but zeros: is it muted\?$"
    with pytest.raises(HushdError, match=words):
        stage.talk("").listen(no_speech_s=0.8)


def test_a_turn_ends_by_meaning_unless_somebody_says_otherwise(stage: Stage) -> None:
    """Every conversation waits for a sentence that is not finished; an option of one turn comes first."""
    with stage.talk("1 began 1 =One.", mode="half") as talk:
        talk.listen()
        talk.listen(turn_end="silence")
    assert [options["turn_end"] for options in stage.client.listened] == ["meaning", "silence"]
    assert stage.client.warmed == ["stt", "stt"], "the worker starts while the microphone opens"


@pytest.mark.parametrize("script", ["", "5 began"])
@pytest.mark.parametrize("what", ["say", "converse", "listen"])
def test_it_is_stopped(stage: Stage, what: str, script: str) -> None:
    """Any thread stops it, whatever it does: silence follows, `cancelled`, and nothing is left open."""
    talk = stage.talk(script, words=50)
    devices = 1 if what == "listen" else 2

    over = threading.Event()  # if it failed, a thread that waited on would fail in the middle of another test

    def stop() -> None:
        wait_until(lambda: over.is_set() or len(stage.when("open")) == devices, "what it opens")
        talk.stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    began = Stopwatch()
    try:
        with pytest.raises(HushdError) as caught:
            talk.listen() if what == "listen" else getattr(talk, what)(TEXT)
    finally:
        over.set()
        stopping.join()
    assert caught.value.code == "cancelled"
    assert began.calm < 2
    assert len(stage.when("open")) == len(stage.when("close")) == devices
    with pytest.raises(HushdError):
        talk.say(TEXT)
