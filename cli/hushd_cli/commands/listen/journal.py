"""The segments of a long transcription, kept so that an interrupted one can be resumed.

A journal is a file of JSON lines in hushd's state folder: a head that says which recording and which request it
belongs to, then one segment a line, written as soon as it is known. It is kept for recordings of five minutes and
more, where losing the work hurts, and removed once the transcript is written. The same request without resuming
overwrites it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hushd.transcripts.segment import Segment, data_of, drop_repeated
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, best_effort
from hushd_schema.results import SegmentData

JOURNAL_MIN_S = 300.0  # seconds of audio from which a journal is kept
SYNC_S = 5.0  # seconds of work that a power failure may lose
_OURS = fcntl.LOCK_EX | fcntl.LOCK_NB
FORGOTTEN_S = 30 * 86_400.0  # seconds after which a journal is deleted


class Journal:
    """The journal of one recording and request; written to disk only once the recording has proved long.

    A journal that cannot be written is given up silently: it is a safety net, and the transcript itself goes on.

    Args:
        folder: of all journals; made when needed.
        recording: the path of the recording; `info`: its stat when the work began.
        request: everything else that determines the text: the worker and its parameters.

    Attributes:
        rest_s: the second from which to continue, after `resume`.
        language: of the recording, after `resume`; empty while unknown.
    """

    def __init__(self, folder: Path, recording: str, info: os.stat_result, request: Mapping[str, Any]) -> None:
        self._folder = folder
        self._recording = recording
        head = {"recording": os.path.abspath(recording), "request": request}
        self._key = json.dumps(head, sort_keys=True)
        self._head = json.dumps({**head, "size": info.st_size, "mtime_ns": info.st_mtime_ns}, sort_keys=True)
        self._descriptor: int | None = None
        self._waiting = [self._head]  # lines, until the recording has proved long
        self._given_up = False
        self._synced = 0.0
        self.rest_s = 0.0
        self.language = ""

    @property
    def kept(self) -> bool:
        """True if there is a file on disk to resume from."""
        return self._descriptor is not None

    def resume(self) -> list[Segment]:
        """Returns the segments of an interrupted run, except those that the new run repeats; none if there was no run.
        From now on `add` appends to them. Raises `bad_request` while another process transcribes the same recording."""
        try:
            descriptor = os.open(self._path(), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return []
        if not atomic_file.lock(descriptor, _OURS):
            os.close(descriptor)
            raise HushdError("bad_request", f"Another `listen` transcribes {self._recording!r}: wait for it.")
        with open(descriptor, "rb", closefd=False) as file:
            lines = file.read().splitlines(keepends=True)
        if not lines or lines[0] != f"{self._head}\n".encode():  # the recording has changed since
            os.close(descriptor)
            return []
        segments = list[Segment]()
        for line in lines[1:]:
            try:
                if not line.endswith(b"\n"):
                    break  # incomplete: the writer was interrupted here
                data = SegmentData.from_data(json.loads(line))
                segment = Segment.of(data)
            except (ValueError, HushdError, RecursionError):
                break
            self.rest_s = segment.end if data.rest is None else float(data.rest)
            self.language = data.language or self.language
            segments.append(segment)
        drop_repeated(segments, self.rest_s)
        size = sum(map(len, lines[: 1 + len(segments)]))
        self._descriptor = descriptor
        try:
            os.ftruncate(descriptor, size)
            os.lseek(descriptor, size, os.SEEK_SET)
        except OSError as error:
            self._give_up(error)
        self._waiting.clear()
        return segments

    def add(self, segment: Segment, total: float = 0.0, rest_s: float | None = None, language: str = "") -> None:
        """Keeps a segment.

        Args:
            total: seconds of the whole recording, 0 while unknown.
            rest_s: the second from which the rest follows.
        """
        if self._given_up:
            return
        data = data_of(segment, rest_s, language)
        self._waiting.append(json.dumps(data.data()))
        try:
            if self._descriptor is None:
                if max(segment.end, total) < JOURNAL_MIN_S:
                    return
                self._begin()
            self._write()
        except OSError as error:
            self._give_up(error)

    def remove(self) -> None:
        """Removes the file, since the transcript is written."""
        if self._descriptor is not None:
            with best_effort.writing(self._path()):
                self._path().unlink()
            self.close()

    def close(self) -> None:
        """Closes the file, which stays for `resume`."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with contextlib.suppress(OSError):  # a failing disk may report it only now
                os.close(descriptor)

    def _give_up(self, error: OSError) -> None:
        best_effort.failed(self._path(), error)
        self.close()
        self._given_up = True

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()
        descriptor = os.open(self._path(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not atomic_file.lock(descriptor, _OURS):
            os.close(descriptor)
            raise BlockingIOError  # its owner transcribes the same recording
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)

    def _write(self) -> None:
        assert self._descriptor is not None
        view = memoryview("".join(f"{line}\n" for line in self._waiting).encode())
        self._waiting.clear()
        while view:
            view = view[os.write(self._descriptor, view) :]
        if time.monotonic() - self._synced >= SYNC_S:
            os.fsync(self._descriptor)
            self._synced = time.monotonic()

    def _sweep(self) -> None:
        for path in self._folder.glob("*.jsonl"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > FORGOTTEN_S:
                    path.unlink()

    def _path(self) -> Path:
        return self._folder / f"{hashlib.sha256(self._key.encode()).hexdigest()[:32]}.jsonl"
