"""Runs procedures for tasks: see `hushd.transport.steps`."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from hushd.transport.steps import Await, Connect, Receive, RunInThread, Step, Steps, WaitUntil

from .threads import long_step

T = TypeVar("T")


async def run(steps: Steps[T]) -> T:
    """Runs a procedure; no thread waits for messages, and the loop is never blocked.

    A task that is cancelled raises `CancelledError` in the procedure, at the step for which it waited.
    """
    try:
        step = next(steps)
        while True:
            try:
                outcome = await _outcome(step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as end:
        result: T = end.value
        return result


async def _connected(step: Connect) -> Any:
    """Connects. A thread that waits for its turn after its task was cancelled makes no connection any more: the client
    may be closed by then."""
    cancelled = False
    try:
        return await asyncio.to_thread(step.way.connect, lambda: not cancelled and step.needed())
    except asyncio.CancelledError:
        cancelled = True
        raise


async def _outcome(step: Step) -> Any:
    match step:
        case Receive():
            return await step.call.next_message()
        case Connect():
            return step.way.current() or await _connected(step)
        case Await():
            return await step.awaitable
        case WaitUntil():
            return await step.changing.when(step.condition)
        case RunInThread():
            return await long_step(step.function, stop=step.stop)
        case _:
            return await asyncio.to_thread(step)
