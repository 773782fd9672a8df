"""A run in figures for Prometheus, by Ray's own metrics: each node's exporter has them as `ray_hushd_cluster_…`.

The driver counts what ended, and each node what it heard and how long it waited for the store. None has a recording's
name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from ray.util.metrics import Counter, Gauge, Histogram

from .cost import Figures

_BOUNDS_S = [1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0]
COUNTERS = {  # by name: the help and the label
    "recordings": ("Recordings that ended, by their outcome: done, set_aside.", "outcome"),
    "failures": ("Attempts that failed, by the error's code.", "code"),
    "sound_seconds": ("Seconds of sound in recordings and stretches that were transcribed.", ""),
    "decoded_seconds": ("Seconds of sound that nodes decoded and heard, also in attempts that failed.", ""),
    "store_seconds": ("Seconds for which nodes waited for the store, by the direction: read, write.", "direction"),
}


def count(name: str, value: float = 1.0, label: str = "") -> None:
    """Adds to a counter of `COUNTERS`.

    Args:
        label: the label's value, if it has one.
    """
    if value > 0:
        _counter(name).inc(value, {COUNTERS[name][1]: label} if label else None)


def observe_work(seconds: float) -> None:
    """Notes the seconds of work at a recording or stretch."""
    _work().observe(seconds)


class Told:
    """The figures of a run as they were told last."""

    def __init__(self) -> None:
        self._done = self._set_aside = 0
        self._sound_s = 0.0

    def tell(self, figures: Figures) -> None:
        """Counts what has been added since the last time."""
        count("recordings", figures.done - self._done, "done")
        count("recordings", figures.set_aside - self._set_aside, "set_aside")
        count("sound_seconds", figures.sound_s - self._sound_s)
        self._done, self._set_aside, self._sound_s = figures.done, figures.set_aside, figures.sound_s
        if figures.total is not None:
            _left().set(max(0, figures.total - figures.done - figures.set_aside))


@contextmanager
def waiting(direction: str) -> Iterator[None]:
    """Counts the time of the block as that of waiting for the store, to `read` or to `write`."""
    begun = time.monotonic()
    try:
        yield
    finally:
        count("store_seconds", time.monotonic() - begun, direction)


@cache
def _counter(name: str) -> Counter:
    help, label = COUNTERS[name]
    return Counter(f"hushd_cluster_{name}", help, (label,) if label else ())


@cache
def _work() -> Histogram:
    return Histogram("hushd_cluster_work_seconds", "Seconds of work at a recording or stretch.", _BOUNDS_S)


@cache
def _left() -> Gauge:
    return Gauge("hushd_cluster_left", "Recordings that are left in this run, as far as that is known.")
