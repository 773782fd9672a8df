"""Standard output for results, standard error for everything else; on a terminal control characters are escaped."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.system.terminal import escaped, shown

NO_COLUMNS = 80  # of a terminal of unknown size
program = "hushd"  # the command as it was typed, such as `listen` or `hushd listen`: it stands before each message
_errors = 2  # the descriptor for everything but results


def write(text: str) -> None:
    """Writes a result, at once and whole.

    Raises:
        HushdError: `output_failed` when it cannot be written; BrokenPipeError passes unchanged.
    """
    encoding = sys.stdout.encoding if sys.stdout is not None else "utf-8"
    _write_whole(shown(text, 1).encode(encoding, "replace"))


def write_json(value: Any) -> None:
    """Writes a result for programs; raises as `write` does."""
    import json

    write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_bytes(data: bytes) -> None:
    """Writes bytes as they are, on a terminal as the text that they are in UTF-8; raises as `write` does."""
    _write_whole(escaped(data.decode(errors="backslashreplace")).encode() if os.isatty(1) else data)


def _write_whole(data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(1, view) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise HushdError("output_failed", f"Standard output cannot be written ({error.strerror}).") from error


def complain(message: str) -> None:
    """Writes one line to standard error, the command's name before it; nothing when nobody can read it."""
    try:
        os.write(_errors, shown(f"{program}: {message}\n", _errors).encode(errors="replace"))
    except OSError:
        pass


def silence_libraries() -> None:
    """Keeps libraries off standard error: PortAudio prints lines of its source code when a device is unplugged.

    With HUSHD_DEBUG they are shown.
    """
    global _errors
    if _errors == 2 and not os.environ.get("HUSHD_DEBUG"):
        nothing = os.open(os.devnull, os.O_WRONLY)
        _errors = os.dup(2)
        os.dup2(nothing, 2)
        os.close(nothing)


def errors() -> int:
    """The descriptor of standard error, for a program that is started here; also after `silence_libraries`."""
    return _errors


def note(text: str) -> None:
    """Writes a hint to standard error if that is a terminal."""
    if os.isatty(_errors):
        complain(text)


def note_wait(state: str) -> None:
    """Writes why nothing is heard yet; `state` is the floor's."""
    note("Paused: `hushd resume` goes on." if state == "paused" else "Waiting: another program speaks or listens.")


def width() -> int:
    """Columns of standard output's terminal; unlimited where it is none."""
    try:
        return os.get_terminal_size(1).columns or NO_COLUMNS
    except OSError:
        return sys.maxsize


class StatusLine:
    """A line of progress at the bottom of a terminal; nothing where the descriptor is none."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = _errors if descriptor is None else descriptor
        self._shown = os.isatty(self._descriptor)
        self._drawn = ""

    def show(self, line: Callable[[int], str]) -> None:
        """Shows the line that `line` returns for the terminal's columns, in place of the one before."""
        if self._shown:
            columns = self._columns()
            self._draw(_fitted(line(columns), columns))

    def clear(self) -> None:
        """Removes the line, so that something else can be written there."""
        if self._drawn:
            self._draw("")

    def _draw(self, line: str) -> None:
        if line != self._drawn:
            self._drawn = line
            try:
                os.write(self._descriptor, f"\r\x1b[K{line}".encode(errors="replace"))
            except OSError:
                self._shown = False

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._descriptor).columns or NO_COLUMNS
        except OSError:
            return NO_COLUMNS


def _fitted(line: str, columns: int) -> str:
    """The line escaped, which may have made it too long: what wraps cannot be removed again."""
    return line if (safe := escaped(line)) == line else safe[: columns - 1]
