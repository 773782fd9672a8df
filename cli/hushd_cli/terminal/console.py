"""Standard output for results, standard error for everything else; on a terminal control characters are escaped."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import escaped

NO_COLUMNS = 80  # columns of a terminal of unknown size
program = "hushd"  # the command as typed, such as `listen` or `hushd listen`, which begins each message
_errors = 2  # the descriptor for everything but results


def write(text: str) -> None:
    """Writes a result, at once and completely.
    Raises `output_failed` if it cannot be written; BrokenPipeError passes unchanged."""
    encoding = sys.stdout.encoding if sys.stdout is not None else "utf-8"
    _write_whole(shown(text, 1).encode(encoding, "replace"))


def shown(text: str, descriptor: int) -> str:
    """Returns `text` for an open file: escaped for a terminal, unchanged for a file or a pipe."""
    return escaped(text) if os.isatty(descriptor) else text


def write_json(value: Any) -> None:
    """Writes a result for programs; raises as `write` does."""
    write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_bytes(data: bytes) -> None:
    """Writes bytes unchanged, or on a terminal as UTF-8 text; raises as `write` does."""
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
    """Writes one line to standard error, after the command's name; ignores a closed standard error."""
    try:
        os.write(_errors, shown(f"{program}: {message}\n", _errors).encode(errors="replace"))
    except OSError:
        pass


def silence_libraries() -> None:
    """Keeps libraries off standard error: PortAudio prints lines of its source code when a device is unplugged.
    HUSHD_DEBUG shows them."""
    global _errors
    if _errors == 2 and not os.environ.get("HUSHD_DEBUG"):
        nothing = os.open(os.devnull, os.O_WRONLY)
        _errors = os.dup(2)
        os.dup2(nothing, 2)
        os.close(nothing)


def errors() -> int:
    """Returns the descriptor of standard error, also after `silence_libraries`, for child processes."""
    return _errors


def note(text: str) -> None:
    """Writes a hint to standard error if that is a terminal."""
    if os.isatty(_errors):
        complain(text)


def note_wait(state: str) -> None:
    """Writes why the speech waits; `state` is the floor's."""
    note("Paused: `hushd resume` continues." if state == "paused" else "Waiting: another program speaks or listens.")


def width() -> int:
    """Returns the columns of standard output's terminal; unlimited if it is not one."""
    try:
        return os.get_terminal_size(1).columns or NO_COLUMNS
    except OSError:
        return sys.maxsize


class StatusLine:
    """A line of progress at the bottom of a terminal; prints nothing if the descriptor is not one."""

    def __init__(self) -> None:
        self._descriptor = _errors
        self._is_terminal = os.isatty(self._descriptor)
        self._drawn = ""

    def show(self, line: Callable[[int], str]) -> None:
        """Replaces the shown line by `line(columns)`."""
        if self._is_terminal:
            columns = self._columns()
            self._draw(_fitted(line(columns), columns))

    def clear(self) -> None:
        """Removes the line, so that other text can be written there."""
        if self._drawn:
            self._draw("")

    def _draw(self, line: str) -> None:
        if line != self._drawn:
            self._drawn = line
            try:
                os.write(self._descriptor, f"\r\x1b[K{line}".encode(errors="replace"))
            except OSError:
                self._is_terminal = False

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._descriptor).columns or NO_COLUMNS
        except OSError:
            return NO_COLUMNS


def _fitted(line: str, columns: int) -> str:
    """Returns the line escaped, and cut to the width again: a wrapped line could not be removed."""
    return line if (safe := escaped(line)) == line else safe[: columns - 1]
