"""`asyncio`, `selectors` and `concurrent.futures` of simulated processes: the library's own, on the world's calls.

The parts of asyncio in C know one running loop for each real thread, of which we have one: those in Python are loaded
instead, which keep it in a `threading.local`, ours. So a loop waits in the world's epoll, looks at the world's clock,
and is woken by a socket of the world. What the library goes through in the order of addresses is given an order here.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from .importer import LIBRARY
from .machine import Machine
from .threads import Lock

# The variables of modules that belong to a process.
PRIVATE: list[tuple[str, str, Callable[[], Any]]] = [
    ("concurrent.futures.thread", "_global_shutdown_lock", Lock),
]


class Generators:
    """The asynchronous generators of a loop, weakly held; a set of them, in the order in which they began."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[Any]] = {}

    def add(self, generator: Any) -> None:
        key = id(generator)
        self._references[key] = weakref.ref(generator, lambda _: self._references.pop(key, None))

    def discard(self, generator: Any) -> None:
        self._references.pop(id(generator), None)

    def clear(self) -> None:
        self._references.clear()

    def __len__(self) -> int:
        return len(self._references)

    def __iter__(self) -> Iterator[Any]:
        return iter([generator for reference in self._references.values() if (generator := reference()) is not None])


class Complaints(logging.Handler):
    """Notes the errors that a loop writes to the log, such as exceptions that nobody has caught: findings all."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(logging.ERROR)
        self._machine = machine

    def emit(self, record: logging.LogRecord) -> None:
        process = self._machine.current
        error = record.exc_info and record.exc_info[1]
        if type(error).__name__ == "InvalidStateError" and "_copy_future_state" in self.format(record):
            return  # Ctrl-C between two lines of the library, whose handler cancels the task at once
        self._machine.note("uncaught", process=repr(process), thread="loop", error=self.format(record)[-600:])


def load(machine: Machine) -> None:
    """Loads the library anew, by the finder that `importer.install` has set up."""
    for name in [name for name in sys.modules if name.partition(".")[0] in LIBRARY]:
        del sys.modules[name]
    sys.modules["_asyncio"] = None  # type: ignore[assignment]  # so that its import fails, and Python's is taken
    asyncio = importlib.import_module("asyncio")
    importlib.import_module("concurrent.futures.thread")
    numbers = itertools.count(1)

    def number(future: Any) -> int:
        """A hash that is the same on every run."""
        if "number" not in future.__dict__:
            future.number = next(numbers)
        return int(future.number)

    asyncio.Future.__hash__ = number
    asyncio.Task.__hash__ = number
    sys.modules["asyncio.base_events"].__dict__["weakref"] = _Weak
    asyncio.get_event_loop_policy()  # made once, for all processes: it has a state for each thread
    logger = logging.getLogger("asyncio")
    logger.addHandler(Complaints(machine))
    logger.propagate = False


class _Weak:
    """`weakref`, as the base of all loops uses it."""

    WeakSet = Generators
    ref = weakref.ref
