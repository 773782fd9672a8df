"""Bounds on time that a busy machine cannot break."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from support.emulator import SLOWDOWN

PRESSURE = [Path("/proc/pressure", what) for what in ("cpu", "io", "memory")]
STAT = Path("/proc/stat")


class Stopwatch(float):
    """The moment of its making, by the clock of `time.monotonic`."""

    _before: list[float]

    def __new__(cls) -> Stopwatch:
        watch = super().__new__(cls, time.monotonic())
        watch._before = _stalled()
        return watch

    @property
    def stalled(self) -> float:
        """Seconds since then in which something on this machine waited for a core, a disk or memory.

        Where the kernel does not count that (PSI), only those that a virtual machine's host took from it.
        """
        return max(after - before for after, before in zip(_stalled(), self._before, strict=True))

    @property
    def calm(self) -> float:
        """Seconds since then in which nothing waited; under an emulator the seconds of a machine."""
        return (time.monotonic() - self - self.stalled) / SLOWDOWN


def _stalled() -> list[float]:
    """The seconds since boot in which something waited, by what it waited for: they overlap."""
    waits = [0.0]
    for path in PRESSURE:
        with suppress(OSError):
            some = path.read_text().splitlines()[0]
            waits.append(int(some.rpartition("total=")[2]) / 1e6)
    with suppress(OSError):  # macOS has none
        stolen = STAT.read_text().split(maxsplit=9)[8]  # ticks, of all cores together
        waits.append(int(stolen) / os.sysconf("SC_CLK_TCK"))
    return waits
