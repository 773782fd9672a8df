"""Copies of recordings on a node, which its tasks share: a long one is read from its place once, not for each stretch.

A copy's folder has a lock, which the tasks that use it hold. One that nobody uses is removed before another one is
made, and by the driver's word at the end of its run; where that was killed, it stays until the next run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import faults, metrics, scratch, store

READS = 3  # attempts at reading a recording, before it is another task's


class Copy:
    """A copy on this node of what lies at a URL.

    Attributes:
        path: of the recording.
        is_kept: to be set if it is for other tasks, too; otherwise it is removed after its last use.
    """

    def __init__(self, path: Path, place: str) -> None:
        self._folder = path.parent
        self._place = place
        self._lock = -1
        self.path = path
        self.is_kept = False

    def take(self) -> None:
        """Makes it, or waits until another task has; raises as `store.fetched` does."""
        while True:
            self._lock = scratch.locked(self._folder, fcntl.LOCK_SH)
            if self.path.exists():
                return
            os.close(self._lock)
            self._lock = scratch.locked(self._folder, fcntl.LOCK_EX)
            try:
                if not self.path.exists():
                    _fetch(self._place, self.path)
            except BaseException:
                scratch.remove(self._folder, self._lock)
                raise
            os.close(self._lock)  # who comes before us uses it, or removes it

    def leave(self) -> None:
        """Ends this task's use of it."""
        if self.is_kept:
            os.close(self._lock)
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)  # another task uses it
        else:
            scratch.remove(self._folder, self._lock)


def path(place: str, run: str) -> Path:
    """Returns the path of the copy of what lies at a URL, for one run."""
    folder = scratch.home() / hashlib.sha256(f"{run} {place}".encode()).hexdigest()[:32]
    return folder / "recording"


@contextmanager
def of(place: str, run: str) -> Iterator[Copy]:
    """Yields the copy of what lies at a URL, which the tasks of a run share.

    Raises:
        FileNotFoundError: if there is none.
        HushdError: as `store.fetched` says.
        OSError: if it cannot be kept.
    """
    copy = Copy(path(place, run), place)
    scratch.remove_unused(copy.path.parent)
    copy.take()
    try:
        yield copy
    finally:
        copy.leave()


def _fetch(place: str, path: Path) -> None:
    part = path.with_name("part")
    with metrics.waiting("read"):
        faults.retried(lambda: store.fetched(place, part), time.sleep, READS)
    part.replace(path)
