"""The recordings of a folder: those that wait, and the record of those that were heard or have failed."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Collection
from hashlib import sha256

from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import atomic_file, best_effort, paths

from .folder import Signature

QUIET_S = 2.0  # A recording is whole once its writer has closed it and nothing has happened to it for this long.
BATCH_SIZE = 20  # recordings that one process hears
# Seconds after the first failure that concerns all recordings, and after many.
FIRST_RETRY_S, LAST_RETRY_S = 30.0, 600.0


class Queue:
    """The recordings that wait, by their paths. Pure: times are a monotonic clock's seconds."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._delay_s, self._paused_until, self._most = FIRST_RETRY_S, 0.0, BATCH_SIZE

    def changed(self, path: str, now: float) -> None:
        """Has a recording wait until it is quiet."""
        self._due.pop(path, None)
        self._due[path] = now + QUIET_S

    def next_batch(self, now: float) -> list[str]:
        """Returns recordings of one folder to hear now, which wait no longer: `BATCH_SIZE`, or one after a failure."""
        ready = [path for path, due in self._due.items() if due <= now and now >= self._paused_until]
        batch = [path for path in ready if os.path.dirname(path) == os.path.dirname(ready[0])][: self._most]
        for path in batch:
            del self._due[path]
        return batch

    def wake_at(self) -> float:
        """Returns when the next recording may be heard; infinity while none waits."""
        return max(min(self._due.values(), default=math.inf), self._paused_until)

    def again(self, paths: Collection[str], now: float) -> float:
        """Has recordings of a batch wait behind the others, and all of them for a while; returns how long, in seconds.
        After a batch without any the next failure is again a first one."""
        self._due |= dict.fromkeys(paths, now)
        wait_s = self._delay_s if paths else 0.0
        self._delay_s = min(2 * wait_s, LAST_RETRY_S) or FIRST_RETRY_S
        self._paused_until, self._most = now + wait_s, 1 if paths else BATCH_SIZE
        return wait_s


class Ledger:
    """The record of a folder and the place of its transcripts: a file in the state folder, a line of JSON a recording.
    Raises `bad_request` while another process has it, `output_failed` if it cannot be made. A line that cannot be
    written is given up: the recording may be heard again after the next start."""

    def __init__(self, root: str, to: str) -> None:
        key = json.dumps([os.path.realpath(root), os.path.realpath(to)])
        self._path = paths.find().state / "watched" / f"{sha256(key.encode()).hexdigest()[:32]}.jsonl"
        self._root = root
        self._known: dict[str, Signature] = {}
        with os_errors_as("output_failed", f"{self._path} cannot be written", "set HUSHD_STATE_DIR"):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if not atomic_file.lock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            raise HushdError("bad_request", f"Another `hushd watch` watches {root!r} already: end it first.")
        with open(self._path, "rb") as file:
            for line in file:
                try:
                    name, size, mtime_ns = json.loads(line)
                    self._known[name] = size, mtime_ns
                except (ValueError, TypeError):
                    pass  # empty, another program's, or half a line that a power failure has left

    def close(self) -> None:
        os.close(self._file)

    def signature(self, path: str) -> Signature | None:
        """Returns the signature that a recording of this path had when it was heard or failed; None if it never was."""
        return self._known.get(os.path.relpath(path, self._root))

    def add(self, path: str, signature: Signature) -> None:
        """Keeps that a recording was heard, or has failed for good."""
        name = os.path.relpath(path, self._root)
        self._known[name] = signature
        with best_effort.writing(self._path):
            os.write(self._file, f"\n{json.dumps([name, *signature])}".encode())
