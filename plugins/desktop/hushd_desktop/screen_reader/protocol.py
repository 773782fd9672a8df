"""speech-dispatcher's module protocol: lines on standard input, answers and audio on standard output."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import IO

ESCAPE, FLIP = 0x7D, 0x20  # HDLC's way: an escape precedes bytes that a line cannot contain, with a bit flipped
CHANNELS, BITS = 1, 16

INITIALIZED = "299-hushd speaks.\n299 OK LOADED SUCCESSFULLY"
RECEIVING_MESSAGE, SPEAKING = "202 OK RECEIVING MESSAGE", "200 OK SPEAKING"
CANT_SPEAK, MANY_LINES = "301 ERROR CANT SPEAK", "305 DATA MORE THAN ONE LINE"
NO_VOICES, VOICES = "304 CANT LIST VOICES", "200 OK VOICE LIST SENT"
RECEIVING, RECEIVED = "207 OK RECEIVING {}SETTINGS", "203 OK {}"
BAD_SYNTAX, BAD_VALUE = "302 ERROR BAD SYNTAX", "303 ERROR INVALID PARAMETER OR VALUE"
UNKNOWN, QUIT = "300 ERR UNKNOWN COMMAND", "210 OK QUIT"
BEGIN, END, STOPPED, PAUSED = "701 BEGIN", "702 END", "703 STOP", "704 PAUSE"


class DispatcherConnection:
    """The two pipes to speech-dispatcher. Several threads may write; messages are never mixed."""

    def __init__(self, reading: IO[bytes], writing: IO[bytes]) -> None:
        self._reading, self._writing = reading, writing
        self._lock = threading.Lock()

    def lines(self) -> Iterator[str]:
        """Yields commands until the server closes the pipe."""
        while line := self._reading.readline():
            yield line.decode(errors="replace").rstrip("\n")

    def block(self) -> list[str] | None:
        """Returns the lines up to a single dot; None if the pipe was closed before it."""
        lines: list[str] = []
        for line in self.lines():
            if line == ".":
                return lines
            lines.append(line.removeprefix("."))  # a line that begins with a dot is sent with another dot
        return None

    def answer(self, *lines: str) -> None:
        self._write("".join(f"{line}\n" for line in lines).encode())

    def mark(self, name: str) -> None:
        """Reports an index mark."""
        self.answer(f"700-{name}", "700 INDEX MARK")

    def audio(self, samples: bytes, rate: int) -> None:
        """Sends s16le samples for the server to play."""
        self._write(audio(samples, rate))

    def _write(self, data: bytes) -> None:
        with self._lock:
            self._writing.write(data)
            self._writing.flush()


def audio(samples: bytes, rate: int) -> bytes:
    """Returns the message with mono s16le samples."""
    head = {
        "bits": BITS,
        "num_channels": CHANNELS,
        "sample_rate": rate,
        "num_samples": len(samples) // 2,
        "big_endian": 0,
    }
    lines = "".join(f"705-{name}={value}\n" for name, value in head.items())
    flipped = samples.replace(bytes([ESCAPE]), bytes([ESCAPE, ESCAPE ^ FLIP]))
    flipped = flipped.replace(b"\n", bytes([ESCAPE, ord("\n") ^ FLIP]))
    return f"{lines}705-AUDIO\0".encode() + flipped + b"\n705 AUDIO\n"


def settings(lines: list[str], change: Callable[[str, str], object]) -> str:
    """Calls `change` for each NAME=VALUE; returns the answer to the last wrong line, or an empty text."""
    wrong = ""
    for line in lines:
        name, equals, value = line.partition("=")
        if not name or not equals:
            wrong = BAD_SYNTAX
            continue
        try:
            change(name, value)
        except ValueError:
            wrong = BAD_VALUE
    return wrong
