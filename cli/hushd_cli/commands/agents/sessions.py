"""The sessions of agents, as their hooks remember them: the answers that were read aloud, and how to end one.

A hook is a process for one event, so each session has a file in the runtime folder, with digests but no text. A process
that speaks for a session has a named pipe beside it, and stops when another process writes to it: that needs neither
the supervisor, which may hang, nor a process id, which may be reused.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, best_effort, paths
from hushd_protocol.system.paths import Paths

MAX_DIGESTS = 32  # digests of a session
MAX_SESSIONS = 64  # files; the oldest are removed
_MAX_FILE_BYTES = 1 << 16  # bytes of a file
_MEMORY = ".session"


@dataclass
class _Memory:
    """A session's file: digests of the spoken answers, the number of prompts, and the last call for silence."""

    spoken: list[str] = field(default_factory=list)
    prompts: int = 0
    silent: float = -1.0


class Session:
    """A session by its agent's name for it; `now` reads the clock that all processes of the machine share."""

    def __init__(self, where: Paths, session: str, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = where.runtime / "agents"
        self._where = where
        self._stem = _digest(session)
        self._now = now
        self._began = now()

    def remember(self, text: str, turn: str) -> bool:
        """Returns whether an answer is new, and remembers it.
        `turn`: the agent's name for the prompt; without one, prompts are counted as they are told."""
        with self._memory() as memory:
            digest = _digest(turn or str(memory.prompts), text)
            new = digest not in memory.spoken
            memory.spoken = [*memory.spoken, digest][-MAX_DIGESTS:] if new else memory.spoken
        return new

    def hush(self, *, prompt: bool) -> None:
        """Stops the speech of this session, playing or queued.
        `prompt`: whether the person has asked for something new, so that the same answer may come again."""
        with self._memory() as memory:
            memory.silent = self._now()
            memory.prompts += prompt
        hush(self._where, self._stem)

    @contextmanager
    def speaking(self, stop: Callable[[], None]) -> Iterator[bool]:
        """Calls `stop` on another thread when this session must be silent; yields whether it may still speak."""
        pipe = self._folder / f"{self._stem}.{os.getpid()}"
        try:
            _prepare(self._where)
            os.mkfifo(pipe, 0o600)
            descriptor = os.open(pipe, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            best_effort.failed(pipe, error)
            yield True  # a full disk does not prevent speech
            return

        def wait() -> None:
            if os.read(descriptor, 1) == b"s":
                stop()

        threading.Thread(target=wait, name="hushd-hush", daemon=True).start()
        with self._memory() as memory:
            silent = memory.silent
        try:
            yield not self._began <= silent <= self._now()
        finally:
            os.write(descriptor, b"e")
            _remove(pipe)

    def _memory(self) -> AbstractContextManager[_Memory]:
        """Yields the file's content under a lock, and writes it back at the end."""
        try:
            _prepare(self._where)
        except OSError as error:
            best_effort.failed(self._folder, error)
            return nullcontext(_Memory())
        return atomic_file.edited(self._folder / f"{self._stem}{_MEMORY}", _MAX_FILE_BYTES, _Memory(), _parsed)


def hush(where: Paths, stem: str = "*") -> None:
    """Stops the speech of the session whose files have this name; else of all sessions.
    The latest first: the one that plays was there first, and its end lets the next one speak."""
    for pipe in sorted((where.runtime / "agents").glob(f"{stem}.[0-9]*"), key=_made, reverse=True):
        try:
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            _remove(pipe)  # left by a killed process, without a reader
            continue
        try:
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                os.write(descriptor, b"s")
        except OSError:
            pass  # its reader is just ending
        finally:
            os.close(descriptor)


def _made(pipe: Path) -> float:
    """Returns when a pipe was made; 0 if its process has just removed it."""
    try:
        return pipe.stat().st_mtime
    except OSError:
        return 0.0


def _remove(file: Path) -> None:
    with best_effort.writing(file):
        file.unlink(missing_ok=True)


def _prepare(where: Paths) -> None:
    """Makes the folder if it is missing. Raises OSError if it cannot be made."""
    folder = where.runtime / "agents"
    if folder.is_dir():
        return
    try:
        paths.prepare_runtime(where)
    except HushdError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from error
        raise PermissionError(errno.EACCES, error.message) from error
    folder.mkdir(mode=0o700, exist_ok=True)


def prune(where: Paths) -> None:
    """Removes the files of the least recent sessions, beyond `MAX_SESSIONS`."""
    memories = [(entry.stat().st_mtime, entry) for entry in (where.runtime / "agents").glob(f"*{_MEMORY}")]
    for _, memory in sorted(memories)[:-MAX_SESSIONS]:
        _remove(memory)


def _parsed(fields: Any) -> _Memory:
    return _Memory([str(digest) for digest in fields["spoken"]], int(fields["prompts"]), float(fields["silent"]))


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
