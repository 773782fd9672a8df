"""Procedures without I/O: several steps, written once, and run by a thread here or by a task in `aio`.

A procedure is a generator. It yields each step, is sent its outcome, and returns what it was called for:

    connection = yield Connect(link)
    message = yield Receive(connection.start(request))

A step is called without arguments, and blocks; `run` does no more than that. `hushd.aio.steps.run` awaits the steps
that are classes here, and calls any other on a thread. The error of a step is raised where the procedure yielded it,
and so is whatever ends the waiting: Ctrl-C, or the cancellation of the task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, NamedTuple, Protocol, TypeVar

from hushd_protocol.messages import Message

from .connection import Connection

T = TypeVar("T")


class Way(Protocol):
    """A way to the supervisor: a `Link`."""

    def current(self) -> Connection | None:
        """Returns the connection if it can be used; never waits."""

    def connect(self, needed: Callable[[], bool]) -> Connection:
        """Returns the connection, a new one if need be; raises `cancelled` where that is not `needed` by then."""

    def listens(self) -> bool:
        """Returns whether a supervisor accepts connections, without starting one."""


class Connect(NamedTuple):
    """Brings the connection, a new one only if that is `needed` by then."""

    way: Way
    needed: Callable[[], bool] = lambda: True

    def __call__(self) -> Connection:
        return self.way.connect(self.needed)


class Receive(NamedTuple):
    """Brings the next message of a call: by `get`, or a task by `next_message`."""

    call: Any

    def __call__(self) -> Message:
        message: Message = self.call.get()
        return message


class WaitUntil(NamedTuple):
    """Waits until a condition holds of an object that other threads change: by `wait_for`, or a task by `when`."""

    changing: Any
    condition: Callable[[], object]

    def __call__(self) -> None:
        self.changing.wait_for(self.condition)


class RunInThread(NamedTuple):
    """Runs a function that waits for people or devices, for as long as that takes; `stop` makes it return soon."""

    function: Callable[[], Any]
    stop: Callable[[], object]

    def __call__(self) -> Any:
        return self.function()


class Await(NamedTuple):
    """Awaits something, in a procedure of tasks alone."""

    awaitable: Awaitable[Any]

    def __call__(self) -> Any:
        raise TypeError("only a task can wait for it")


Step = Connect | Receive | WaitUntil | RunInThread | Await | Callable[[], Any]
Steps = Generator[Step, Any, T]


def run(steps: Steps[T]) -> T:
    """Runs a procedure on this thread; returns its result, and raises what it raises."""
    try:
        step = next(steps)
        while True:
            try:
                outcome = step()
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()  # of one that was interrupted between two steps
