"""The tools and their answers in one process, without speech: all that a host's model is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd.warnings import CUT_OFF, UNLIKELY
from hushd_protocol.errors import HushdError
from hushd_schema.description import Voice
from hushd_schema.results import ResultWarning
from support.peer import BOUND_S

if find_spec("mcp") is None:
    pytest.skip("the extra mcp is not installed", allow_module_level=True)

from hushd_mcp import answers, tools, work
from hushd_mcp.calls import REPORT_S, Calls, ProgressReporter
from hushd_mcp.tools import Tools
from hushd_mcp.work import GIVEN_UP_S, Reading, Task, TaskRegistry

KEY = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


class Spoken:
    """Conversations that say and hear nothing, and the arguments that they were given."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []
        self.state, self.heard = "speaking", ""

    def __call__(self, *_: Any, **__: Any) -> Spoken:
        return self

    def say(self, text: str, **options: Any) -> Any:
        self.given.append((text, options))
        return SimpleNamespace(seconds=1.0, voice="amy")

    def converse(self, *arguments: Any) -> Transcript:
        self.given.append(arguments)
        return Transcript((Segment(0, 0.0, 1.0, "Yes."),), duration=1.0)


@pytest.fixture(autouse=True)
def spoken(monkeypatch: pytest.MonkeyPatch) -> Spoken:
    """Tasks need no supervisor."""
    made = Spoken()
    monkeypatch.setattr(work, "Client", lambda holder: nullcontext())
    monkeypatch.setattr(work, "Conversation", made)
    return made


@pytest.fixture
def calls() -> Iterator[Calls]:
    """The calls of a session whose host has a voice of its own."""
    made = Calls.of(TaskRegistry(), {"voice": "amy", "resumable": True})
    yield made
    made.tasks.close()


class Noted:
    """The context of a call from a host, which keeps its notifications."""

    def __init__(self, name: str = "host") -> None:
        self.session = SimpleNamespace(client_params=SimpleNamespace(client_info=SimpleNamespace(name=name)))
        self.headers = None
        self.reports: list[tuple[float, float | None, str]] = []

    async def report_progress(self, done: float, total: float | None, message: str) -> None:
        self.reports.append((done, total, message))


def both(result: Any) -> tuple[str, dict[str, Any]]:
    """Returns the text, for hosts that hide the data, and the data, for those that hide the text."""
    return result.content[0].text, result.structured_content


def test_words_heard_so_far_are_in_text_and_data(calls: Calls) -> None:
    """A host shows its model one of the two; the person must not have to say it again."""
    gate = threading.Event()
    task = calls.tasks.begin("listen", "host", lambda client, task: {"text": str(gate.wait(BOUND_S))})
    task.progress = Reading("transcribing", ["Delete", "the old one"])
    text, data = both(answers.of_task(task))
    gate.set()
    assert data == {
        "state": "transcribing", "ticket": task.ticket, "text": "Delete the old one", "message": text,
    }  # fmt: skip
    assert f"'Delete the old one'. Call `hushd_result` with ticket {task.ticket!r}" in text


@pytest.mark.parametrize(
    ("ended", "raised", "told"),
    [
        ("", ("cancelled", "The request was cancelled."), ("cancelled", "The request was cancelled.")),
        ("The host has gone.", ("cancelled", "The request was cancelled."), ("cancelled", "The host has gone.")),
        ("The host has gone.", ("no_device", "There is none."), ("no_device", "There is none.")),
    ],
    ids=["by hushd", "as it was ended", "by another error, as it was ended"],
)
def test_a_call_that_fails_says_why(calls: Calls, ended: str, raised: tuple[str, str], told: tuple[str, str]) -> None:
    """A cancelled one gives the reason of whoever ended it; every other error keeps its own sentence."""
    begun, gate = threading.Event(), threading.Event()

    def fails(client: object, task: Task) -> Any:
        begun.set()
        gate.wait(BOUND_S)
        raise HushdError(*raised)

    task = calls.tasks.begin("say", "host", fails)
    assert begun.wait(BOUND_S)
    if ended:
        task.scope = lambda: None  # type: ignore[assignment]  # the work is already past its last look
        task.end(ended)
    gate.set()
    assert task.finished.wait(BOUND_S)
    assert task.error is not None
    assert (task.error.code, task.error.message) == told


