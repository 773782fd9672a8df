"""Runs procedures for tasks: see `hushd.transport.steps`.

Steps that block run on threads: short ones on asyncio's pool, long ones on a thread of their own. Cancelled, both wait
until the thread is done: it must not write on to a file that was closed meanwhile. They are cancelled twice where
Ctrl-C ends a loop: by whoever waits for them, and by `asyncio.run`, which cancels all tasks.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

from hushd.transport.steps import Await, Awaited, Brief, Connect, Receive, RunInThread, Step, Steps

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


class OnLoop(Awaited):
    """A face whose verbs asyncio runs."""

    _run = staticmethod(run)


async def _connected(step: Connect) -> Any:
    """Connects. A thread that waits for its turn after its task was cancelled makes no connection any more: the client
    may be closed by then."""
    cancelled = False
    try:
        return await asyncio.to_thread(step.way.connect, lambda: not cancelled)
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
        case RunInThread():
            return await long_step(step.function, stop=step.stop)
        case Brief():  # as `to_thread`, and no task that somebody may cancel
            return await _finished(asyncio.get_running_loop().run_in_executor(None, copy_context().run, step.function))
        case _:
            return await asyncio.to_thread(step)


async def long_step(function: Callable[..., T], *arguments: Any, stop: Callable[[], object]) -> T:
    """Runs a function that waits for people or devices, for as long as that takes.

    On a thread of its own: on asyncio's few, a handful of these would keep every other step waiting.

    Args:
        stop: called when it is cancelled, so that `function` returns soon.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            value = function(*arguments)
        except BaseException as error:
            answer(future.set_exception, error)
        else:
            answer(future.set_result, value)

    def answer(method: Callable[[Any], None], value: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(method, value)

    threading.Thread(target=run, name="hushd-step", daemon=True).start()
    return await _finished(future, stop)


async def _finished(future: asyncio.Future[T], stop: Callable[[], object] = lambda: None) -> T:
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop()
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # nobody wants to know it any more
        raise
