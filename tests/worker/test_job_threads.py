"""The threads on which an engine runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hushd_protocol import JsonObject
from hushd_protocol.messages import Job as JobMessage
from hushd_worker.job import Job
from hushd_worker.job_threads import JobThreads
from hushd_worker.usage import PrivateMemory
from hushd_worker.worker import BaseWorker, Capabilities
from support.peer import BOUND_S
from support.stt_jobs import opened


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

    def release_memory(self) -> None:
        self.notes.put("rest")
        raise MemoryError


class Several(Diary):
    """Notes each job as it begins, too."""

    def run(self, job: Job) -> JsonObject:
        self.notes.put("begin")
        return super().run(job)


class Order:
    """A job of which nothing is asked but that it comes to an end."""

    id = b"1" * 16
    degraded = False

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_memory_is_given_back_when_it_is_asked_for_and_between_jobs() -> None:
    """No job waits for a rest that nobody asked for; its end is told, and its failure ends nothing."""
    notes: queue.SimpleQueue[str] = queue.SimpleQueue()
    worker = Diary(notes)
    threads = JobThreads(
        worker, lambda message: notes.put(type(message).__name__), PrivateMemory(), lambda: notes.put("rested")
    )
    threads.start()
    for _ in range(2):
        threads.assign(cast(Job, Order()), 1)
    threads.release_memory()
    threads.assign(cast(Job, Order()), 1)
    worker.may.set()
    told = [notes.get(timeout=BOUND_S) for _ in range(9)]
    assert told == ["Ready", *["run", "Result"] * 2, "rest", "rested", "run", "Result"]


def test_a_jobs_file_is_closed_before_its_answer(folder: Path) -> None:
    """A removed recording takes no room on the disk while the engine still knows its job."""
    (path := folder / "a.wav").write_bytes(b"sound")
    worker, closed = Diary(queue.SimpleQueue()), queue.SimpleQueue[bool]()
    worker.may.set()
    job = Job(JobMessage(id=bytes(16), op="echo", input="path"), lambda _: None, lambda: opened(path))
    threads = JobThreads(worker, lambda _: closed.put(job._file is None), PrivateMemory())
    threads.start()
    closed.get(timeout=BOUND_S)  # when the model is ready
    threads.assign(job, 1)
    assert closed.get(timeout=BOUND_S)


@pytest.mark.parametrize(("aside", "most"), [(0, 1), (2, 4)])
def test_jobs_that_were_set_aside_have_threads_of_their_own(aside: int, most: int) -> None:
    """One slot is one thread; for two jobs aside, and the one that is about to be, there are three further ones."""
    notes: queue.SimpleQueue[str] = queue.SimpleQueue()
    worker = Several(notes)
    worker.aside = aside
    threads = JobThreads(worker, lambda message: notes.put(type(message).__name__), PrivateMemory(), lambda: None)
    threads.start()
    assert notes.get(timeout=BOUND_S) == "Ready"
    for running in range(1, 6):
        threads.assign(cast(Job, Order()), running)
    assert [notes.get(timeout=BOUND_S) for _ in range(most)] == ["begin"] * most
    assert threads._count == most
    worker.may.set()
    ends = [notes.get(timeout=BOUND_S) for _ in range(2 * 5 + 5 - most)]
    assert (ends.count("Result"), ends.count("begin")) == (5, 5 - most)
