"""Runs the user's program of `[memory] when_short`, one at a time, for ten seconds at most."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

from hushd_protocol.errors import reason

from hushd_supervisor.core.actions import Action, Relieve
from hushd_supervisor.core.events import Relieved

from .children import Children, Running
from .source import Clock, Outcome, Perform, Source, WriteLog

RELIEF_TIMEOUT_S = 10.0
_NAME = "the program of memory.when_short"


class ReliefProgram(Source):
    """The running program.

    It gets one JSON object on its standard input: `ram`, bytes of the machine's memory that are lacking, `vram`, those
    of the graphics card `device` at the place `card` on the bus, and `worker`. Status 0 says that it has freed memory.
    """

    def __init__(self, children: Children, log: Path, record: WriteLog, clock: Clock = time.monotonic) -> None:
        self._children = children
        self._log = log
        self._record = record
        self._clock = clock
        self._running: Running | None = None

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Relieve: self._run}

    def _run(self, action: Relieve) -> Iterable[Outcome]:
        if self._running:  # killed, and not dead yet
            return (Relieved(),)
        lack = {"ram": action.ram, "vram": action.vram, "device": action.device, "card": action.card}
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)))
        try:
            question, ours = os.pipe()
            try:
                os.write(ours, json.dumps({"worker": action.worker, **lack}).encode() + b"\n")  # a pipe holds more
                until = self._clock() + RELIEF_TIMEOUT_S
                self._running = self._children.start(
                    action.command, self._log, {"PATH": path}, question=question, until=until
                )
            finally:
                os.close(question)
                os.close(ours)
        except (OSError, ValueError) as error:
            self._record("warning", f"{_NAME} could not be started: {reason(error)}")
            return (Relieved(),)
        return ()

    def deadline(self) -> float | None:
        return None if self._running is None or self._running.late else self._running.until

    def events(self, ready: Container[object], now: float) -> Iterator[Relieved]:
        """Reaps the program, or kills it once its time is over."""
        if (child := self._running) is None:
            return
        if (status := child.poll(ready)) is None:
            if child.on_time(now):
                self._record("warning", f"{_NAME} has not ended within {RELIEF_TIMEOUT_S:.0f} s, and was killed")
                yield Relieved()
            return
        self._running = None
        if not child.late:
            words = child.last_words() or "it has said nothing"
            level = "warning" if status else "info"
            self._record(level, f"{_NAME} has ended with status {status} ({words})")
            yield Relieved(freed=status == 0)
        child.close()

    def close(self) -> None:
        if self._running:
            self._running.process.kill()
