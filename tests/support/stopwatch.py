"""Bounds on time that a busy machine cannot break."""

from __future__ import annotations

import time
from pathlib import Path

from support.emulator import SLOWDOWN

PRESSURE = Path("/proc/pressure/cpu")


class Stopwatch(float):
    """The moment of its making, by the clock of `time.monotonic`."""

    _stalled: float

    def __new__(cls) -> Stopwatch:
        watch = super().__new__(cls, time.monotonic())
        watch._stalled = _stalled()
        return watch

    @property
    def calm(self) -> float:
        """Seconds since then in which nothing on this machine had to wait for a core.

        Where the kernel does not count that (PSI), all seconds; under an emulator the seconds of a machine.
        """
        return (time.monotonic() - self - (_stalled() - self._stalled)) / SLOWDOWN


def _stalled() -> float:
    """Seconds since boot in which something waited for a core."""
    try:
        some = PRESSURE.read_text().splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6
