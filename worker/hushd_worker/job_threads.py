"""The threads of a worker on which its engine runs.

Jobs run on `slots + sessions` threads, and the load on the first of these, since some engines are bound to the thread
that loaded them. Jobs that were set aside while they waited for their clients keep their threads, and further threads
are started for the next jobs.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import NoReturn

from hushd_protocol.cards import is_card
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Error, LoadFailed, Loading, Message, Ready, Result
from hushd_protocol.system import log_files
from hushd_protocol.system.own_modules import Replaced

from . import card
from .errors import EXIT_CRASHED, End, answer, failure, fatal, forbidden, no_memory
from .job import Cancelled, Job
from .usage import PrivateMemory, short_of_memory
from .worker import BaseWorker


class JobThreads:
    """Threads that load `engine` and run its jobs; `post` takes the messages of all threads, `memory` measures this
    process, and `rested` is called on a thread."""

    def __init__(
        self,
        worker: BaseWorker,
        post: Callable[[Message], None],
        memory: PrivateMemory,
        rested: Callable[[], None] = lambda: None,
    ) -> None:
        self._worker = worker
        self._post = post
        self._memory = memory
        self._rested = rested
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()  # None: release memory
        self._lock = threading.Lock()  # guards the numbers of threads
        self._count = self._base = 1  # all present threads, and the permanent ones
        self._aside = 0  # maximum of further threads
        self._on_card = False  # whether the engine computes on a graphics card
        self._placement: dict[str, str] = {}  # device that results report, if there was a choice

    def start(self, before: Callable[[], None] = lambda: None) -> None:
        """Starts the load on the first thread, which runs jobs afterwards; `before` is called first, and its errors are
        the load's."""
        threading.Thread(target=self._load_then_work, args=(before,), name="job-0", daemon=True).start()

    def assign(self, job: Job, running: int) -> None:
        """Gives a job to the next free thread; `running` counts the jobs, including this one."""
        with self._lock:
            self._jobs.put(job)
            if self._count < min(running, self._base + self._aside):
                self._staff()

    def release_memory(self) -> None:
        """Has the next free thread give back memory that only work needs; calls `rested` after it."""
        self._jobs.put(None)

    def close(self) -> None:
        self._worker.close()

    def cards(self) -> dict[str, int]:
        """Returns the memory used on graphics cards; loads no driver if the engine does not compute on any."""
        if not self._on_card:
            return {}

        return card.memory_used()

    # --- the threads ---------------------------------------------------------------------------------------------

    def _staff(self) -> None:
        threading.Thread(target=self._work, name=f"job-{self._count}", daemon=True).start()
        self._count += 1

    def _load_then_work(self, before: Callable[[], None]) -> None:
        try:
            before()
            self._post(self._load())
        except BaseException as error:
            if (failed := _load_failed(error)) is None:
                _end(error, End(EXIT_CRASHED, ""))
            self._post(failed)
            return
        self._work()

    def _load(self) -> Ready:
        capabilities = self._worker.load(lambda note: self._post(Loading(note=note)))
        gc.freeze()  # objects of the load live as long as the process, so collections need not visit them
        gc.enable()
        slots, sessions = max(1, self._worker.slots), self._worker.sessions
        aside = self._worker.aside
        with self._lock:
            self._base, self._aside = slots + sessions, slots + aside if aside else 0
            while self._count < self._base:
                self._staff()
        self._on_card = is_card(capabilities.compute_device)
        if self._on_card or capabilities.why_there:
            placement = {"compute_device": capabilities.compute_device, "why_there": capabilities.why_there}
            self._placement = {name: value for name, value in placement.items() if value}
        private, peak = self._memory.loaded()  # the proportional set, 4 ms to read, comes with the first beat
        return Ready(
            slots=slots, sessions=sessions, aside=aside, capabilities=capabilities.data(), cards=self.cards(),
            private=private, peak=peak,
        )  # fmt: skip

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                with contextlib.suppress(Exception):  # the next job has the same trouble, and says so
                    self._worker.release_memory()
                self._rested()
                continue
            log_files.concern(job.id)
            try:
                self._post(self._answer(job))
            except Exception as error:  # an answer that is too large, or not plain data
                self._post(failure(job.id, error))
            log_files.concern(b"")
            del job  # its input must not live until the next one
            with self._lock:
                if self._count > self._base and self._jobs.empty():
                    self._count -= 1
                    return

    def _answer(self, job: Job) -> Message:
        try:
            job.check()
            data = self._worker.run(job) | self._placement
            return Result(id=job.id, data=data | {"degraded": True} if job.degraded else data)
        except Cancelled:
            return Error.of(job.id, HushdError("cancelled", "The request was cancelled."))
        except BaseException as error:  # a library's sys.exit() would silently end this thread
            if end := fatal(error):
                _end(error, end)
            return answer(job.id, error)
        finally:
            job.close()  # an engine knows its last job until the next one, and a removed file would fill the disk


def _load_failed(error: BaseException) -> LoadFailed | None:
    """Returns the report of a failed load that is not worth repeating; None for a crash."""
    if isinstance(error, Replaced):
        return None
    if refused := forbidden(error):
        traceback.print_exception(error)
        return LoadFailed(code="engine_missing", message=refused)
    if isinstance(error, HushdError) and error.code == "server_busy":
        return LoadFailed(code=error.code, message=error.message, on_card=bool(error.detail.get("on_card")))
    if short_of_memory(error):
        traceback.print_exception(error)
        short = no_memory("this model")
        return LoadFailed(code=short.code, message=short.message)
    return LoadFailed(code=error.code, message=error.message) if isinstance(error, HushdError) else None


def _end(error: BaseException, end: End) -> NoReturn:
    """Ends the process at once; the supervisor reports the log's last line, and repeats the running jobs."""
    traceback.print_exception(error)
    if end.why:
        print(end.why, file=sys.stderr)
    sys.stderr.flush()
    os._exit(end.status)
