"""Questions that a short child process answers in JSON: the installed engines, by the workers' own packages.

Nothing is cached here, because packages may change at any time and a child takes some 60 ms.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zmq

from hushd_supervisor.core.events import Described

from . import log
from .process import Launch, Process, describe_command, environment

LIMIT_S = 10.0
APART_S = 0.5  # from the end of a role's child to its next, or a client that asks all the time takes a core
LIMIT_BYTES = 1_000_000


@dataclass(slots=True)
class _Question:
    process: Process
    answer: IO[bytes]  # a file and not a pipe, which any process that inherited it would keep open
    errors: Path
    errors_start: int
    until: float
    given_up: bool = False  # it was answered for, and has not died of its kill yet


class Descriptions:
    """The `--describe` children under way, one a role at most.

    Args:
        poller: watches for the end of the children.
        launch: starts a process.
        logs: the folder for what they write to stderr.
        command: the command line for a role.
        limit: seconds after which a child is ended, and answered for.
        apart: seconds from the end of a role's child to its next.
    """

    def __init__(
        self,
        poller: zmq.Poller,
        launch: Launch,
        logs: Path,
        command: Callable[[str], Sequence[str]] = describe_command,
        limit: float = LIMIT_S,
        apart: float = APART_S,
    ) -> None:
        self._poller = poller
        self._launch = launch
        self._logs = logs
        self._command = command
        self._limit = limit
        self._apart = apart
        self._questions: dict[str, _Question] = {}
        self._rested: dict[str, float] = {}  # when a role's next child may start
        self._late: dict[str, float] = {}  # when it will, for somebody who waits

    def ask(self, role: str, now: float) -> Described | None:
        """Starts a child for `role`, unless one is under way; returns the error if it cannot be started.

        Right after a role's last child the next waits for a moment, and serves all who have asked meanwhile.
        """
        if question := self._questions.get(role):
            return (
                Described(role, error="the last process that was asked cannot be ended.") if question.given_up else None
            )
        if now < self._rested.get(role, now):
            self._late[role] = self._rested[role]
            return None
        return self._start(role, now)

    def _start(self, role: str, now: float) -> Described | None:
        self._late.pop(role, None)
        path = self._logs / f"describe-{role}.log"
        try:
            answer = _nameless(self._logs / f"describe-{role}.json")
        except OSError as error:
            return Described(role, error=f"the file for its answer cannot be made ({error}).")
        try:
            errors = log.open_file(path)
            try:
                start = os.fstat(errors).st_size
                process = self._launch(
                    self._command(role), environment(os.environ), stdout=answer.fileno(), stderr=errors
                )
            finally:
                os.close(errors)
        except (OSError, ValueError) as error:
            answer.close()
            return Described(role, error=f"it could not be started ({error}).")
        if process.exit_fd is not None:
            self._poller.register(process.exit_fd, zmq.POLLIN)
        self._questions[role] = _Question(process, answer, path, start, now + self._limit)
        return None

    @property
    def busy(self) -> bool:
        """Whether any child runs, or is about to start; else nothing need be asked of this object in a turn."""
        return bool(self._questions or self._late)

    def deadline(self) -> float | None:
        """The end of the oldest child's time, or the start of a child that had to wait."""
        untils = (question.until for question in self._questions.values() if not question.given_up)
        return min((*untils, *self._late.values()), default=None)

    def answers(self, ready: Container[object], now: float) -> Iterator[Described]:
        """Reaps the children that have ended and kills those whose time is up; `ready` are readable descriptors."""
        for role, question in list(self._questions.items()):
            descriptor = question.process.exit_fd
            status = question.process.poll() if descriptor is None or descriptor in ready else None
            if status is None:
                if now >= question.until:
                    question.process.kill()
                    question.until, question.given_up = math.inf, True
                    yield Described(role, error=f"there was no answer in {self._limit:.0f} s.")
                continue
            del self._questions[role]
            self._rested[role] = now + self._apart
            if descriptor is not None:
                self._poller.unregister(descriptor)
            question.process.close()
            if not question.given_up:
                yield self._read(role, question, status)
            question.answer.close()
        for role in [role for role, at in self._late.items() if at <= now]:
            if failed := self._start(role, now):
                yield failed

    def close(self) -> None:
        """Ends the children under way, and starts no other."""
        self._late.clear()
        for question in self._questions.values():
            question.process.kill()

    def _read(self, role: str, question: _Question, status: int) -> Described:
        if status != 0:
            lines = log.tail(question.errors, question.errors_start).strip().splitlines()
            why = lines[-1][:300] if lines else f"it printed no reason, see {question.errors}"
            return Described(role, error=f"{' '.join(self._command(role)[-2:])} ended with status {status} ({why}).")
        question.answer.seek(0)
        text = question.answer.read(LIMIT_BYTES + 1)
        try:
            catalogue = json.loads(text) if len(text) <= LIMIT_BYTES else None
        except (ValueError, RecursionError):
            catalogue = None
        if not isinstance(catalogue, dict):
            return Described(role, error="its answer is not a JSON object.")
        return Described(role, catalogue)


def _nameless(path: Path) -> IO[bytes]:
    """Opens a file without a name, to write and read. (`tempfile` costs 0.9 MB for the same.)"""
    file = open(path, "w+b")  # noqa: SIM115 - closed by the reader of the answer
    path.unlink()
    return file
