"""A terminal's full screen: redraws changed lines, and restores the screen at the end."""

from __future__ import annotations

import os
import select
import signal
import termios
import tty
from collections.abc import Sequence
from types import FrameType
from typing import Self

from hushd_protocol.errors import HushdError
from hushd_protocol.system.terminal import escaped

Line = Sequence[tuple[str, str]]  # parts of text, each with the name of a style or ""

_ENTER = b"\x1b[?1049h\x1b[?25l\x1b[2J"  # the other screen, no cursor, empty
_LEAVE = b"\x1b[?25h\x1b[?1049l"
_PLAIN = "\x1b[0m"
_STYLES = {"bold": "1", "dim": "2", "chosen": "7"}
_COLOURS = {"good": "32", "busy": "36", "warning": "33", "bad": "31", "bars": "34", "title": "1;36"}
_KEYS = {b"\x1b[A": "up", b"\x1bOA": "up", b"\x1b[B": "down", b"\x1bOB": "down", b"\r": "enter", b"\n": "enter"}
_KEYS |= {b"\x1b": "escape", b"\x7f": "erase", b"\x08": "erase"}


class Screen:
    """The terminal on standard input and output; a context manager.

    Raises:
        HushdError: `bad_request` if standard input or output is not a suitable terminal.
    """

    def __init__(self) -> None:
        if not (os.isatty(0) and os.isatty(1)) or os.environ.get("TERM", "dumb") == "dumb":
            raise HushdError("bad_request", "There is no terminal here that can be drawn on: use `hushd status`.")
        self._styles = _STYLES | ({} if os.environ.get("NO_COLOR") else _COLOURS)
        self._drawn: list[str] = []
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def __enter__(self) -> Self:
        self._saved_settings = termios.tcgetattr(0)
        self._enter()
        self._handlers = {
            number: signal.signal(number, handler)
            for number, handler in ((signal.SIGWINCH, self._resized), (signal.SIGTSTP, self._stopped))
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._leave()

    @property
    def size(self) -> tuple[int, int]:
        """Returns the columns and lines."""
        columns, lines = os.get_terminal_size(1)
        return columns or 80, lines or 24

    def draw(self, lines: Sequence[Line]) -> None:
        """Shows `lines` from the top, and clears the rest."""
        columns, rows = self.size
        texts = [self._text(line, columns) for line in lines[:rows]]
        texts += [""] * (rows - len(texts))
        changed = [
            f"\x1b[{row + 1};1H{text}\x1b[K"
            for row, text in enumerate(texts)
            if row >= len(self._drawn) or self._drawn[row] != text
        ]
        self._drawn = texts
        if changed:
            _write_all("".join(changed).encode(errors="replace"))

    def keys(self, seconds: float) -> list[str]:
        """Waits up to that long for keys; returns names such as `up`, or characters."""
        readable, _, _ = select.select([0, self._wakes], [], [], max(0.0, seconds))
        if self._wakes in readable:
            os.read(self._wakes, 4096)
        if 0 not in readable:
            return []
        data = os.read(0, 1024)
        if not data:
            raise KeyboardInterrupt  # the terminal is gone
        return _parsed(data)

    def wake(self) -> None:
        """Ends a wait for keys. Safe on any thread."""
        try:
            os.write(self._wake, b"\n")
        except OSError:
            pass  # the pipe is full, so it wakes anyway

    def _text(self, line: Line, columns: int) -> str:
        """Returns the line with its control sequences, cut to the screen's width."""
        spans, room = [], columns
        for text, style in line:
            visible = escaped(text)[:room]
            room -= len(visible)
            code = self._styles.get(style, "")
            spans.append(f"\x1b[{code}m{visible}{_PLAIN}" if code and visible else visible)
        return "".join(spans)

    def _enter(self) -> None:
        tty.setcbreak(0)
        self._drawn = []
        _write_all(_ENTER)

    def _leave(self) -> None:
        _write_all(_LEAVE)
        termios.tcsetattr(0, termios.TCSADRAIN, self._saved_settings)

    def _resized(self, *_: object) -> None:
        self._drawn = []
        _write_all(b"\x1b[2J")
        self.wake()

    def _stopped(self, number: int, frame: FrameType | None) -> None:
        """Handles Ctrl-Z: restores the terminal until the shell continues this process."""
        self._leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._enter()
        self.wake()


def _parsed(data: bytes) -> list[str]:
    """Returns the names of known keys, and characters; ignores other sequences."""
    keys: list[str] = []
    while data:
        sequence = next((key for key in _KEYS if data.startswith(key) and key != b"\x1b"), b"")
        if not sequence and data[:2] in (b"\x1b[", b"\x1bO"):
            end = next((place for place, code in enumerate(data[2:], 3) if 0x40 <= code <= 0x7E), len(data))
            data = data[end:]
            continue
        sequence = sequence or data[:1]
        keys.append(_KEYS.get(sequence) or sequence.decode("latin-1"))
        data = data[len(sequence) :]
    return keys


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(1, view) :]
    except OSError:
        pass  # the terminal is gone: the next read of a key reports it
