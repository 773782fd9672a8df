"""The end of a simulation of which only one thing is to be known: whether it fails as another one has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_WHICH = re.compile(r"(client-[\d-]+( \(\w+\))?(, )?)+|\[.*\]|'[^']*'|\b[0-9a-f]{8,}\b|\d[\d.]*|\b(stt|tts)/echo/\w+")


class Attempt(NamedTuple):
    """The end of a simulation that is one of many.

    Attributes:
        senses: of the violations, one of which ends it.
        seconds: simulated, after which it ends without one.
        cpu_s: of a processor, after which its process is ended.
    """

    senses: frozenset[str]
    seconds: float
    cpu_s: int

    def fails(self, violations: Iterable[str]) -> bool:
        """Returns whether one of `violations` is of the kind that is looked for."""
        return any(sense(text) in self.senses for text in violations)


def sense(violation: str) -> str:
    """The sense of a violation, whoever it concerns and when."""
    return _WHICH.sub("N", violation.partition("\n")[0])
