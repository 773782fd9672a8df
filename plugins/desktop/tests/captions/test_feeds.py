"""Places of captions: the file, the terminal and the lines for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd import Segment
from hushd_desktop.captions.feeds import LiveFile, Terminal, as_json
from hushd_desktop.captions.track import Heard, Line, Noted, Unfinished


def line(text: str) -> Line:
    return Line("them", Segment(0, 1.0, 2.0, text, speaker="them"))


def test_the_caption_as_it_stands(runtime: Path) -> None:
    """The file has the last line and the one in the making, whatever else happens, and is empty before and after."""
    path = runtime / "live.txt"
    file = LiveFile(str(path))
    file.show(Heard("them", "desk"))
    assert path.read_text() == ""
    file.show(Unfinished("them", "Ever", " tri"))
    assert path.read_text() == "Ever tri\n"
    file.show(line(" Ever tried."))
    file.show(Unfinished("them", "", "Ever fai"))
    for other in (Heard("them", "tv"), Noted("me", "The microphone is closed.")):
        file.show(other)
        assert path.read_text() == "Ever tried.\nEver fai\n"
    file.close()
    assert path.read_text() == ""


def test_a_track_is_named_where_there_are_two(capfd: pytest.CaptureFixture[str]) -> None:
    """Its name stands before each line."""
    for named in (False, True):
        Terminal(named=named).show(line("Ever tried."))
    assert capfd.readouterr().out == "Ever tried.\nthem: Ever tried.\n"


def test_lines_for_programs() -> None:
    """Each event is an object with its track."""
    events = [json.loads(as_json(event)) for event in (line("Yes."), Unfinished("them", "And", " so"))]
    assert events == [
        {"kind": "line", "track": "them", "id": 0, "start": 1.0, "end": 2.0, "text": "Yes."},
        {"kind": "unfinished", "track": "them", "stable": "And", "text": " so"},
    ]
