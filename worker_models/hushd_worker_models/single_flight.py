"""Work that takes long and that several jobs may wait for: the second who wants the same joins the first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hushd_models import verification
from hushd_protocol.errors import HushdError
from hushd_worker.job import Job

LOOK_S = 0.2  # between two looks at how far it is
ALIVE_S = 5.0  # a job that says nothing for longer than the supervisor's `stall_timeout` is ended


class Stopped(Exception):
    """Nobody waits for the work any more; it lets this pass."""


class SharedTask:
    """Work on a thread of its own. It says how far it is by `add` and `say`, and pauses by `wait`.

    Attributes:
        done, total: how far it is, in bytes; `total` is 0 while that is unknown.
        note: what it is at, for people.
    """

    def __init__(self, work: Callable[[SharedTask], dict[str, Any]]) -> None:
        self.done = 0
        self.total = 0
        self.note = ""
        self._work = work
        self._lock = threading.Lock()
        self._watchers = 0
        self._stopped = threading.Event()
        self._over = threading.Event()
        self._result: dict[str, Any] = {}
        self._error: BaseException | None = None

    # --- what the work calls -----------------------------------------------------------------------------------------

    def wait(self, seconds: float = 0.0) -> None:
        """Sleeps, if only to see whether anybody still waits.

        Raises:
            Stopped: nobody does.
        """
        if self._stopped.wait(seconds) if seconds else self._stopped.is_set():
            raise Stopped

    def add(self, count: int) -> None:
        """`count` bytes more are done, or fewer where it is negative; from any thread."""
        with self._lock:
            self.done += count

    def hash(self, path: Path, *, counted: bool = True) -> str:
        """The SHA-256 of a file, in hexadecimal, whose bytes are done then, unless they are not `counted`.

        Raises:
            HushdError: `input_unreadable`.
            Stopped: nobody waits for it any more.
        """
        told = 0

        def report(done: int) -> None:
            nonlocal told
            self.wait()
            if counted:
                self.add(done - told)
            told = done

        try:
            return verification.sha256(path, report)
        except OSError as error:
            raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror}).") from error

    def say(self, note: str) -> None:
        """The step that is under way."""
        self.note = note

    # --- who waits for it --------------------------------------------------------------------------------------------

    def join(self) -> bool:
        """Counts one more who waits; False when it is too late for that."""
        with self._lock:
            if self._stopped.is_set() or self._over.is_set():
                return False
            self._watchers += 1
            if self._watchers == 1:
                threading.Thread(target=self._run, name="undertaking", daemon=True).start()
            return True

    @property
    def ended(self) -> bool:
        """Whether nothing more can come of it."""
        return self._stopped.is_set() or self._over.is_set()

    def follow(self, job: Job) -> dict[str, Any]:
        """Tells `job` how far it is until it is done; the last one to leave before ends it.

        Raises:
            HushdError: it has failed.
            Cancelled: `job` was cancelled.
        """
        told: tuple[int, int] = (-1, 0)
        note, silent_s = "", 0.0
        try:
            while not self._over.wait(LOOK_S):
                job.check()
                silent_s += LOOK_S
                if self.note != note:
                    note = self.note
                    job.send_partial({"kind": "step", "text": note})
                if (self.done, self.total) != told or silent_s >= ALIVE_S:
                    told, silent_s = (self.done, self.total), 0.0
                    job.progress(self.done, self.total)
        finally:
            with self._lock:
                self._watchers -= 1
                if not self._watchers:
                    self._stopped.set()
        if self._error is not None:
            raise self._error
        job.progress(self.done, self.total)
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work(self)
        except Stopped:
            self._error = HushdError("cancelled", "The request was cancelled.")
        except BaseException as error:
            self._error = error
        self._over.set()


class SingleFlight:
    """Tasks under way, by their keys."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, SharedTask] = {}

    def follow(self, about: str, job: Job, work: Callable[[SharedTask], dict[str, Any]]) -> dict[str, Any]:
        """Returns the result of `work`, or of the task with the same key that is under way already.

        Raises as `SharedTask.follow`.
        """
        with self._lock:
            undertaking = self._running.get(about)
            if undertaking is None or not undertaking.join():
                undertaking = self._running[about] = SharedTask(work)
                undertaking.join()
        try:
            return undertaking.follow(job)
        finally:
            with self._lock:
                if undertaking.ended and self._running.get(about) is undertaking:
                    del self._running[about]
