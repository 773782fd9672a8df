"""A piece of work on models in a thread of its own, whose progress its job reports."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

from hushd_schema.operations.models import ModelResult
from hushd_worker.job import Job

PROGRESS_LOOK_INTERVAL_S = 0.2  # seconds between two checks of the progress
ALIVE_S = 5.0  # the supervisor ends a job that reports nothing for its `stall_timeout`


class Stopped(Exception):
    """The job was cancelled; the work must not catch this."""


class Task:
    """A piece of work, which reports by `add` and `note`, and pauses by `wait`.

    Attributes:
        done, total: its progress in bytes; `total` is 0 while that is unknown.
    """

    def __init__(self) -> None:
        self.done = 0
        self.total = 0
        self.step = ""
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    # --- for the work ---

    def wait(self, seconds: float = 0.0) -> None:
        """Sleeps, and raises Stopped if the job does not wait any more; with 0 s it only checks."""
        if self._stopped.wait(seconds) if seconds else self._stopped.is_set():
            raise Stopped

    def add(self, count: int) -> None:
        """Adds `count`, which may be negative, to the bytes done; from any thread."""
        with self._lock:
            self.done += count

    def note(self, step: str) -> None:
        self.step = step

    # --- for the job ---

    def run(self, work: Callable[[Task], ModelResult], job: Job) -> ModelResult:
        """Does the work, and reports its progress to `job` until it is done.
        Raises HushdError if the work has failed, Cancelled if `job` was cancelled: the work ends soon, and holds its
        locks until then."""
        outcome: Future[ModelResult] = Future()
        threading.Thread(target=self._work, args=(work, outcome), name="task", daemon=True).start()
        reported: tuple[int, int] = (-1, 0)
        step, silent_s = "", 0.0
        try:
            while not wait([outcome], PROGRESS_LOOK_INTERVAL_S).done:
                job.check()
                silent_s += PROGRESS_LOOK_INTERVAL_S
                if self.step != step:
                    step = self.step
                    job.send_partial({"kind": "step", "text": step})
                if (self.done, self.total) != reported or silent_s >= ALIVE_S:
                    reported, silent_s = (self.done, self.total), 0.0
                    job.progress(self.done, self.total)
        finally:
            self._stopped.set()
        result = outcome.result()
        job.progress(self.done, self.total)
        return result

    def _work(self, work: Callable[[Task], ModelResult], outcome: Future[ModelResult]) -> None:
        try:
            outcome.set_result(work(self))
        except BaseException as error:
            outcome.set_exception(error)
