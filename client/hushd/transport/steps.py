"""Procedures without I/O: several steps, written once, and run by a thread here or by a task in `aio`.

A procedure is a generator. It yields each step, is sent its outcome, and returns what it was called for:

    connection = yield Connect(link)
    message = yield Receive(connection.start(request))

A step is called without arguments, and blocks; `run` does no more than that. `hushd.aio.client.run` awaits the steps
that are classes here, and calls any other on a thread. The error of a step is raised where the procedure yielded it,
and so is whatever ends the waiting: Ctrl-C, or the cancellation of the task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, overload

from hushd_protocol.messages import Message

from .connection import Connection
from .link import Link

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Connect(NamedTuple):
    """Brings the connection, a new one if need be."""

    link: Link

    def __call__(self) -> Connection:
        return self.link.connect()


class Receive(NamedTuple):
    """Brings the next message of a call: by `get`, or a task by `next_message`."""

    call: Any

    def __call__(self) -> Message:
        message: Message = self.call.get()
        return message


class RunInThread(NamedTuple):
    """Runs a function that waits for people or devices, for as long as that takes; `stop` makes it return soon."""

    function: Callable[[], Any]
    stop: Callable[[], object]

    def __call__(self) -> Any:
        return self.function()


class Brief(NamedTuple):
    """Runs a function that takes a moment, such as writing to a file. A task that is cancelled waits for its end."""

    function: Callable[[], Any]

    def __call__(self) -> Any:
        return self.function()


class Await(NamedTuple):
    """Awaits something, in a procedure of tasks alone."""

    awaitable: Awaitable[Any]

    def __call__(self) -> Any:
        raise TypeError("only a task can wait for it")


Step = Connect | Receive | RunInThread | Brief | Await | Callable[[], Any]
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
        steps.close()  # the steps may have been interrupted between two


class verb(Generic[P, T_co]):
    """A method of both faces, written once: the procedure that it decorates.

    In a class that is `Blocking` it becomes a method that returns the procedure's result; in one that is `Awaited`, a
    coroutine function. In any other, as within another procedure, it is the procedure itself. To type checkers and
    editors `__get__` says the same, with the parameters of the procedure.
    """

    def __init__(self, procedure: Callable[Concatenate[Any, P], Steps[T_co]]) -> None:
        self.procedure = procedure
        result = procedure.__annotations__.get("return")
        if isinstance(result, str):  # `help` shows what a user gets
            procedure.__annotations__["return"] = result.removeprefix("Steps[").removesuffix("]")

    @overload
    def __get__(self, user: Blocking, owner: Any = None) -> Callable[P, T_co]: ...

    @overload
    def __get__(self, user: Awaited, owner: Any = None) -> Callable[P, Coroutine[Any, Any, T_co]]: ...

    @overload
    def __get__(self, user: None, owner: Any = None) -> Callable[Concatenate[Any, P], Steps[T_co]]: ...

    def __get__(self, user: Any, owner: Any = None) -> Any:
        return self.procedure if user is None else self.procedure.__get__(user, owner)


class Blocking:
    """A face for threads: its verbs return when they are done."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, procedure in _verbs(cls):
            setattr(cls, name, _blocking(procedure))


class Awaited:
    """A face for tasks: its verbs are awaited."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, procedure in _verbs(cls):
            setattr(cls, name, _awaited(procedure))

    @staticmethod
    async def _run(steps: Steps[T]) -> T:
        """Runs a procedure: `hushd.aio.client.run`."""
        raise NotImplementedError


def _verbs(face: type) -> list[tuple[str, Callable[..., Steps[Any]]]]:
    """The verbs that a class has not made methods of yet."""
    attributes: dict[str, Any] = {}
    for each in reversed(face.__mro__):
        attributes.update(vars(each))
    return [(name, value.procedure) for name, value in attributes.items() if isinstance(value, verb)]


def _blocking(procedure: Callable[..., Steps[T]]) -> Callable[..., T]:
    @wraps(procedure)
    def method(self: Any, *arguments: Any, **options: Any) -> T:
        return run(procedure(self, *arguments, **options))

    return method


def _awaited(procedure: Callable[..., Steps[T]]) -> Callable[..., Coroutine[Any, Any, T]]:
    @wraps(procedure)
    async def method(self: Any, *arguments: Any, **options: Any) -> T:
        result: T = await self._run(procedure(self, *arguments, **options))
        return result

    return method
