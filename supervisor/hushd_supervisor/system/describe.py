"""Lists the installed engines by short-lived child processes, which run the workers' packages and print JSON.

Nothing is cached here, because packages may change at any time and a child takes some 60 ms.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

from hushd_protocol.names import SPEECH_ROLES
from hushd_schema import engines

from hushd_supervisor.core.actions import Action, Describe
from hushd_supervisor.core.events import Described
from hushd_supervisor.core.failures import scarce

from .children import Children
from .process import describe_command, is_here
from .question import Command, Questions
from .source import REFUSALS, Outcome, Perform

DESCRIBE_TIMEOUT_S = 120.0  # a start's default: at a load of 12 to 27 imports took over 30


class Descriptions(Questions):
    """The running `--describe` children, one for each role. Args as for `Questions`."""

    def __init__(self, children: Children, logs: Path, command: Command = describe_command) -> None:
        super().__init__(children, logs, command, DESCRIBE_TIMEOUT_S)

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Describe: self._describe}

    def _describe(self, action: Describe) -> Iterable[Outcome]:
        if not is_here(action.role):
            return (Described(action.role, {"role": action.role}),)
        failed = self.ask(action.role, time.monotonic())
        return (Described(*failed),) if failed else ()

    def events(self, ready: Container[object], now: float) -> Iterator[Described]:
        for answer in self.answers(ready, now):
            yield Described(*answer)


def default_model(role: str, engine: str) -> str:
    """Returns the model that an engine has where a request names none; `default` where its worker knows that best.
    Raises `server_busy` where the system refuses a look."""
    try:
        spec = engines.find(engine, role) if role in SPEECH_ROLES else None
    except REFUSALS as error:
        raise scarce(error) from error
    return spec.default_model if spec else "default"
