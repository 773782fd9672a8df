"""examples/meeting_notes.py and podcast_subtitles.py: real recordings become notes and subtitles."""

from __future__ import annotations

import functools
import re
import shutil
import signal
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import ClassVar

import hushd
import pytest
from support.ports import served
from support.wer import BECKETT, word_error_rate

from .room import EXAMPLES, LIMIT_S, Room

pytestmark = pytest.mark.timeout(2 * LIMIT_S)
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Readings</title>{}</channel></rss>"""
ITEM = """<item><title>{title}</title><pubDate>Mon, 02 Nov 2026 10:00:00 +0000</pubDate>
<enclosure url="{url}" type="audio/wav" length="1"/></item>"""


def test_notes_of_a_recording_say_who_spoke_when(room: Room) -> None:
    """They are Markdown: the name as a heading, and a paragraph a turn with speaker and time."""
    heading, turn, text = re.split(r"\n+", room.run("meeting_notes.py", "beckett.wav").strip(), maxsplit=2)
    assert (heading, turn) == ("# beckett", "**SPEAKER_00** (0:00:00)  ")
    assert word_error_rate(BECKETT, text) <= 0.15


def test_a_turn_of_several_sentences_is_a_paragraph() -> None:
    """Whoever speaks again begins another one."""
    spec = spec_from_file_location("meeting_notes", EXAMPLES / "meeting_notes.py")
    assert spec
    assert spec.loader
    program = module_from_spec(spec)
    spec.loader.exec_module(program)
    spoken = [("Anna", 0.4, "Hello."), ("Anna", 2.0, "Shall we?"), ("Ben", 61.9, "Yes."), ("Anna", 3700.0, "Done.")]
    segments = [
        hushd.Segment(number, start, start + 1, f" {text}", speaker=name)
        for number, (name, start, text) in enumerate(spoken)
    ]
    assert list(program.notes("Monday", segments)) == [
        "# Monday\n",
        "**Anna** (0:00:00)  \nHello. Shall we?\n",
        "**Ben** (0:01:01)  \nYes.\n",
        "**Anna** (1:01:40)  \nDone.\n",
    ]


def test_notes_of_the_microphone_end_with_an_interrupt(room: Room) -> None:
    """Each sentence is shown when it is known, and after Ctrl-C the notes of all of them are printed."""
    process = room.start("meeting_notes.py")
    assert process.stderr
    assert process.stderr.readline() == "Listening: Ctrl-C ends.\n"
    sentence = process.stderr.readline().strip()
    assert "ever tried" in sentence.lower()
    process.send_signal(signal.SIGINT)
    notes, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert re.match(r"# \d{4}-\d\d-\d\d \d\d:\d\d\n\n\*\*Notes\*\* \(0:00:0\d\)  \n", notes)
    assert sentence in notes


class Host(SimpleHTTPRequestHandler):
    """The host of a podcast, in a folder; `requested` are the paths asked for."""

    requested: ClassVar[list[str]] = []

    def log_message(self, format: str, *arguments: object) -> None:
        self.requested.append(self.path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of a podcast's folder, `site` in the room."""
    (tmp_path / "site").mkdir()
    Host.requested.clear()
    with served(functools.partial(Host, directory=str(tmp_path / "site"))) as address:
        yield address


def test_a_podcast_goes_on_where_it_was_left(room: Room, site: str) -> None:
    """An episode that cannot be had is one line and stops no other; the next run fetches that one alone.

    The podcast's host is a server of Python's own on this machine.
    """
    folder = room.folder / "site"
    items = [
        ITEM.format(title=title, url=f"{site}/{name}") for title, name in (("On: failing", "a.wav"), ("B", "b.wav"))
    ]
    (folder / "feed.xml").write_text(FEED.format("".join(items)))
    shutil.copy(room.folder / "beckett.wav", folder / "a.wav")
    command = ("podcast_subtitles.py", f"{site}/feed.xml", "subtitles")
    process = room.start(*command)
    output, complaint = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, output) == (0, "subtitles/2026-11-02-On-failing.srt\n")
    assert complaint == "2026-11-02-B: HTTP Error 404: File not found\n"
    cues = (room.folder / "subtitles/2026-11-02-On-failing.srt").read_text()
    assert cues.startswith("1\n00:00:00,")
    assert word_error_rate(BECKETT, " ".join(re.findall(r"^[A-Z a-z,.]+$", cues, re.MULTILINE))) <= 0.15
    (folder / "a.wav").rename(folder / "b.wav")
    Host.requested.clear()
    assert room.run(*command) == "subtitles/2026-11-02-B.srt\n"
    assert "/b.wav" in Host.requested
    assert "/a.wav" not in Host.requested
    assert sorted(path.name for path in (room.folder / "subtitles").iterdir()) == [
        "2026-11-02-B.srt", "2026-11-02-On-failing.srt",
    ]  # fmt: skip


def test_a_folder_of_recordings_gets_subtitles(room: Room) -> None:
    """They have the format asked for; other files in it are passed over."""
    (room.folder / "cover.jpg").touch()
    assert room.run("podcast_subtitles.py", ".", "subtitles", "--format", "vtt") == "subtitles/beckett.vtt\n"
    assert (room.folder / "subtitles/beckett.vtt").read_text().startswith("WEBVTT\n\n00:00.")
