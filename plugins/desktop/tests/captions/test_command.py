"""`hushd captions` from its events to what it shows and writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hushd import HushdError, Segment
from hushd.audio.devices import Device
from hushd_desktop.captions import command
from hushd_desktop.captions.track import Heard, Line, Unfinished


class Spoken:
    """Stands for the captions of a machine on which two people speak; the later line is finished first."""

    language = "en"
    error: HushdError | None = None

    def __iter__(self) -> Iterator[Any]:
        yield Heard("them", "desk")
        yield Unfinished("them", "And", " you")
        yield Line("them", Segment(0, 3.0, 4.0, "And you?", speaker="them"))
        yield Line("me", Segment(0, 1.0, 2.0, "I am well.", speaker="me"))
        if self.error:
            raise self.error

    def stop(self) -> None:
        pass


@pytest.fixture
def spoken(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Spoken:
    made = Spoken()
    monkeypatch.setattr(command, "Client", lambda **_: nullcontext())
    monkeypatch.setattr(command, "_captions", lambda *_: nullcontext(made))
    monkeypatch.setattr(command.console, "silence_libraries", lambda: None)
    return made


@pytest.mark.parametrize(("words", "shown", "written"), [
    ([], "And you?\nI am well.\n", "I am well.\nAnd you?\n"),
    (["--both", "--headphones"], "them: And you?\nme: I am well.\n", "me: I am well.\nthem: And you?\n"),
])  # fmt: skip
def test_captions_are_shown_as_they_come_and_written_by_their_times(
    words: list[str], shown: str, written: str, spoken: Spoken, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With two sources each line names its own; with one none does."""
    assert command.main("hushd captions", [*words, "-o", str(tmp_path / "a.txt")]) == 0
    assert capfd.readouterr().out == shown
    assert (tmp_path / "a.txt").read_text() == written


def test_an_error_costs_no_caption_before_it(spoken: Spoken, tmp_path: Path) -> None:
    """The file has all lines so far."""
    spoken.error = HushdError("no_device", "The loudspeaker has gone.")
    with pytest.raises(HushdError, match="has gone"):
        command.main("hushd captions", ["-o", str(tmp_path / "a.txt")])
    assert (tmp_path / "a.txt").read_text() == "I am well.\nAnd you?\n"


@pytest.mark.parametrize(("words", "heard"), [
    ([], {"plays": True, "speaks": False}),
    (["--microphone", "--no-duck", "-a", "desk"], {"plays": False, "speaks": True, "device": "desk"}),
    (["--both", "--headphones", "--sink", "tv"], {"plays": True, "speaks": True, "sink": "tv"}),
    (["--translate", "--hotwords", "Ada", "--silence", "2"],
     {"plays": True, "speaks": False, "task": "translate", "hotwords": "Ada", "silence_s": 2.0}),
])  # fmt: skip
def test_the_worker_loads_while_sound_is_recorded(
    words: list[str], heard: dict[str, Any], runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first words are there at once, and are not waited for; the sound comes from the named device, and is heard as
    was asked: of all else the worker decides."""
    done: list[Any] = []

    class Caller:
        def preload(self, worker: str, *, wait: bool) -> None:
            done.append((worker, wait))

    def captions(client: Caller, **asked: Any) -> nullcontext[Spoken]:
        done.append(asked)
        return nullcontext(Spoken())

    monkeypatch.setattr(command, "Client", lambda **_: nullcontext(Caller()))
    monkeypatch.setattr(command, "Captions", captions)
    monkeypatch.setattr(command.console, "silence_libraries", lambda: None)
    assert command.main("hushd captions", [*words, "--engine", "moonshine", "--language", "en"]) == 0
    loading, asked = done
    assert loading == ("stt/moonshine", False)
    assert {"sink": None, "device": None, "engine": "moonshine", "language": "en"} | heard == asked


@pytest.mark.parametrize(("option", "listed"), [("--sink", "tv"), ("--audio-device", "desk")])
def test_a_question_mark_lists_what_may_be_named(
    option: str, listed: str, runtime: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Loudspeakers for one option, microphones for the other, and nothing is recorded."""
    for source, name in (("sinks", "tv"), ("inputs", "desk")):
        monkeypatch.setattr(command, source, lambda name=name: [Device(3, name, "ALSA", 2, usual=True)])
    assert command.main("hushd captions", [option, "?", *(["--microphone"] if listed == "desk" else [])]) == 0
    assert capfd.readouterr().out == f"*  3 {listed}  # ALSA, channels: 2\n"
