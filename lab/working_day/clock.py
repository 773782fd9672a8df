"""A fast clock that plays a day in minutes, and the account of memory over it.

At a speed of 60 the settings that wait (`keep_alive`, `exit_when_idle`) are a sixtieth of their defaults, and a second
in which nothing is asked counts as a minute. Work cannot be sped up: a second in which a request runs counts as one
second. Each process has a clock of its own, so that a worker that waits while another one works still counts for
its whole keep-alive; on a machine so busy that work takes seconds, more workers are found asleep than in real time, and
the day is better played slower. While no process of hushd exists the day is skipped to the next request, at no memory.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


class Clock:
    """Runs `speed` times as fast as the real clock, and as fast as that one within `at_work`."""

    def __init__(self, speed: float, real: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._real = real
        self._seen = real()
        self._time = 0.0
        self._works = False
        self._lock = threading.Lock()

    def time(self) -> float:
        """Seconds since the beginning, those that were skipped included."""
        with self._lock:
            return self._advance()

    def skip(self, seconds: float) -> None:
        with self._lock:
            self._time += seconds

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self._set(True)
        try:
            yield
        finally:
            self._set(False)

    def _set(self, works: bool) -> None:
        with self._lock:
            self._advance()
            self._works = works

    def _advance(self) -> float:
        now = self._real()
        self._time += (now - self._seen) * (1.0 if self._works else self._speed)
        self._seen = now
        return self._time


@dataclass(slots=True)
class Account:
    """Megabyte-hours by process, and its memory over the day.

    Attributes:
        pss, rss: megabyte-hours by the process's name.
        points: second of the day and PSS by name, for a picture.
    """

    pss: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    rss: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    points: list[tuple[float, dict[str, float]]] = field(default_factory=list)

    def add(self, day: float, sizes: Mapping[str, tuple[float, float]], seconds: Mapping[str, float]) -> None:
        """Enters the PSS and RSS in MB at a second of the day, each with the seconds that it counts for."""
        for name, (pss, rss) in sizes.items():
            self.pss[name] += pss * seconds[name] / 3600
            self.rss[name] += rss * seconds[name] / 3600
        self.points.append((day, {name: pss for name, (pss, _) in sizes.items()}))

    def thinned(self, megabytes: float) -> list[tuple[float, dict[str, float]]]:
        """The points at which the sum has moved by more than `megabytes`, each after the one just before the move."""
        kept: list[tuple[float, dict[str, float]]] = []
        for number, (second, sizes) in enumerate(self.points):
            last = sum(kept[-1][1].values()) if kept else float("inf")
            if abs(sum(sizes.values()) - last) > megabytes:
                if kept and self.points[number - 1] != kept[-1]:
                    kept.append(self.points[number - 1])
                kept.append((second, sizes))
        if self.points and kept[-1] != self.points[-1]:
            kept.append(self.points[-1])
        return kept
