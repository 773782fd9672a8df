"""Makes a script that fails small: it leaves out what the failure does not need, by halves, then one by one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from .script import Script
from .world import Outcome

AFTER_S = 0.1  # from the first violation to the end of the storm that is enough
_WHICH = re.compile(r"(client-[\d-]+( \(\w+\))?(, )?)+|\[.*\]|'[^']*'|\b[0-9a-f]{8,}\b|\d[\d.]*|\b(stt|tts)/echo/\w+")


class Shrinker:
    """A script that fails, made smaller while there is time.

    Args:
        play: plays a script.
        within: seconds after which it is left as it is then.

    Attributes:
        tried: how many scripts were played.
    """

    def __init__(self, play: Callable[[Script], Outcome], script: Script, within: float) -> None:
        self.script, self.tried = script, 0
        self._play = play
        self._end = time.monotonic() + within
        self._senses: set[str] | None = None

    def shrink(self) -> None:
        """Leaves out acts, faults, points and time, until the failure needs all that is left."""
        if (outcome := self._fails(self.script)) is None:
            return
        self._fails(replace(self.script, seconds=round(outcome.failed + AFTER_S, 1)))
        for field in ("points", "faults", "clients"):
            self._shorten(field)

    def _shorten(self, field: str) -> None:
        """Leaves out parts of a field; acts of all clients are numbered through."""
        size = max(1, _count(self.script, field) // 2)
        while size:
            start = 0
            while start < _count(self.script, field):
                if self._fails(_without(self.script, field, range(start, start + size))) is None:
                    start += size
            size //= 2

    def _fails(self, script: Script) -> Outcome | None:
        """Plays a script, and takes it if it fails as the first one did; returns None otherwise."""
        if self._senses is not None and time.monotonic() > self._end:
            return None
        self.tried += 1
        outcome = self._play(script)
        found = set(map(sense, outcome.violations))
        if self._senses is None:
            self._senses = found
        if not found & self._senses:
            return None
        self.script = script
        return outcome


def sense(violation: str) -> str:
    """The sense of a violation, whoever it concerns and when."""
    return _WHICH.sub("N", violation.partition("\n")[0])


def _count(script: Script, field: str) -> int:
    return sum(map(len, script.clients)) if field == "clients" else len(getattr(script, field))


def _without(script: Script, field: str, gone: range) -> Script:
    """A script without some parts of a field."""
    if field != "clients":
        return replace(script, **{field: tuple(p for n, p in enumerate(getattr(script, field)) if n not in gone)})
    return replace(script, clients=tuple(_lives(script, gone)))


def _lives(script: Script, gone: range) -> Iterator[tuple[str, ...]]:
    first = 0
    for acts in script.clients:
        yield tuple(act for number, act in enumerate(acts, first) if number not in gone)
        first += len(acts)
