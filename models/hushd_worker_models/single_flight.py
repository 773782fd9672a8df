"""Shares long work between jobs: a second request for the same work joins the first one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from hushd_models import verification
from hushd_protocol.errors import HushdError
from hushd_schema.operations.models import ModelResult
from hushd_worker.job import Job

LOOK_S = 0.2  # between two checks of a task's progress
ALIVE_S = 5.0  # the supervisor ends a job that reports nothing for its `stall_timeout`


class Stopped(Exception):
    """No job waits for the task any more; the work must not catch this."""


class SharedTask:
    """Work in a separate thread, which reports its progress by `add` and `note`, and pauses by `wait`.

    Args:
        after: a stopped task that may still be cleaning up; the work begins when it has ended.

    Attributes:
        done, total: its progress in bytes; `total` is 0 while that is unknown.
        step: the current step, for people.
    """

    def __init__(self, work: Callable[[SharedTask], ModelResult], after: SharedTask | None = None) -> None:
        self.done = 0
        self.total = 0
        self.step = ""
        self._work = work
        self._after = after
        self._lock = threading.Lock()
        self._watchers = 0
        self._stopped = threading.Event()
        self._over = threading.Event()
        self._result: ModelResult | None = None
        self._error: BaseException | None = None

    # --- for the work ------------------------------------------------------------------------------------------------

    def wait(self, seconds: float = 0.0) -> None:
        """Sleeps, and checks whether a job still waits; with 0 s it only checks.

        Raises:
            Stopped: no job waits any more.
        """
        if self._stopped.wait(seconds) if seconds else self._stopped.is_set():
            raise Stopped

    def add(self, count: int) -> None:
        """Adds `count`, which may be negative, to the bytes done; from any thread."""
        with self._lock:
            self.done += count

    def hash(self, path: Path, *, counted: bool = True) -> str:
        """Returns the SHA-256 of a file, in hexadecimal; if `counted`, adds its bytes to those done.

        Raises:
            HushdError: `input_unreadable`.
            Stopped: no job waits for the task any more.
        """
        reported = 0

        def report(done: int) -> None:
            nonlocal reported
            self.wait()
            if counted:
                self.add(done - reported)
            reported = done

        try:
            return verification.sha256(path, report)
        except OSError as error:
            raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror}).") from error

    def note(self, step: str) -> None:
        """Sets the current step."""
        self.step = step

    # --- for the jobs ------------------------------------------------------------------------------------------------

    def join(self) -> bool:
        """Adds a waiting job; returns False if the task was stopped already."""
        with self._lock:
            if self._stopped.is_set() or self._over.is_set():
                return False
            self._watchers += 1
            if self._watchers == 1:
                threading.Thread(target=self._run, name="task", daemon=True).start()
            return True

    @property
    def over(self) -> bool:
        """True once the work has ended."""
        return self._over.is_set()

    def follow(self, job: Job) -> ModelResult:
        """Reports the progress to `job` until the task is done. If all jobs leave before, the last one ends the task.

        Raises:
            HushdError: the task has failed.
            Cancelled: `job` was cancelled.
        """
        reported: tuple[int, int] = (-1, 0)
        step, silent_s = "", 0.0
        try:
            while not self._over.wait(LOOK_S):
                job.check()
                silent_s += LOOK_S
                if self.step != step:
                    step = self.step
                    job.send_partial({"kind": "step", "text": step})
                if (self.done, self.total) != reported or silent_s >= ALIVE_S:
                    reported, silent_s = (self.done, self.total), 0.0
                    job.progress(self.done, self.total)
        finally:
            with self._lock:
                self._watchers -= 1
                if not self._watchers:
                    self._stopped.set()
        if self._error is not None:
            raise self._error
        job.progress(self.done, self.total)
        assert self._result is not None
        return self._result

    def _run(self) -> None:
        try:
            if self._after:
                self._after._over.wait()  # even if this task is stopped meanwhile: its own successor waits for both
                self._after = None
                self.wait()
            self._result = self._work(self)
        except Stopped:
            self._error = HushdError("cancelled", "The request was cancelled.")
        except BaseException as error:
            self._error = error
        self._over.set()


class SingleFlight:
    """The running tasks, by their keys."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, SharedTask] = {}

    def follow(self, key: str, job: Job, work: Callable[[SharedTask], ModelResult]) -> ModelResult:
        """Returns the result of `work`, or of the running task with the same key.

        A stopped task is not joined; the new one begins when it has ended.

        Raises as `SharedTask.follow`.
        """
        with self._lock:
            task = self._running.get(key)
            if task is None or not task.join():
                task = self._running[key] = SharedTask(work, after=task)
                task.join()
        try:
            return task.follow(job)
        finally:
            with self._lock:
                if task.over and self._running.get(key) is task:
                    del self._running[key]
