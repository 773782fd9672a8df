"""The outputs of live captions: a terminal, JSON lines, a file for OBS."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol

from hushd.transcripts.formats import word_fields
from hushd.transcripts.segment import Segment, joined
from hushd_cli.commands.listen.microphone import unfinished
from hushd_cli.terminal import console
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import Styled, escaped
from hushd_protocol.system import atomic_file

from hushd_desktop.captions.track import Event, Heard, Line, Noted, Revised, Unfinished

from .page import Page

WAITING = 8  # pending connections to the socket


class Feed(Protocol):
    """An output of captions."""

    def show(self, event: Event) -> None:
        """Shows an event."""

    def close(self) -> None:
        """Finishes the output."""


class Terminal:
    """Prints lines on standard output, and below them, on a terminal, the unfinished line.

    On a terminal, a line whose speaker is corrected is replaced while it is on the screen. A file or a pipe keeps it.

    Args:
        named: whether to print the track's name before each line; a known speaker's name always is.
    """

    def __init__(self, named: bool) -> None:
        self._named = named
        self._screen = console.StatusLine()
        self._unfinished: Unfinished | None = None
        self._page = Page() if os.isatty(1) else None

    def show(self, event: Event) -> None:
        if isinstance(event, Unfinished):
            self._unfinished = event
            self._draw(event)
            return
        self._screen.clear()
        if isinstance(event, Line):
            self._unfinished = None
            self._write(self._text(event.track, event.segment), (event.track, event.segment.id))
        elif isinstance(event, Revised):
            self._replace(event)
        elif isinstance(event, Heard):
            self._complain(f"Hearing what {event.source} plays.")
        else:
            self._complain(event.sentence)

    def close(self) -> None:
        self._screen.clear()

    def _draw(self, event: Unfinished) -> None:
        stable, text = _lead(event.track, event.speaker, named=self._named) + event.stable, event.text
        self._screen.show(lambda columns: unfinished(stable, text, columns))

    def _write(self, text: str, name: tuple[str, int]) -> None:
        console.write(f"{text}\n")
        if self._page:
            self._page.add(name, escaped(text))

    def _replace(self, event: Revised) -> None:
        if self._page:
            size = os.get_terminal_size(1)
            name = (event.track, event.segment.id)
            text = escaped(self._text(event.track, event.segment))
            up, text = self._page.replace(name, text, size.columns, size.lines)
            if up:
                console.write(Styled(f"\r\x1b[{up}A\x1b[J{text}"))
        if self._unfinished:
            self._draw(self._unfinished)

    def _complain(self, sentence: str) -> None:
        console.complain(sentence)
        if self._page and os.isatty(console.errors()):
            self._page.add(None, escaped(f"{console.program}: {sentence}"))

    def _text(self, track: str, segment: Segment) -> str:
        return _lead(track, segment.speaker, named=self._named) + segment.text.strip()


class JsonLines:
    """Prints each event as a line of JSON; sentences for the user go to standard error."""

    def show(self, event: Event) -> None:
        if isinstance(event, Noted):
            console.complain(event.sentence)
        else:
            console.write(as_json(event))

    def close(self) -> None:
        pass


class LiveFile:
    """Keeps the last line and the unfinished one in a file, which is replaced atomically.

    Raises:
        HushdError: `output_failed` if the file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(os.path.abspath(path))
        self._name = ("", -1)  # the last line's track and id
        self._texts = ["", ""]
        self._write("")

    def show(self, event: Event) -> None:
        if isinstance(event, Line):
            self._name = (event.track, event.segment.id)
            self._texts = [self._text(event.track, event.segment), ""]
        elif isinstance(event, Unfinished):
            self._texts[1] = _lead(event.track, event.speaker) + joined((event.stable, event.text))
        elif isinstance(event, Revised) and self._name == (event.track, event.segment.id):
            self._texts[0] = self._text(event.track, event.segment)
        else:
            return
        self._write("".join(f"{text}\n" for text in self._texts if text))

    def close(self) -> None:
        self._write("")

    def _text(self, track: str, segment: Segment) -> str:
        return _lead(track, segment.speaker) + segment.text.strip()

    def _write(self, text: str) -> None:
        try:
            atomic_file.replace(self._path, text)
        except OSError as error:
            raise HushdError("output_failed", f"{str(self._path)!r} cannot be written ({error.strerror}).") from error


def _lead(track: str, speaker: str, *, named: bool = False) -> str:
    """Returns the name before a line: its speaker's, else, if `named`, its track's."""
    name = speaker if speaker != track else ""
    name = name or (track if named else "")
    return f"{name}: " if name else ""


def as_json(event: Unfinished | Line | Heard | Revised) -> str:
    """Returns an event as a line of JSON."""
    fields: JsonObject = {"kind": "unfinished", "track": event.track}
    if isinstance(event, Line | Revised):
        kind = "line" if isinstance(event, Line) else "revised"
        fields |= {"kind": kind, "id": event.segment.id, **_spoken(event, event.segment)}
    elif isinstance(event, Heard):
        fields |= {"kind": "source", "source": event.source}
    else:
        fields |= {"stable": event.stable, "text": event.text}
        if event.speaker:
            fields["speaker"] = event.speaker
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _spoken(event: Line | Revised, segment: Segment) -> JsonObject:
    fields: JsonObject = {"start": segment.start, "end": segment.end, "text": segment.text.strip()}
    if segment.speaker not in ("", event.track):
        fields["speaker"] = segment.speaker
    return fields | ({"words": [*map(word_fields, segment.words)]} if segment.words else {})
