"""The recent crashes of a worker: how long to wait before the next start, and when to give up."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass, field

BACKOFF_S = 0.5  # before the first restart; doubles
BACKOFF_MAX_S = 30.0
STEADY_S = 60.0  # after being ready for so long, the next crash starts at BACKOFF_S again
WINDOW_S = 300.0
LIMIT = 4  # crashes in WINDOW_S, not explained by a request, that close the worker
COOLDOWN_S = 120.0  # for which it stays closed
STALLED = 2  # starts without progress in a row that close it too, however long each took

Key = tuple[bytes, bytes]


@dataclass(slots=True)
class Crashes:
    """The crashes of one worker in the last five minutes.

    Attributes:
        total: all crashes so far, and all starts ended for making no progress.
        stalled: the starts ended so since the last successful one.
    """

    total: int = 0
    stalled: int = 0
    _times: list[tuple[float, frozenset[Key]]] = field(default_factory=list)
    _delay: float = BACKOFF_S

    def add(self, now: float, running: frozenset[Key], ready_for: float) -> None:
        """Records a crash under the requests `running`, after `ready_for` seconds of being ready."""
        self.total += 1
        self._times = [entry for entry in self._times if now - entry[0] < WINDOW_S]
        self._times.append((now, running))
        if ready_for >= STEADY_S:
            self._delay = BACKOFF_S

    def stall(self) -> None:
        """Records a start that was ended because it made no progress; it does not count as a crash."""
        self.total += 1
        self.stalled += 1

    def explain(self, poison: Key) -> None:
        """Forgets the crashes that the request `poison` explains."""
        self._times = [entry for entry in self._times if poison not in entry[1]]

    def too_many(self) -> bool:
        """Returns whether the worker must be closed for a while."""
        return len(self._times) >= LIMIT or self.stalled >= STALLED

    def __bool__(self) -> bool:
        return bool(self._times or self.stalled)

    def next_delay(self) -> float:
        """Seconds to wait before the next start."""
        delay, self._delay = self._delay, min(BACKOFF_MAX_S, self._delay * 2)
        return delay

    def forget(self) -> None:
        """Forgets all crashes."""
        self._times.clear()
        self.stalled = 0
        self._delay = BACKOFF_S
