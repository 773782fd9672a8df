"""Ends what dead workers leave: processes that `setsid` took out of their worker's group, and that outlive it.

Linux makes us the parent of our descendants' orphans. The environment of all that a worker starts says for which
process, so whoever does not clear it, as `env -i` does, ends with that one. Of the workers of a killed supervisor the
next one of its runtime folder ends what they left. Elsewhere than on Linux a worker's group alone ends with it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from pathlib import Path

from hushd_protocol.system.footprint import children
from hushd_protocol.system.lifeline import TREE, adopt_orphans

from hushd_supervisor.core.events import Event, Exited, Spawned

from .children import Children
from .source import Source, WriteLog

_PASSES = 3  # passes over all processes, since one may start another meanwhile


def owner(runtime: Path) -> str:
    """Returns the beginning of the mark of all workers of a runtime folder, which no other folder's has, also where
    another container's is seen."""
    info = os.stat(runtime)
    return f"{info.st_dev:x}-{info.st_ino:x}-"


class Orphans(Source):
    """The processes that we have adopted.

    Args:
        owner: see `owner`.
        ours: our own children, who are reaped where they were started.
        living: returns the marks of the workers that live.
        was_killed: whether our predecessor could not leave in order.
    """

    def __init__(
        self, owner: str, ours: Children, living: Callable[[], Container[str]], record: WriteLog, was_killed: bool
    ) -> None:
        self._owner = owner
        self._ours = ours
        self._living = living
        self._record = record
        self._was_killed = was_killed
        self._begun = self._due = False

    def hear(self, _: float) -> Iterator[Event]:
        """Notes that a child has ended: one of ours, or an orphan that is to be reaped."""
        self._due = sys.platform == "linux"
        return iter(())

    def on_time(self, now: float) -> Iterator[Event]:
        # Our first worker is still to come, while whoever started us connects.
        if self._was_killed and sys.platform == "linux":
            self._end_predecessors()  # OSError: the system refuses a look, and the next turn tries again
            self._was_killed = False
        return iter(())

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        if self._due:
            self._due = False
            self._sweep(self._living())
        return iter(())

    def observe(self, event: Event, now: float) -> None:
        self._due |= isinstance(event, Exited) and sys.platform == "linux"
        if isinstance(event, Spawned) and not self._begun:
            self._begun = sys.platform == "linux"
            adopt_orphans()  # its first child is still to come

    def close(self) -> None:
        if self._begun:
            self._sweep(())

    def _sweep(self, living: Container[str]) -> None:
        """Kills adopted processes of dead workers, and reaps those that have ended; the end of each brings us back."""
        for pid in map(int, children("self")):
            if pid in self._ours.unreaped:
                continue
            mark = _mark(pid)
            if mark.startswith(self._owner) and mark not in living:
                os.kill(pid, signal.SIGKILL)  # our child, so that nobody else has its number
                self._record("info", f"ended process {pid}, which a worker had left")
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def _end_predecessors(self) -> None:
        for _ in range(_PASSES):
            if not [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._ended(pid)]:
                return

    def _ended(self, pid: int) -> bool:
        """Kills a process if it carries a mark of this folder's; returns whether it does."""
        try:
            pinned = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            if not _mark(pid).startswith(self._owner):
                return False
            signal.pidfd_send_signal(pinned, signal.SIGKILL)
            self._record("info", f"ended process {pid}, which a killed supervisor's worker had left")
            return True
        except OSError:
            return False
        finally:
            os.close(pinned)


def _mark(pid: int) -> str:
    """Returns the mark in the environment with which a process was started; empty if it has ended, or is another
    user's."""
    name = f"{TREE}=".encode()
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return ""
    return next((each[len(name) :].decode(errors="replace") for each in variables if each.startswith(name)), "")
