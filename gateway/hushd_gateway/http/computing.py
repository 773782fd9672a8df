"""Computes for programs what takes no worker, such as the words of a text: in turns, on one thread.

asyncio's few threads are for steps that wait: one program's long text on each of them would stop the requests of all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hushd_protocol.errors import HushdError

T = TypeVar("T")
LIMIT_S = 10.0  # seconds of the processor for one request
SHARE_S = 0.02  # seconds after which the next request has its turn
_thread = ThreadPoolExecutor(1, "hushd-computing")


async def once(function: Callable[..., T], *arguments: object) -> T:
    """Returns what a short function returns."""
    return await asyncio.get_running_loop().run_in_executor(_thread, function, *arguments)


async def collected(parts: Iterator[T]) -> list[T]:
    """Returns all parts, which the thread makes in turns with other requests; cancelled, it makes no more of them.
    Raises `too_large` beyond `LIMIT_S`, and what `parts` raises."""
    made, loop, left_s = list[T](), asyncio.get_running_loop(), LIMIT_S
    while (took_s := await loop.run_in_executor(_thread, _turn, parts, made)) is not None:
        left_s -= took_s
        if left_s < 0:
            raise HushdError("too_large", f"This takes more than {LIMIT_S:g} seconds of computing: send less at once.")
    return made


def _turn(parts: Iterator[T], made: list[T]) -> float | None:
    """Adds parts for `SHARE_S`; returns the processor's seconds that they took, None at the end of the parts."""
    began = time.thread_time()
    for part in parts:
        made.append(part)
        if (took_s := time.thread_time() - began) > SHARE_S:
            return took_s
    return None
