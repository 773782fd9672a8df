"""Log files: opened for appending, moved aside when they have grown, and their last lines."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from . import best_effort
from .log_lines import text_of

ROTATE_BYTES = 1_000_000
TAIL_BYTES = 4096
_BLOCK = 65_536


def rotate(path: Path) -> None:
    """Moves `path` to `path`.1 if descriptor 2 is that file and it exceeds 1 MB; goes on in a new file."""
    try:
        written = os.fstat(2)
        if written.st_size > ROTATE_BYTES and os.path.samestat(written, os.stat(path)):
            output = open_file(path)
            os.dup2(output, 2)
            os.close(output)
    except OSError:
        pass  # the folder may be gone: keep the old file


def cut(path: Path) -> None:
    """Empties `path`, the log of a running child, once it exceeds 1 MB; its last 1 MB becomes `path`.1.

    It is copied, not moved, since the child, and what it has started, keep its descriptor; they append to it.
    """
    with suppress(OSError):
        if os.stat(path).st_size <= ROTATE_BYTES:
            return
        try:
            _copy_end(path, Path(f"{path}.1"))
        finally:  # on a full disk, too
            os.truncate(path, 0)


def _copy_end(path: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(path, "rb") as file, open(os.open(target, flags, 0o600), "wb") as copy:
        file.seek(-ROTATE_BYTES, os.SEEK_END)
        while block := file.read(_BLOCK):
            copy.write(block)


def open_file(path: Path) -> int:
    """Opens `path` to append to it, with mode 0600; a file over 1 MB is moved to `path`.1 first.

    Raises:
        OSError: it cannot be opened.
    """
    with suppress(OSError):  # a file that cannot be moved grows
        if os.stat(path).st_size > ROTATE_BYTES:
            os.replace(path, f"{path}.1")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def open_for_child(path: Path) -> tuple[int, int | None]:
    """Opens the log of a process that we start, creating its folder; returns its descriptor and its size.

    If the log cannot be opened, the process still runs: it writes to our log, and the size is None.

    Raises:
        OSError: no descriptor is left.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = open_file(path)
        return descriptor, os.fstat(descriptor).st_size
    except OSError as error:
        descriptor = os.dup(2)
        best_effort.failed(path, error)
        return descriptor, None


def tail(path: Path, start: int) -> str:
    """Returns the last 4 KiB written to `path` since offset `start`, empty if it cannot be read.

    A file shorter than `start` was emptied since (`cut`): all of it is later.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(start if start <= size else 0, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""
    return "".join(text_of(entry) for entry in text.splitlines(keepends=True))
