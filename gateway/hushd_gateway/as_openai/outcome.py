"""The outcome of one request, as a line for people."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hushd_protocol.system.terminal import escaped

MAX_CHARACTERS = 80  # of an answer's text in a line
NOTHING_TO_HEAR = "not tried, since nothing was spoken that it could hear"
NO_KEY = "invalid_api_key"  # OpenAI's code for a wrong key, or none
_COMMAND = re.compile(r"`([^`]+)`")
_MISSING = "model_not_found"  # OpenAI's code for a model that is not here


class Refused(Exception):
    """An answer with a status of 400 or more, or an event `error` of a session."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a request.

    Attributes:
        text: what came, or why nothing came.
        seconds: from the request to the end of the answer.
        commands: the commands that bring what is missing; empty if nothing is.
        is_cut: whether the connection broke off, as at the end of the supervisor.
        is_over: whether the supervisor is leaving.
    """

    text: str
    seconds: float = 0.0
    is_answered: bool = False
    commands: tuple[str, ...] = ()
    is_cut: bool = False
    is_over: bool = False

    def line(self) -> str:
        """Returns the outcome for a table."""
        if self.is_answered:
            return f"ok  {self.seconds:5.1f} s  {escaped(_shortened(self.text))}"
        if self.commands:
            return f"missing: {' && '.join(self.commands)}"
        return f"failed: {escaped(self.text)}"


def refused(error: Refused) -> Outcome:
    """Returns the outcome of a request that was refused: a missing model has the commands that bring it."""
    commands = tuple(_COMMAND.findall(error.message)) if error.code == _MISSING else ()
    return Outcome(error.message, commands=commands, is_over=error.code == "shutting_down")


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"
