"""Lists the installed engines by short-lived child processes, which run the workers' packages and print JSON.

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
from hushd_protocol.names import SPEECH_ROLES

from hushd_supervisor.core.actions import Action, Describe
from hushd_supervisor.core.events import Described

from . import children
from .children import Running
from .process import Launch, describe_command, is_here
from .source import Outcome, Perform, Source

LIMIT_S = 10.0
LIMIT_BYTES = 1_000_000


@dataclass(slots=True)
class _Question:
    child: Running
    answer: IO[bytes]  # a file and not a pipe, which any process that inherited it would keep open
    due: float  # when it is given up
    given_up: bool = False  # reported as failed and killed, but not dead yet


class Descriptions(Source):
    """The running `--describe` children, at most one per role.

    Args:
        poller: watches for the children's exits.
        launch: starts a process.
        logs: the folder for their stderr.
        command: returns the command line for a role.
        limit: seconds after which a child is killed and reported as failed.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        poller: zmq.Poller,
        launch: Launch,
        logs: Path,
        command: Callable[[str], Sequence[str]] = describe_command,
        limit: float = LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poller = poller
        self._launch = launch
        self._logs = logs
        self._command = command
        self._limit = limit
        self._clock = clock
        self._questions: dict[str, _Question] = {}

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Describe: self._describe}

    def _describe(self, action: Describe) -> Iterable[Outcome]:
        if not is_here(action.role):
            return (Described(action.role, {"role": action.role}),)
        failed = self.ask(action.role, self._clock())
        return (failed,) if failed else ()

    def ask(self, role: str, now: float) -> Described | None:
        """Starts a child for `role`, unless one runs; returns the error if it cannot be started."""
        if question := self._questions.get(role):
            return Described(role, error="the previous process cannot be killed.") if question.given_up else None
        try:
            answer = _open_nameless(self._logs / f"describe-{role}.json")
        except OSError as error:
            return Described(role, error=f"the file for its answer cannot be created ({error}).")
        try:
            path = self._logs / f"describe-{role}.log"
            child = children.start(self._launch, self._command(role), path, answer=answer.fileno())
        except (OSError, ValueError) as error:
            _close(answer)
            return Described(role, error=f"it could not be started ({error}).")
        self._questions[role] = _Question(child, answer, now + self._limit)
        if child.process.exit_fd is not None:
            self._poller.register(child.process.exit_fd, zmq.POLLIN)
        return None

    def deadline(self) -> float | None:
        """The time at which a child is given up."""
        return min((question.due for question in self._questions.values() if not question.given_up), default=None)

    def events(self, ready: Container[object], now: float) -> Iterator[Described]:
        """Reaps children that have ended, kills late ones, and yields the results; `ready` are readable descriptors."""
        for role, question in list(self._questions.items()):
            process = question.child.process
            descriptor = process.exit_fd
            status = process.poll() if descriptor is None or descriptor in ready else None
            if status is None:
                if not question.given_up and question.due <= now:
                    process.kill()
                    question.given_up = True
                    yield Described(role, error=f"there was no answer in {self._limit:.0f} s.")
                continue
            del self._questions[role]
            if descriptor is not None:
                self._poller.unregister(descriptor)
            question.child.close()
            if not question.given_up:
                yield self._read(role, question, status)
            _close(question.answer)

    def close(self) -> None:
        """Kills the running children."""
        for question in self._questions.values():
            question.child.process.kill()

    def _read(self, role: str, question: _Question, status: int) -> Described:
        if status != 0:
            reason = question.child.last_words() or f"it printed no reason, see {question.child.log}"
            return Described(role, error=f"{' '.join(self._command(role)[-2:])} ended with status {status} ({reason}).")
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


def default_model(role: str, engine: str) -> str:
    """Returns the model that an engine has where a request names none; `default` where its worker knows that best."""
    from hushd_schema import engines  # only for a request that names an engine alone

    spec = engines.find(engine, role) if role in SPEECH_ROLES else None
    return spec.default_model if spec else "default"


def _open_nameless(path: Path) -> IO[bytes]:
    """Opens a file without a name to write and read, in memory on Linux, so that a full disk does not matter.

    On other systems the file is at `path` for a moment. (`tempfile` costs 0.9 MB for the same.)
    """
    if sys.platform == "linux":
        return open(os.memfd_create(path.name, os.MFD_CLOEXEC), "w+b")
    file = open(path, "w+b")  # noqa: SIM115 - closed by the reader of the answer
    path.unlink()
    return file


def _close(answer: IO[bytes]) -> None:
    with suppress(OSError):  # a failing disk may report an error only now, after the answer was read
        answer.close()
