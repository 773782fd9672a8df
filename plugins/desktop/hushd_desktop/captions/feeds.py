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
from hushd_protocol.errors import os_errors_as
from hushd_protocol.system import atomic_file

from hushd_desktop.captions.track import Event, Heard, Line, Noted, Unfinished


class Feed(Protocol):
    def show(self, event: Event) -> None:
        """Shows an event."""

    def close(self) -> None:
        """Finishes the output."""


class Terminal:
    """Prints lines on standard output, and below them, on a terminal, the unfinished line."""

    def __init__(self, named: bool) -> None:
        self._named = named
        self._screen = console.StatusLine()

    def show(self, event: Event) -> None:
        if isinstance(event, Unfinished):
            stable, text = self._lead(event.track) + event.stable, event.text
            self._screen.show(lambda columns: unfinished(stable, text, columns))
            return
        self._screen.clear()
        if isinstance(event, Line):
            console.write(f"{self._lead(event.track)}{event.segment.text.strip()}\n")
        elif isinstance(event, Heard):
            console.complain(f"Hearing what {event.source} plays.")
        else:
            console.complain(event.sentence)

    def close(self) -> None:
        self._screen.clear()

    def _lead(self, track: str) -> str:
        """Returns what stands before a line."""
        return f"{track}: " if self._named else ""


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
    """Keeps the last line and the unfinished one in a file, which is replaced atomically. Raises `output_failed` if the
    file cannot be written."""

    def __init__(self, path: str) -> None:
        self._path = Path(os.path.abspath(path))
        self._texts = ["", ""]
        self._write("")

    def show(self, event: Event) -> None:
        if isinstance(event, Line):
            self._texts = [event.segment.text.strip(), ""]
        elif isinstance(event, Unfinished):
            self._texts[1] = joined((event.stable, event.text))
        else:
            return
        self._write("".join(f"{text}\n" for text in self._texts if text))

    def close(self) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        with os_errors_as("output_failed", f"{str(self._path)!r} cannot be written"):
            atomic_file.replace(self._path, text)


def as_json(event: Unfinished | Line | Heard) -> str:
    fields: JsonObject = {"kind": "unfinished", "track": event.track}
    if isinstance(event, Line):
        fields |= {"kind": "line", "id": event.segment.id, **_spoken(event.segment)}
    elif isinstance(event, Heard):
        fields |= {"kind": "source", "source": event.source}
    else:
        fields |= {"stable": event.stable, "text": event.text}
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _spoken(segment: Segment) -> JsonObject:
    fields: JsonObject = {"start": segment.start, "end": segment.end, "text": segment.text.strip()}
    return fields | ({"words": [*map(word_fields, segment.words)]} if segment.words else {})
