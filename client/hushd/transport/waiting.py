"""The one place where a command's main thread waits, so that Ctrl-C ends every command at once.

Python overlooks a signal in the microseconds before a wait for a lock, until that ends: after `OVERLOOKED_S` at most.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

OVERLOOKED_S = 1.0
T = TypeVar("T")


def next_item(items: SimpleQueue[T], timeout: float = math.inf) -> T:
    """Returns the next item. Raises queue.Empty after `timeout` seconds of waiting; a stop, as by Ctrl-Z, is none."""
    while True:
        try:
            return items.get(timeout=max(0.0, min(timeout, OVERLOOKED_S)))
        except Empty:
            if (timeout := timeout - OVERLOOKED_S) <= 0:
                raise


def wait_for(changed: threading.Condition, holds: Callable[[], T], timeout: float = math.inf) -> T:
    """Waits until `holds`, under the condition's lock and for at most `timeout` seconds; returns what it says then."""
    for seconds in _turns(timeout):
        if outcome := changed.wait_for(holds, seconds):
            return outcome
    return holds()


def wait_until_set(event: threading.Event, timeout: float = math.inf) -> bool:
    """Returns whether an event was set within `timeout` seconds."""
    return any(event.wait(seconds) for seconds in _turns(timeout))


def take_lock(lock: threading.Lock, timeout: float = math.inf) -> bool:
    """Returns whether a lock was acquired within `timeout` seconds."""
    return any(lock.acquire(timeout=seconds) for seconds in _turns(timeout))


def join(thread: threading.Thread, timeout: float = math.inf) -> None:
    """Returns once a thread has ended, or after `timeout` seconds."""
    for seconds in _turns(timeout):
        thread.join(seconds)
        if not thread.is_alive():
            return


def _turns(timeout: float) -> Iterator[float]:
    """Yields the seconds of each wait, `timeout` in all, one at least."""
    end = time.monotonic() + timeout
    left = timeout
    while True:
        yield max(0.0, min(left, OVERLOOKED_S))
        if (left := end - time.monotonic()) <= 0:
            return
