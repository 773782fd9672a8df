"""Runs the user's program of `[memory] when_short`, one at a time, for ten seconds at most."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

import zmq
from hushd_protocol.errors import reason

from hushd_supervisor.core.actions import Action, Relieve
from hushd_supervisor.core.events import Relieved

from . import children
from .process import Launch
from .source import Clock, Outcome, Perform, Source, WriteLog

RELIEF_TIMEOUT_S = 10.0
RELIEF_LOOK_INTERVAL_S = 0.1  # seconds between two looks whether it has ended, where no descriptor reports that
_NAME = "the program of memory.when_short"


class ReliefProgram(Source):
    """The running program.

    It gets one JSON object on its standard input: `ram`, bytes of the machine's memory that are lacking, `vram`, those
    of the graphics card `device` at the place `card` on the bus, and `worker`. Status 0 says that it has freed memory.
    """

    def __init__(
        self, poller: zmq.Poller, launch: Launch, log: Path, record: WriteLog, clock: Clock = time.monotonic
    ) -> None:
        self._poller = poller
        self._launch = launch
        self._log = log
        self._record = record
        self._clock = clock
        self._running: children.Running | None = None
        self._until = 0.0  # time when it is killed
        self._reported = False  # whether it was reported that it had to be killed

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
                self._running = children.start(
                    self._launch, action.command, self._log, {"PATH": path}, question=question
                )
            finally:
                os.close(question)
                os.close(ours)
        except (OSError, ValueError) as error:
            self._record("warning", f"{_NAME} could not be started: {reason(error)}")
            return (Relieved(),)
        self._until, self._reported = self._clock() + RELIEF_TIMEOUT_S, False
        if (descriptor := self._running.process.exit_fd) is not None:
            self._poller.register(descriptor, zmq.POLLIN)
        return ()

    def deadline(self) -> float | None:
        if self._running is None:
            return None
        polled = self._running.process.exit_fd is None
        return self._clock() + RELIEF_LOOK_INTERVAL_S if polled else None if self._reported else self._until

    def events(self, ready: Container[object], now: float) -> Iterator[Relieved]:
        """Reaps the program, or kills it once its time is over."""
        if (child := self._running) is None:
            return
        descriptor = child.process.exit_fd
        status = child.process.poll() if descriptor is None or descriptor in ready else None
        if status is None:
            if self._until <= now and not self._reported:
                child.process.kill()
                self._reported = True
                self._record("warning", f"{_NAME} has not ended within {RELIEF_TIMEOUT_S:.0f} s, and was killed")
                yield Relieved()
            return
        self._running = None
        if descriptor is not None:
            self._poller.unregister(descriptor)
        if not self._reported:
            words = child.last_words() or "it has said nothing"
            level = "warning" if status else "info"
            self._record(level, f"{_NAME} has ended with status {status} ({words})")
            yield Relieved(freed=status == 0)
        child.close()

    def close(self) -> None:
        if self._running:
            self._running.process.kill()
