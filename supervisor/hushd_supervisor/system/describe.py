"""Questions that a short child process answers in JSON: the installed engines, by the workers' own packages.

Nothing is cached here, because packages may change at any time and a child takes some 60 ms.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import zmq
from hushd_protocol.light_dataclass import dataclass

from hushd_supervisor.core.actions import Action, Describe
from hushd_supervisor.core.events import Described

from . import children
from .children import Running
from .process import Launch, describe_command, is_here
from .source import Outcome, Perform, Source

LIMIT_S = 10.0
LOOK_S = 0.5  # between two looks at the time while a child has not answered: what passes beyond that, we stood still
APART_S = 0.5  # from the end of a role's child to its next, or a client that asks all the time takes a core
LIMIT_BYTES = 1_000_000


@dataclass(slots=True)
class _Question:
    child: Running
    answer: IO[bytes]  # a file and not a pipe, which any process that inherited it would keep open
    left: float  # seconds
    looked: float  # when they were counted last
    given_up: bool = False  # it was answered for, and has not died of its kill yet

    def due(self) -> float:
        return self.looked + min(self.left, LOOK_S)

    def passes(self, now: float) -> bool:
        """Counts the time since the last look; returns whether it is up."""
        self.left -= min(now - self.looked, LOOK_S)
        self.looked = now
        return self.left <= 0


class Descriptions(Source):
    """The `--describe` children under way, one a role at most.

    Args:
        poller: watches for the end of the children.
        launch: starts a process.
        logs: the folder for what they write to stderr.
        command: the command line for a role.
        limit: seconds after which a child is ended, and answered for; those in which we stood still count for half a
            second at most, since it stood still too.
        apart: seconds from the end of a role's child to its next.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        poller: zmq.Poller,
        launch: Launch,
        logs: Path,
        command: Callable[[str], Sequence[str]] = describe_command,
        limit: float = LIMIT_S,
        apart: float = APART_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poller = poller
        self._launch = launch
        self._logs = logs
        self._command = command
        self._limit = limit
        self._apart = apart
        self._clock = clock
        self._questions: dict[str, _Question] = {}
        self._rested: dict[str, float] = {}  # when a role's next child may start
        self._late: dict[str, float] = {}  # when it will, for somebody who waits

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Describe: self._describe}

    def _describe(self, action: Describe) -> Iterable[Outcome]:
        if not is_here(action.role):
            return (Described(action.role, {"role": action.role}),)
        failed = self.ask(action.role, self._clock())
        return (failed,) if failed else ()

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
        try:
            answer = _nameless(self._logs / f"describe-{role}.json")  # where the system has none in memory
        except OSError as error:
            return Described(role, error=f"the file for its answer cannot be made ({error}).")
        try:
            path = self._logs / f"describe-{role}.log"
            child = children.start(self._launch, self._command(role), path, answer=answer.fileno())
        except (OSError, ValueError) as error:
            _close(answer)
            return Described(role, error=f"it could not be started ({error}).")
        try:
            self._questions[role] = _Question(child, answer, self._limit, now)
            if child.process.exit_fd is not None:
                self._poller.register(child.process.exit_fd, zmq.POLLIN)
        except MemoryError:
            self._questions.pop(role, None)
            _close(answer)
            child.abandon()
            raise
        return None

    def deadline(self) -> float | None:
        """The next look at a child's time, or the start of a child that had to wait."""
        looks = (question.due() for question in self._questions.values() if not question.given_up)
        return min((*looks, *self._late.values()), default=None)

    def events(self, ready: Container[object], now: float) -> Iterator[Described]:
        """Reaps the children that have ended and kills those whose time is up; `ready` are readable descriptors."""
        for role, question in list(self._questions.items()):
            process = question.child.process
            descriptor = process.exit_fd
            status = process.poll() if descriptor is None or descriptor in ready else None
            if status is None:
                if not question.given_up and question.passes(now):
                    process.kill()
                    question.given_up = True
                    yield Described(role, error=f"there was no answer in {self._limit:.0f} s.")
                continue
            del self._questions[role]
            self._rested[role] = now + self._apart
            if descriptor is not None:
                self._poller.unregister(descriptor)
            question.child.close()
            if not question.given_up:
                yield self._read(role, question, status)
            _close(question.answer)
        for role in [role for role, at in self._late.items() if at <= now]:
            if failed := self._start(role, now):
                yield failed

    def close(self) -> None:
        """Ends the children under way, and starts no other."""
        self._late.clear()
        for question in self._questions.values():
            question.child.process.kill()

    def _read(self, role: str, question: _Question, status: int) -> Described:
        if status != 0:
            why = question.child.last_words() or f"it printed no reason, see {question.child.log}"
            return Described(role, error=f"{' '.join(self._command(role)[-2:])} ended with status {status} ({why}).")
        try:
            question.answer.seek(0)
            text = question.answer.read(LIMIT_BYTES + 1)
            catalogue = json.loads(text) if len(text) <= LIMIT_BYTES else None
        except OSError as error:
            return Described(role, error=f"its answer cannot be read ({error.strerror}).")
        except (ValueError, RecursionError):
            catalogue = None
        if not isinstance(catalogue, dict):
            return Described(role, error="its answer is not a JSON object.")
        return Described(role, catalogue)


def _nameless(path: Path) -> IO[bytes]:
    """Opens a file without a name, to write and read: in memory, so that a full disk keeps nobody from an answer.

    Where the system has none such, it is at `path` for a moment. (`tempfile` costs 0.9 MB for the same.)
    """
    if sys.platform == "linux":
        return open(os.memfd_create(path.name, os.MFD_CLOEXEC), "w+b")
    file = open(path, "w+b")  # noqa: SIM115 - closed by the reader of the answer
    path.unlink()
    return file


def _close(answer: IO[bytes]) -> None:
    with suppress(OSError):  # a disk that fails may tell so only now: what was written is read
        answer.close()
