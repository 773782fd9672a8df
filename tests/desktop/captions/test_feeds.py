"""Places of captions: the socket waits for nobody, and neither it nor the file is in anybody's way."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest
from hushd import HushdError, Segment, Word
from hushd_desktop.captions.feeds import LiveFile, Overlays, as_json
from hushd_desktop.captions.track import Heard, Line, Unfinished
from support.peer import wait_until


def line(text: str) -> Line:
    return Line("them", Segment(0, 1.0, 2.0, text, speaker="them"))


def connected(overlays: Overlays, path: Path) -> socket.socket:
    program = socket.socket(socket.AF_UNIX)
    program.settimeout(5)
    before = len(overlays._programs)
    program.connect(str(path))
    wait_until(lambda: len(overlays._programs) > before, "the program")
    return program


def test_a_program_that_does_not_read(runtime: Path) -> None:
    """It is disconnected, while another one gets every event."""
    overlays = Overlays(str(runtime / "overlay"))
    with connected(overlays, runtime / "overlay"), connected(overlays, runtime / "overlay") as quick:
        for _ in range(100):
            overlays.show(line("x" * 9000))
            with quick.makefile("r") as lines:
                assert json.loads(lines.readline())["kind"] == "line"
        assert len(overlays._programs) == 1
    overlays.close()


def test_only_the_user_may_connect(runtime: Path) -> None:
    """Captions are what somebody said: the socket's mode is 0600, and it goes with them."""
    path = runtime / "overlay"
    overlays = Overlays(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    overlays.close()
    assert not path.exists()


def test_a_socket_that_is_there(runtime: Path) -> None:
    """That of captions which were killed is replaced; one that somebody listens at, or a file, is left alone."""
    path = runtime / "overlay"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    overlays = Overlays(str(path))
    with pytest.raises(HushdError, match="Address already in use"):
        Overlays(str(path))
    overlays.close()
    path.write_text("mine")
    with pytest.raises(HushdError, match="There can be no socket"):
        Overlays(str(path))
    assert path.read_text() == "mine"


def test_a_path_too_long_for_a_socket(runtime: Path) -> None:
    """It is refused before anything is recorded."""
    with pytest.raises(HushdError, match="name a shorter path"):
        Overlays(str(runtime / ("o" * 120)))


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


def test_events_as_json() -> None:
    """One line each, whatever is said in it."""
    words = (Word("Grün", 1.0, 2.0),)
    event = Line("me", Segment(3, 1.0, 2.0, " Grün\n", words, "me"))
    assert as_json(event) == (
        '{"kind": "line", "track": "me", "start": 1.0, "end": 2.0, "text": "Grün", '
        '"words": [{"word": "Grün", "start": 1.0, "end": 2.0}]}\n'
    )
    assert (
        as_json(Unfinished("me", "a", "\nb"))
        == '{"kind": "unfinished", "track": "me", "stable": "a", "text": "\\nb"}\n'
    )