@pytest.mark.parametrize(("code", "data"), [(CUT_OFF, {"language": "en"}), (UNLIKELY, {"unlikely": True})])
async def test_a_text_that_is_not_whole_or_doubtful_says_so_in_text_and_data(
    monkeypatch: pytest.MonkeyPatch, calls: Calls, tmp_path: Path, code: str, data: dict[str, Any]
) -> None:
    """A model that reads one of them does not take half a recording for all of it."""

    class Heard(list[Segment]):
        language, duration, model, diarized = "en", 2.0, "", False
        warnings = (ResultWarning(code=code, message="Beware."), ResultWarning(code="clipped", message="Too loud."))

        def close(self) -> None: ...

    heard = Heard([Segment(0, 0.0, 1.0, " One.")])
    monkeypatch.setattr(
        work, "Client", lambda holder: nullcontext(SimpleNamespace(transcribe_stream=lambda *_, **__: heard))
    )
    answer = await Tools(calls).transcribe(Noted(), str(tmp_path / "a.wav"))  # type: ignore[arg-type]
    whole = {"state": "completed", "text": "One.", "duration": 2.0, "message": "Beware."}
    assert both(answer) == ("Beware.\n\nOne.", whole | data)


async def test_who_speaks_comes_with_the_times(monkeypatch: pytest.MonkeyPatch, calls: Calls, tmp_path: Path) -> None:
    """A call that asks for the speakers gets each sentence with its own, and a text that names them."""

    class Heard(list[Segment]):
        language, duration, model, diarized, warnings = "en", 2.0, "", True, ()

        def close(self) -> None: ...

    heard = Heard([Segment(0, 0.0, 1.0, "Hi.", speaker="Ann"), Segment(1, 1.0, 2.0, "Hello.")])
    client = SimpleNamespace(transcribe_stream=lambda *_, **__: heard, voiceprints=lambda: ())
    monkeypatch.setattr(work, "Client", lambda holder: nullcontext(client))
    text, data = both(await Tools(calls).transcribe(Noted(), str(tmp_path / "a.wav"), speakers=True))  # type: ignore[arg-type]
    assert text == "Ann: Hi.\n?: Hello."
    assert data["segments"] == [
        {"start": 0.0, "end": 1.0, "text": "Hi.", "speaker": "Ann"}, {"start": 1.0, "end": 2.0, "text": "Hello."},
    ]  # fmt: skip


@pytest.mark.parametrize(("asked", "voice"), [({}, {"default_voice": "amy"}), ({"voice": "bob"}, {"voice": "bob"})])
@pytest.mark.parametrize("tool", ["say", "converse"])
async def test_a_session_has_its_voice_and_tells_no_key(
    calls: Calls, spoken: Spoken, tool: str, asked: dict[str, str], voice: dict[str, str]
) -> None:
    """Whatever speaks for an agent: its voice is the host's (HUSHD_VOICE) unless the call names one, Markdown is not
    read aloud, and a password is not said to whoever is in the room."""
    answer = await getattr(Tools(calls), tool)(Noted(), f"Your token is {KEY}.", **asked)
    assert both(answer)[1]["state"] == "completed"
    ((text, options, *_),) = spoken.given
    assert KEY not in text
    assert text.startswith("Your token is a")
    assert options == {"markup": "markdown", "speed": 1.0} | voice


async def test_a_call_that_has_ended_is_not_cancelled(calls: Calls) -> None:
    """`cancel` that comes too late gives the result, which the model would otherwise ask for in vain."""
    task = calls.tasks.begin("listen", "host", lambda client, task: {"text": "Yes.", "duration": 1.0})
    assert task.finished.wait(BOUND_S)
    text, data = both(await Tools(calls).result(Noted(), task.ticket, cancel=True))  # type: ignore[arg-type]
    assert (text, data["state"], data["text"]) == ("Yes.", "completed", "Yes.")


@pytest.mark.parametrize("asks", [False, True])
def test_a_call_that_was_asked_for_again_keeps_the_microphone(monkeypatch: pytest.MonkeyPatch, asks: bool) -> None:
    """A model that polls by `hushd_result` has not given up; who was silent for seconds loses it to a newer call."""
    now, gate = [100.0], threading.Event()
    monkeypatch.setattr(work, "time", SimpleNamespace(monotonic=lambda: now[0]))
    tasks = TaskRegistry()
    first = tasks.begin("listen", "host", lambda client, task: {"text": str(gate.wait(BOUND_S))})
    now[0] += GIVEN_UP_S
    if asks:
        with first.awaited():
            pass
    tasks.begin("listen", "host", lambda client, task: {})
    assert first.scope.called is not asks
    gate.set()
    tasks.close()


