"""Listening during a turn of a conversation: the thread of the transcription, and microphones without an echo."""

from __future__ import annotations

import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd.dialogue.exchange import Event
from hushd.dialogue.listener import Duplex, TurnListener, cancels_echo
from support.refusals import hushd_error


class Hearing:
    """A transcription that goes on until it is closed, and ends as it is told to."""

    def __init__(self, ending: object = "a transcript") -> None:
        self.closed, self._ending, self.begun = threading.Event(), ending, 0
        self.on_event: Any = None
        self.reports: list[Event] = []
        self.listener = TurnListener(self.begin, self.reports.append, meanwhile=True)

    def begin(self, on_event: Any) -> Any:
        self.begun, self.on_event = self.begun + 1, on_event
        return self

    def transcript(self) -> object:
        assert self.closed.wait(60)
        if isinstance(self._ending, BaseException):
            raise self._ending
        return self._ending

    def close(self) -> None:
        self.closed.set()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "hushd-listener"]


@pytest.fixture
def hearing(request: pytest.FixtureRequest) -> Iterator[Hearing]:
    made = Hearing(*getattr(request, "param", ()))
    yield made
    made.close()
    for thread in threads():
        thread.join(60)


def test_a_turn_is_heard_by_one_thread_that_keeps_no_program(hearing: Hearing) -> None:
    """A program that ends while somebody speaks ends; to listen twice is to listen once."""
    hearing.listener.listen()
    hearing.listener.listen()
    assert hearing.begun == 1
    assert [thread.daemon for thread in threads()] == [True]
    hearing.listener.close()
    threads_now = threads()
    for thread in threads_now:
        thread.join(60)
    assert hearing.listener.transcript() == "a transcript"
    assert hearing.reports == [Event.HEARD]


def test_a_turn_that_never_listened_is_closed(hearing: Hearing) -> None:
    """There is nothing to cancel, and nothing fails."""
    hearing.listener.close()
    assert not hearing.closed.is_set()


@pytest.mark.parametrize("hearing", [(OSError("gone"),), (KeyboardInterrupt(),)], indirect=True)
def test_an_error_is_raised_where_the_transcript_is_asked_for(hearing: Hearing) -> None:
    """Whatever ended the transcription on its thread: the turn hears that it is over, and why."""
    hearing.listener.listen()
    hearing.close()
    for thread in threads():
        thread.join(60)
    assert hearing.reports == [Event.HEARD]
    with pytest.raises((OSError, KeyboardInterrupt)):
        hearing.listener.transcript()


def test_events_of_live_speech_are_those_of_the_turn(hearing: Hearing) -> None:
    """Only the beginning of speech and a silence concern it."""
    hearing.listener.listen()
    for kind in ("partial", "began", "level", "nothing"):
        hearing.on_event(kind, {})
    assert hearing.reports == [Event.BEGAN, Event.NOTHING]


def test_a_mode_that_there_is_not_is_refused() -> None:
    """The sentence names those that there are."""
    with hushd_error("bad_request", "There is no mode 'both': choose one of auto, half, headphones."):
        Duplex("both", None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("device", "expected"), [
    ("Echo-Cancel source", True), ("echo_cancel.monitor", True), ("USB microphone", False), (3, False),
])  # fmt: skip
def test_a_named_microphone_tells_by_its_name(device: str | int, expected: bool) -> None:
    """However the sound server writes it; one that a user has named is not asked about."""
    assert cancels_echo(device) is expected


@pytest.mark.parametrize("device", [None, "", "default", " Pulse", "pipewire"])
def test_the_usual_microphone_is_the_sound_servers(
    device: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PULSE_SOURCE names it, else the server's own answer does; one that fails or is not there cancels nothing."""
    program = tmp_path / "pactl"
    program.write_text('#!/bin/sh\n[ "$1" = get-default-source ] && echo module-echo-cancel\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.delenv("PULSE_SOURCE", raising=False)
    assert cancels_echo(device)
    (duplex := Duplex("auto", device)).detect_mode()
    assert duplex.full
    monkeypatch.setenv("PULSE_SOURCE", "usb")
    assert not cancels_echo(device)
    monkeypatch.delenv("PULSE_SOURCE")
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert not cancels_echo(device)
    duplex = Duplex("auto", device)
    duplex.detect_mode()
    assert (duplex.mode, duplex.full) == ("half", False)


def test_a_sound_server_that_does_not_answer_cancels_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation does not wait for it for longer than a second, and goes on."""
    limits: list[float] = []

    def run(*_: object, timeout: float, **__: object) -> None:
        limits.append(timeout)
        raise subprocess.TimeoutExpired("pactl", timeout)

    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/pactl")
    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.delenv("PULSE_SOURCE", raising=False)
    assert not cancels_echo(None)
    assert limits == [1.0]


def test_a_mode_that_the_user_has_set_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """`half` stays so beside a microphone that cancels its echo."""
    monkeypatch.setenv("PULSE_SOURCE", "echo-cancel")
    (duplex := Duplex("half", None)).detect_mode()
    assert not duplex.full
