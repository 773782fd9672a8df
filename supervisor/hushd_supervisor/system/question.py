"""Puts a question to a short-lived child process, which prints its answer as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from hushd_protocol.errors import reason

from .children import Children, Running
from .source import Source

MAX_ANSWER_BYTES = 1_000_000
_KILLED = (-signal.SIGKILL, -signal.SIGTERM)  # the statuses of a child that somebody else ended, or the kernel
_MOST_TRIES = 3
Command = Callable[[str], Sequence[str]]


@dataclass(slots=True)
class _Question:
    child: Running
    answer: IO[bytes]  # a file and not a pipe, which any process that inherited it would keep open
    tries: int = 1  # children that were asked, this one included


class Answer(NamedTuple):
    """The answer to the question `name`, or the error."""

    name: str
    data: dict[str, Any] = {}  # noqa: RUF012 - of a tuple: nobody changes it
    error: str = ""


class Questions(Source):
    """The base of sources that ask children, at most one at a time for each question's name; a child that others have
    killed is followed by another.

    Args:
        logs: the folder for their stderr.
        command: returns the command line for a question.
        limit: seconds after which a child is killed and reported as failed.
    """

    def __init__(self, children: Children, logs: Path, command: Command, limit: float) -> None:
        self._children = children
        self._logs = logs
        self._command = command
        self._limit = limit
        self._questions: dict[str, _Question] = {}

    def ask(self, name: str, now: float, tries: int = 1) -> Answer | None:
        """Starts a child for the question `name`, unless one runs; returns the error if it cannot be started.
        `tries`: the children that were asked, this one included."""
        if question := self._questions.get(name):
            return Answer(name, error="the previous process cannot be killed.") if question.child.late else None
        try:
            answer = _open_nameless(self._logs / f"describe-{name}.json")
        except OSError as error:
            return Answer(name, error=f"the file for its answer cannot be created ({reason(error)}).")
        try:
            path = self._logs / f"describe-{name}.log"
            command = self._command(name)
            child = self._children.start(command, path, answer=answer.fileno(), until=now + self._limit)
        except (OSError, ValueError) as error:
            _close(answer)
            return Answer(name, error=f"it could not be started ({reason(error)}).")
        self._questions[name] = _Question(child, answer, tries)
        return None

    def deadline(self) -> float | None:
        """The time at which a child is given up."""
        return min((each.child.until for each in self._questions.values() if not each.child.late), default=None)

    def answers(self, ready: Container[object], now: float) -> Iterator[Answer]:
        """Reaps children that have ended, kills late ones, and yields the answers; `ready` are readable descriptors."""
        for name, question in list(self._questions.items()):
            if (status := question.child.poll(ready)) is None:
                if question.child.on_time(now):
                    yield Answer(name, error=f"there was no answer in {self._limit:.0f} s.")
                continue
            del self._questions[name]
            question.child.close()
            if question.child.late:
                pass
            elif status in _KILLED and question.tries < _MOST_TRIES:
                if failed := self.ask(name, now, question.tries + 1):
                    yield failed
            else:
                yield self._read(name, question, status)
            _close(question.answer)

    def close(self) -> None:
        """Kills the running children, which no other follows."""
        for question in self._questions.values():
            question.tries = _MOST_TRIES
            question.child.process.kill()

    def _read(self, name: str, question: _Question, status: int) -> Answer:
        if status != 0:
            reason = question.child.last_words() or f"it printed no reason, see {question.child.log}"
            return Answer(name, error=f"{' '.join(self._command(name)[-2:])} ended with status {status} ({reason}).")
        try:
            question.answer.seek(0)
            text = question.answer.read(MAX_ANSWER_BYTES + 1)
            data = json.loads(text) if len(text) <= MAX_ANSWER_BYTES else None
        except OSError as error:
            return Answer(name, error=f"its answer cannot be read ({error.strerror}).")
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            return Answer(name, error="its answer is not a JSON object.")
        return Answer(name, data)


def _open_nameless(path: Path) -> IO[bytes]:
    """Opens a file without a name to write and read, in memory on Linux, so that a full disk does not matter.
    On other systems the file is at `path` for a moment. (`tempfile` costs 0.9 MB for the same.)"""
    if sys.platform == "linux":
        return open(os.memfd_create(path.name, os.MFD_CLOEXEC), "w+b")
    file = open(path, "w+b")  # noqa: SIM115 - closed by the reader of the answer
    path.unlink()
    return file


def _close(answer: IO[bytes]) -> None:
    with suppress(OSError):  # a failing disk may report an error only now, after the answer was read
        answer.close()