def voice(name: str, language: str = "en-US", *, here: bool = True, engine: str = "kokoro") -> Voice:
    return Voice(
        name=name, language=language, gender="", model="m", installed=here, sample="", wpm=150.0, engine=engine
    )


def test_voices_that_can_speak_now_come_first() -> None:
    """A model takes the first; one that is not installed says so."""
    text, data = answers.of_language([voice("one", here=False), voice("two"), voice("three", "de")], "English")
    assert [each["name"] for each in data["voices"]] == ["two", "one"]
    assert text.splitlines() == ["two: en-US, kokoro", "one: en-US, kokoro, not installed"]


def test_a_summary_counts_what_is_installed() -> None:
    """Natural voices are listed alone where there are some; every language has its number, beyond one."""
    every = [voice("one"), voice("two", "en-GB"), voice("drei", "de"), voice("fr", "fr", here=False)]
    text, data = answers.summary([*every, voice("robot", "es", engine="espeak-ng")])
    assert [each["name"] for each in data["voices"]] == ["one", "two", "drei"]
    assert (data["languages"], data["total"]) == ({"de": 1, "en": 2, "es": 1}, 4)
    assert text.endswith("Voices by language: de, en 2, es. Call `hushd_voices` with a language for its voices.")


async def test_the_status_has_every_call_that_goes_on(monkeypatch: pytest.MonkeyPatch, calls: Calls) -> None:
    """Each has its ticket, by which a model that lost it ends the call or takes it up again."""

    def none(**_: Any) -> Any:
        raise HushdError("no_supervisor", "There is none.")

    monkeypatch.setattr(tools, "Client", none)
    gate = threading.Event()
    tasks = [
        calls.tasks.begin(kind, "host", lambda client, task: {"a": gate.wait(BOUND_S)}) for kind in ("say", "listen")
    ]
    text, data = both(await Tools(calls).status(Noted()))  # type: ignore[arg-type]
    gate.set()
    rows = [{"tool": f"hushd_{each.kind}", "state": "queued", "ticket": each.ticket} for each in tasks]
    assert data == {"running": False, "calls": rows}
    assert all(f"{row['tool']}: queued, ticket {row['ticket']}\n" in text for row in rows)


@pytest.mark.parametrize(
    ("name", "shown"), [("a\x1b[31mb\n", "a[31mb"), (" \t", "mcp"), ("x" * 50, "x" * 40), ("Zoë", "Zoë")]
)
def test_a_host_cannot_write_into_the_status(calls: Calls, name: str, shown: str) -> None:
    """Its name stands in a table of the user's terminal."""
    assert calls.holder(Noted(name)) == shown  # type: ignore[arg-type]


async def test_each_change_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words come as they are heard, a state that stays comes once a second, and progress never goes back."""
    now, noted = [100.0], Noted()
    monkeypatch.setattr("hushd_mcp.calls.time", SimpleNamespace(monotonic=lambda: now[0]))
    reporter, reading = ProgressReporter(noted, 100.0), Reading("transcribing", total=9.0)  # type: ignore[arg-type]
    task: Any = SimpleNamespace(state="transcribing", heard="", audio=(1.0, 9.0))
    for heard, done, later_s in (("", 1.0, 0), ("", 2.0, 0), ("One", 3.0, 0), ("One", 3.5, REPORT_S), ("Two", 3.5, 0)):
        now[0] += later_s
        task.heard, task.audio = heard, (done, reading.total)
        await reporter.report(task)
    assert noted.reports == [
        (1.0, 9.0, "transcribing"), (3.0, 9.0, "transcribing: One"), (3.5, 9.0, "transcribing: One"),
    ]  # fmt: skip


def test_the_progress_of_a_recording_counts_its_seconds() -> None:
    """Its length is unknown until the worker tells; what speaks has none."""
    task: Any = SimpleNamespace(progress=Reading(done=1.0))
    assert Task.audio.fget(task) == (1.0, None)  # type: ignore[attr-defined]
    task.progress = Spoken()
    assert Task.audio.fget(task) is None  # type: ignore[attr-defined]
