"""The recordings of a corpus that are left to transcribe, found by a thread a little ahead of the driver."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import replace

from .outputs import Outputs
from .recording import Recording
from .sources import Source

AHEAD = 2000  # recordings found and not yet taken
_PATIENCE_S = 0.2  # between two looks at whether nobody takes any more


class Feed:
    """The recordings left, in the order of the corpus.

    Args:
        retry: whether recordings set aside before are tried again.

    Attributes:
        source: the corpus.
        given: recordings found to be left so far.
        done_before: recordings with a transcript.
        passed, passed_exit: recordings set aside before, and the highest of their exit codes.
        has_ended: whether all that is left was taken.
    """

    def __init__(self, source: Source, outputs: Outputs, retry: bool) -> None:
        self.source = source
        self._outputs = outputs
        self._retry = retry
        self._ready: queue.Queue[Recording | BaseException | None] = queue.Queue(AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._find, name="hushd-corpus", daemon=True)
        self._known = frozenset(outputs.set_aside)
        self.given = self.done_before = self.passed = 0
        self.passed_exit = 0
        self.has_ended = False
        self._all_found = False

    def begin(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self) -> None:
        """Has the thread end, wherever it is."""
        self._closed.set()

    @property
    def total(self) -> int | None:
        """The number of recordings in this run; None while unknown."""
        if self._all_found:
            return self.given
        if self.source.total is None:
            return None
        return max(self.given, self.source.total - self.done_before - self.passed - self.source.wrong)

    def take(self) -> Recording | None:
        """Returns the next recording; None if none was found yet, or `has_ended`.

        Raises:
            HushdError: if the corpus or the list of its transcripts cannot be read.
        """
        try:
            item = self._ready.get_nowait()
        except queue.Empty:
            return None
        if isinstance(item, BaseException):
            raise item
        self.has_ended = item is None
        return item

    def left(self) -> Iterator[Recording]:
        """Yields the recordings that are left."""
        self._outputs.learn(times=self.source.has_times)
        for recording in self.source.recordings(self._outputs):
            if recording is None or self._outputs.is_done(recording):
                self.done_before += 1
            elif recording.name in self._known and not self._retry:
                self.passed += 1
                self.passed_exit = max(self.passed_exit, self._outputs.set_aside[recording.name].exit)
            else:
                self.given += 1
                begun, stale = self._outputs.is_begun(recording), self._outputs.exists(recording)
                yield replace(recording, is_begun=begun, is_stale=stale) if begun or stale else recording

    def _find(self) -> None:
        try:
            for recording in self.left():
                if not self._put(recording):
                    return
            self._all_found = True
            self._put(None)
        except BaseException as error:
            self._put(error)

    def _put(self, item: Recording | BaseException | None) -> bool:
        """Adds to what can be taken; returns False if nobody takes any more."""
        while not self._closed.is_set():
            try:
                self._ready.put(item, timeout=_PATIENCE_S)
            except queue.Full:
                continue
            return True
        return False
