"""The two drivers of procedures: every step of a kind has the same outcome for a thread and for a task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hushd.aio import client as aio
from hushd.transport import steps
from hushd.transport.steps import Connect, Receive, RunInThread, Steps


class Peer:
    """A way, a call and a state, all of which a thread waits for and a task awaits."""

    def __init__(self, connected: bool = True) -> None:
        self.connected = connected
        self.waited: list[str] = []

    def current(self) -> Any:
        return "connection" if self.connected else None

    def connect(self, needed: Callable[[], bool] = lambda: True) -> Any:
        self.waited.append(threading.current_thread().name)
        return "connection"

    def get(self) -> str:
        return "message"

    async def next_message(self) -> str:
        return "message"


def run_both(make: Callable[[], Steps[Any]]) -> list[Any]:
    """The outcomes of one procedure for a thread and for a task: its result, or its error."""
    outcomes: list[Any] = []
    for run in (steps.run, lambda procedure: asyncio.run(aio.run(procedure))):
        try:
            outcomes.append(run(make()))
        except Exception as error:
            outcomes.append(repr(error))
    return outcomes


@pytest.mark.parametrize("connected", [True, False])
def test_both_drivers_bring_the_same(connected: bool) -> None:
    """Outcomes in their order, and the result."""

    def procedure() -> Steps[list[Any]]:
        peer = Peer(connected)
        outcomes: list[Any] = []
        for step in (Connect(peer), Receive(peer), RunInThread(lambda: 1, lambda: None)):
            outcomes.append((yield step))
        outcomes.append((yield lambda: 2))
        return outcomes

    first, second = run_both(procedure)
    assert first == second == ["connection", "message", 1, 2]


def test_both_drivers_raise_where_the_step_was_yielded() -> None:
    """A procedure may go on after an error, and its own errors reach the caller."""

    def fail() -> None:
        raise KeyError("step")

    def procedure() -> Steps[None]:
        try:
            yield fail
        except KeyError:
            yield lambda: None
        raise ValueError("procedure")

    assert run_both(procedure) == ["ValueError('procedure')"] * 2


async def test_a_task_that_is_cancelled_twice_waits_for_its_thread() -> None:
    """The step in its thread is asked to stop, and the task ends after it, however often it is cancelled."""
    over, asked = threading.Event(), threading.Event()
    task = asyncio.create_task(aio.long_step(over.wait, stop=asked.set))
    for _ in range(2):
        for _ in range(5):  # turns of the loop, until the task waits
            await asyncio.sleep(0)
        task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert asked.is_set()
    assert not task.done()
    over.set()
    with pytest.raises(asyncio.CancelledError):
        await task
