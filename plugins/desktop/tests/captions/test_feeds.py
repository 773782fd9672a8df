"""Places of captions: the file, the terminal and the lines for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hushd import Segment
from hushd_desktop.captions.feeds import LiveFile, Terminal, as_json
from hushd_desktop.captions.track import Heard, Line, Revised, Unfinished


def line(text: str) -> Line:
    return Line("them", Segment(0, 1.0, 2.0, text, speaker="them"))


def test_the_caption_as_it_stands(runtime: Path) -> None:
    """The file has the last line and the one in the making, and is empty before and after."""
    path = runtime / "live.txt"
    file = LiveFile(str(path))
    file.show(Heard("them", "desk"))
    assert path.read_text() == ""
    file.show(Unfinished("them", "Ever", " tri"))
    assert path.read_text() == "Ever tri\n"
    file.show(line(" Ever tried."))
    file.show(Unfinished("them", "", "Ever fai"))
    assert path.read_text() == "Ever tried.\nEver fai\n"
    file.close()
    assert path.read_text() == ""


def test_a_corrected_caption(runtime: Path) -> None:
    """It takes the place of the last line, beside the one in the making; that of an earlier line changes nothing."""
    path = runtime / "live.txt"
    file = LiveFile(str(path))
    file.show(Line("them", Segment(7, 1.0, 2.0, "Ever tied.")))
    file.show(Unfinished("them", "Ever", " fai"))
    assert path.read_text() == "Ever tied.\nEver fai\n"
    file.show(Revised("them", Segment(6, 0.0, 1.0, "No.")))
    file.show(Revised("me", Segment(7, 0.0, 1.0, "No.")))
    assert path.read_text() == "Ever tied.\nEver fai\n"
    file.show(Revised("them", Segment(7, 1.0, 2.0, "Ever tried.")))
    assert path.read_text() == "Ever tried.\nEver fai\n"


def spoken(number: int, text: str) -> Line:
    return Line("them", Segment(number, float(number), number + 1.0, text, speaker="them"))


def revised(number: int, text: str) -> Revised:
    return Revised("them", Segment(number, 0.0, 1.0, text))


def test_a_line_stays_as_it_was_heard(capfd: pytest.CaptureFixture[str]) -> None:
    """On standard output: text that was written there cannot be taken back, and is not written twice."""
    terminal = Terminal(named=True)
    terminal.show(spoken(0, "Ever tied."))
    terminal.show(revised(0, "Ever tried."))
    assert capfd.readouterr() == ("them: Ever tied.\n", "")


def test_who_speaks(runtime: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A speaker's name stands before their lines, in JSON in a field of its own; a line that turns out to be another's
    has the other name, the last time too."""
    said = Segment(7, 1.0, 2.0, "Hello.", speaker="SPEAKER_01")
    file, terminal = LiveFile(str(runtime / "live")), Terminal(named=False)
    for event in (line("Silence."), Line("them", said)):
        for feed in (file, terminal):
            feed.show(event)
    for speaker in ("SPEAKER_02", "SPEAKER_00"):
        revised = Revised("them", replace(said, speaker=speaker))
        file.show(revised)
    file.show(Unfinished("them", "And", " then", "SPEAKER_00"))
    assert (runtime / "live").read_text() == "SPEAKER_00: Hello.\nSPEAKER_00: And then\n"
    assert capfd.readouterr().out == "Silence.\nSPEAKER_01: Hello.\n"
    assert json.loads(as_json(Line("them", said)))["speaker"] == "SPEAKER_01"
    assert "speaker" not in json.loads(as_json(line("Silence.")))
    assert json.loads(as_json(Unfinished("them", "And", "", "SPEAKER_00")))["speaker"] == "SPEAKER_00"
    event = json.loads(as_json(revised))
    assert (event["kind"], event["id"], event["text"], event["speaker"]) == ("revised", 7, "Hello.", "SPEAKER_00")
