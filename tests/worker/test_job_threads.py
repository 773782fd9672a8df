"""The threads on which an engine runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, cast

from hushd_protocol import JsonObject
from hushd_protocol.messages import Result
from hushd_worker.job import Job
from hushd_worker.job_threads import JobThreads
from hushd_worker.usage import PrivateMemory
from hushd_worker.worker import BaseWorker, Capabilities
from support.peer import BOUND_S


class Order:
    """A job of which nothing is asked but that it comes to an end."""

    id = b"1" * 16
    degraded = False

    def __init__(self) -> None:
        self.may = threading.Event()

    def check(self) -> None:
        pass


class Diary(BaseWorker):
    """Notes what it is asked."""

    def __init__(self, notes: queue.SimpleQueue[str]) -> None:
        self.notes = notes
        self.may = threading.Event()

    def load(self, report: Callable[[str], None]) -> Capabilities:
        return Capabilities(engine="diary", model="m", languages=())

    def run(self, job: Job) -> JsonObject:
        assert self.may.wait(BOUND_S)
        self.notes.put("run")
        return {}

    def rest(self) -> None:
        self.notes.put("rest")
        raise MemoryError


def test_memory_is_given_back_after_the_last_of_several_jobs() -> None:
    """Its result is not kept waiting, and a failure of it ends nothing."""
    notes: queue.SimpleQueue[str] = queue.SimpleQueue()

    def post(message: Any) -> None:
        if isinstance(message, Result):
            notes.put("result")

    worker = Diary(notes)
    threads = JobThreads(worker, post, PrivateMemory())
    threads.start()
    for jobs in (2, 1):
        worker.may.clear()
        for _ in range(jobs):
            threads.take(cast(Job, Order()), 1)
        worker.may.set()
        told = [notes.get(timeout=BOUND_S) for _ in range(2 * jobs + 1)]
        assert told == ["run", "result"] * jobs + ["rest"]


class SideBySide(Diary):
    """Runs two jobs at once, each until it may end."""

    slots = 2

    def run(self, job: Job) -> JsonObject:
        self.notes.put("begins")
        assert cast(Any, job).may.wait(BOUND_S)
        return {}


def test_no_memory_is_given_back_beside_a_job() -> None:
    """The engine is not asked to rest by the first of two that ends, while it works for the other."""
    notes: queue.SimpleQueue[str] = queue.SimpleQueue()
    threads = JobThreads(SideBySide(notes), lambda message: notes.put(type(message).__name__), PrivateMemory())
    threads.start()
    assert notes.get(timeout=BOUND_S) == "Ready"
    jobs = Order(), Order()
    for number, job in enumerate(jobs, 1):
        threads.take(cast(Job, job), number)
    assert [notes.get(timeout=BOUND_S) for _ in jobs] == ["begins"] * 2
    for job in jobs:
        job.may.set()
        assert notes.get(timeout=BOUND_S) == "Result"
    assert notes.get(timeout=BOUND_S) == "rest"
    assert notes.empty()
