"""Places of captions: the file, the terminal and the lines for programs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import termios
from dataclasses import replace
from pathlib import Path

import pytest
from hushd import Segment
from hushd_cli.terminal import console
from hushd_desktop.captions.feeds import LiveFile, Terminal, as_json
from hushd_desktop.captions.track import Event, Heard, Line, Noted, Revised, Unfinished


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


def show_on_terminal(columns: int, rows: int, *events: Event) -> str:
    """The rows of a terminal of this size, from the top, once the events were shown on it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    if not (child := os.fork()):
        for descriptor in (1, 2):
            os.dup2(theirs, descriptor)
        terminal = Terminal(named=False)
        for event in events:
            terminal.show(event)
        os._exit(0)
    os.close(theirs)
    sent = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 10_000):
            sent += piece
    os.close(ours)
    os.waitpid(child, 0)
    return drawn(sent.decode(), columns, rows)


def drawn(sent: str, columns: int, rows: int) -> str:
    """The rows of a terminal that wraps, scrolls, and knows the sequences which captions use."""
    screen, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[\d*[A-Za-z]|.|\n", sent, re.DOTALL):
        if part == "\n":
            row += 1
        elif part == "\r":
            column = 0
        elif part.endswith("A") and part != "A":
            row -= int(part[2:-1])
        elif part in ("\x1b[J", "\x1b[K"):
            screen[row] = screen[row][:column]
            screen = screen[: row + 1] if part == "\x1b[J" else screen
        elif len(part) == 1:
            if column == columns:
                row, column = row + 1, 0
            screen += [""] * (row + 1 - len(screen))
            screen[row] = screen[row][:column] + part + screen[row][column + 1 :]
            column += 1
        screen += [""] * (row + 1 - len(screen))
        if len(screen) > rows:
            row -= len(screen) - rows
            screen = screen[-rows:]
    return "\n".join(screen).rstrip()


def spoken(number: int, text: str) -> Line:
    return Line("them", Segment(number, float(number), number + 1.0, text, speaker="them"))


def revised(number: int, text: str) -> Revised:
    return Revised("them", Segment(number, 0.0, 1.0, text))


def test_a_terminal_shows_a_corrected_line_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that wrap, lines after it, sentences for the user and the line in the making stay as they are."""
    monkeypatch.setattr(console, "program", "hushd")
    before = [
        Noted("them", "A note."),
        spoken(0, "Ever tied and tied again."),
        spoken(1, "No mater."),
        spoken(2, "Try."),
    ]
    shown = show_on_terminal(20, 24, *before, Unfinished("them", "Fail", " bet"), revised(0, "Ever."))
    assert shown == "hushd: A note.\nEver.\nNo mater.\nTry.\nFail bet"
    shown = show_on_terminal(20, 24, *before, revised(1, "No matter, said again."), revised(2, "Try again."))
    assert shown == "hushd: A note.\nEver tied and tied a\ngain.\nNo matter, said agai\nn.\nTry again."


def test_a_pipe_keeps_the_line_as_it_was_heard(capfd: pytest.CaptureFixture[str]) -> None:
    """Text that was written there cannot be taken back, and is not written twice."""
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
