"""Steps that block, for tasks: short ones on asyncio's pool, long ones on a thread of their own.

Cancelled, both wait until the thread is done: it must not write on to a file that was closed meanwhile. They are
cancelled twice where Ctrl-C ends a loop: by whoever waits for them, and by `asyncio.run`, which cancels all tasks.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


async def step(function: Callable[..., T], *arguments: Any) -> T:
    """Runs a function that takes a moment, such as writing to a file."""
    work = partial(copy_context().run, function, *arguments)  # as `to_thread`, and no task that somebody may cancel
    return await _finished(asyncio.get_running_loop().run_in_executor(None, work))


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


@asynccontextmanager
async def entered(make: Callable[[], AbstractContextManager[T]]) -> AsyncIterator[T]:
    """Makes and enters a context manager that blocks, and leaves it as the block is left.

    Cancelled while it is entered, it is left too.
    """
    stack = ExitStack()
    try:
        yield await step(lambda: stack.enter_context(make()))
    except BaseException as error:
        await step(stack.__exit__, type(error), error, error.__traceback__)
        raise
    await step(stack.close)


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
