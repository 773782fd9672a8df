"""Standard output for results, standard error for everything else."""

from __future__ import annotations

import os
import sys

from hushd_protocol.errors import HushdError

BAR_WIDTH = 30
LONG_S = 30.0  # audio shorter than this needs no progress bar


def write(text: str) -> None:
    """Writes a result, at once and whole.

    Raises:
        HushdError: `output_failed` when it cannot be written; BrokenPipeError passes unchanged.
    """
    encoding = sys.stdout.encoding if sys.stdout is not None else "utf-8"
    write_bytes(text.encode(encoding, "replace"))


def write_bytes(data: bytes) -> None:
    """Writes a result that is no text of ours; raises as `write` does."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(1, view) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise HushdError("output_failed", f"Standard output cannot be written ({error.strerror}).") from error


def complain(command: str, message: str) -> None:
    """One line on standard error; nothing when nobody can read it."""
    try:
        os.write(2, f"{command}: {message}\n".encode(errors="replace"))
    except OSError:
        pass


def note(text: str) -> None:
    """A hint for a person at a terminal."""
    if os.isatty(2):
        complain("hushd", text)


def note_wait(state: str) -> None:
    """Why nothing is heard yet."""
    note("Paused: `hushd resume` goes on." if state == "paused" else "Waiting: another program speaks or listens.")


def width() -> int:
    """Columns of the terminal that standard output is; unlimited where it is none."""
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return sys.maxsize


class ProgressBar:
    """How far a long recording has been heard, drawn on a terminal only."""

    def __init__(self, label: str, shown: bool = True) -> None:
        self._label = label
        self._shown = shown and os.isatty(2)
        self._drawn = ""

    def update(self, done: float, total: float) -> None:
        """`done` of `total` seconds of audio."""
        if not self._shown or total < LONG_S:
            return
        part = min(1.0, done / total)
        bar = ("#" * int(part * BAR_WIDTH)).ljust(BAR_WIDTH)
        self._draw(f"{self._label} [{bar}] {clock(done)} of {clock(total)}")

    def clear(self) -> None:
        """Takes it off the screen."""
        if self._drawn:
            self._draw("")

    def _draw(self, line: str) -> None:
        if line != self._drawn:
            self._drawn = line
            try:
                os.write(2, f"\r\x1b[K{line}".encode(errors="replace"))
            except OSError:
                self._shown = False


def clock(seconds: float) -> str:
    """`m:ss` or `h:mm:ss`."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"
