"""The places of captions while they are made: a terminal, JSON lines, a file for OBS, a socket for overlays."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import threading
from pathlib import Path
from typing import Protocol

from hushd.transcripts.spacing import joined
from hushd_cli.commands.listen.microphone import unfinished
from hushd_cli.terminal import console
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import SOCKET_PATH
from hushd_protocol.system import atomic_file

from hushd_desktop.captions.track import Event, Heard, Line, Unfinished

WAITING = 8  # programs at the socket that were not accepted yet


class Feed(Protocol):
    """A place of captions."""

    def show(self, event: Event) -> None:
        """Shows an event."""

    def close(self) -> None:
        """Leaves the place tidy."""


class Terminal:
    """Lines on standard output, and below them, on a terminal, the line in the making.

    Args:
        named: whether the name of the track stands before each line.
    """

    def __init__(self, named: bool) -> None:
        self._named = named
        self._screen = console.StatusLine()

    def show(self, event: Event) -> None:
        if isinstance(event, Unfinished):
            stable, text = self._lead(event) + event.stable, event.text
            self._screen.show(lambda columns: unfinished(stable, text, columns))
        elif isinstance(event, Line):
            self._screen.clear()
            console.write(f"{self._lead(event)}{event.segment.text.strip()}\n")
        else:
            self._screen.clear()
            console.complain(f"Hearing what {event.source} plays.")

    def close(self) -> None:
        self._screen.clear()

    def _lead(self, event: Line | Unfinished) -> str:
        return f"{event.track}: " if self._named else ""


class JsonLines:
    """Each event as a line of JSON on standard output."""

    def show(self, event: Event) -> None:
        console.write(as_json(event))

    def close(self) -> None:
        pass


class LiveFile:
    """The caption as it stands: the last line and the one in the making, in a file that is replaced as a whole.

    Raises:
        HushdError: `output_failed` when it cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(os.path.abspath(path))
        self._last = ""
        self._write("")

    def show(self, event: Event) -> None:
        if isinstance(event, Line):
            self._last = event.segment.text.strip()
            self._write(f"{self._last}\n")
        elif isinstance(event, Unfinished):
            self._write("".join(f"{text}\n" for text in (self._last, joined((event.stable, event.text))) if text))

    def close(self) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        try:
            atomic_file.replace(self._path, text)
        except OSError as error:
            raise HushdError("output_failed", f"{str(self._path)!r} cannot be written ({error.strerror}).") from error


class Overlays:
    """Each event as a line of JSON for every program that is connected to a unix socket, which only its user may be.

    A program that does not read is disconnected: captions wait for nobody.

    Raises:
        HushdError: `output_failed` when there is no place for the socket.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._programs: list[socket.socket] = []
        self._lock = threading.Lock()
        self._closed = False
        self._server = self._listen()
        threading.Thread(target=self._accept, name="hushd-overlays", daemon=True).start()

    def show(self, event: Event) -> None:
        line = as_json(event).encode()
        with self._lock:
            self._programs = [program for program in self._programs if self._sent(program, line)]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # ends the wait of the other thread, which closing does not
        self._server.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        with self._lock:
            self._closed = True
            for program in self._programs:
                program.close()

    def _listen(self) -> socket.socket:
        if len(os.fsencode(self._path)) > SOCKET_PATH:
            raise HushdError("output_failed", f"{self._path!r} is too long for a socket: name a shorter path.")
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._remove_dead()
            before = os.umask(0o177)
            try:
                server.bind(self._path)
            finally:
                os.umask(before)
            server.listen(WAITING)
        except OSError as error:
            server.close()
            raise HushdError(
                "output_failed", f"There can be no socket at {self._path!r} ({error.strerror})."
            ) from error
        return server

    def _remove_dead(self) -> None:
        """Removes the socket of captions that were killed."""
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.lstat(self._path).st_mode):
                return
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
                if other.connect_ex(self._path):
                    os.unlink(self._path)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                program, _ = self._server.accept()
                program.setblocking(False)
                with self._lock:
                    if self._closed:
                        program.close()
                    self._programs.append(program)

    @staticmethod
    def _sent(program: socket.socket, line: bytes) -> bool:
        with contextlib.suppress(OSError):
            if program.send(line) == len(line):
                return True
        program.close()
        return False


def as_json(event: Event) -> str:
    """Returns an event as a line of JSON."""
    fields: JsonObject = {"kind": "unfinished", "track": event.track}
    if isinstance(event, Line):
        segment = event.segment
        fields |= {"kind": "line", "start": segment.start, "end": segment.end, "text": segment.text.strip()}
        if segment.words:
            fields["words"] = [{"word": word.word, "start": word.start, "end": word.end} for word in segment.words]
    elif isinstance(event, Heard):
        fields |= {"kind": "source", "source": event.source}
    else:
        fields |= {"stable": event.stable, "text": event.text}
    return json.dumps(fields, ensure_ascii=False) + "\n"
