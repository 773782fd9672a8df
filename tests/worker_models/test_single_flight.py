"""Long work that is asked for again: one at a time, and each from a clean beginning."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hushd_protocol import messages as m
from hushd_schema.operations.models import ModelResult
from hushd_worker.job import Cancelled, Job
from hushd_worker_models.single_flight import SharedTask, SingleFlight, Stopped


def test_the_next_try_begins_when_the_stopped_one_has_ended() -> None:
    """A task that nobody waits for holds its lock while it tidies up: whoever asks then waits, and is not refused."""
    flights, began, tidy, events = SingleFlight(), threading.Event(), threading.Event(), list[str]()

    def slow(task: SharedTask) -> ModelResult:
        began.set()
        try:
            task.wait(600.0)
        except Stopped:
            assert tidy.wait(60.0)
            events.append("tidied up")
            raise
        raise AssertionError("It was not stopped.")

    def quick(task: SharedTask) -> ModelResult:
        events.append("made")
        return ModelResult(model="a/b", size=1, location="/b")

    first, second, third = (Job(m.Job(id=bytes(16), op="import", input="none"), lambda message: None) for _ in "abc")
    with ThreadPoolExecutor(3) as threads:
        left = threads.submit(flights.follow, "a/b", first, slow)
        assert began.wait(60.0)
        first.cancel()
        with pytest.raises(Cancelled):
            left.result()
        impatient = threads.submit(flights.follow, "a/b", second, quick)
        second.cancel()
        with pytest.raises(Cancelled):
            impatient.result()
        again = threads.submit(flights.follow, "a/b", third, quick)
        assert events == []
        tidy.set()
        assert again.result().model == "a/b"
    assert events == ["tidied up", "made"]
