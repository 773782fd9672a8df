"""Procedures without I/O: what asks the supervisor on its way is written once, and run by a client or by a task.

A procedure is a generator. It yields each question, is sent the answer, and returns what it was called for:

    status = yield Ask("status")

`Recognition._prepared` and `AsyncRecognition._prepared` run it, each question by a method of the client.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Ask(NamedTuple):
    """A question, by the name of the client's method that asks it."""

    method: str
    arguments: tuple[str, ...] = ()


Step = Ask | Callable[[], Any]  # or a function that reads files, for which a task takes a thread
Steps = Generator[Step, Any, T]
