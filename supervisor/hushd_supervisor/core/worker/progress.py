"""The progress of a start, measured by what its process uses: a start that makes progress is never ended.

Reading bytes and taking memory always count as progress. CPU time alone counts for a limited number of CPU seconds,
since a load may also loop for ever; the process's own word counts for a limited time.
"""

from __future__ import annotations

import math

from hushd_protocol.light_dataclass import dataclass
from hushd_schema.settings import WorkerSettings

HELLO_S = 10.0  # without progress, from the start of the process to its hello
WORD_S = 300.0  # for which `loading` alone counts as progress
LOOK_S = 2.0  # between two looks
CPU_S = 0.05  # CPU time that is a sign of work
READ = 65536  # bytes read that are a sign of work
LOOP_S = 600.0  # of CPU time, after which a load that has neither read nor grown loops for ever
GROWN = 1_000_000  # bytes of memory taken, likewise; a process that only waits takes none


@dataclass(frozen=True, slots=True)
class Used:
    """The use of a process and its descendants so far: CPU seconds, bytes read, and bytes of private memory now."""

    cpu_s: float = 0.0
    read: int = 0
    private: int = 0


class Progress:
    """Watches one start, from the moment its process runs.

    Attributes:
        used: the use at the last look.
        look_due: when to look again.
    """

    def __init__(self, now: float) -> None:
        self.used = Used()
        self.look_due = now + LOOK_S
        self._greeted = False
        self._seen = Used()  # the use at the last progress
        self._seen_at = now
        self._grown_cpu_s = 0.0  # CPU time at the last progress other than CPU time
        self._word_at = now  # when the process last said that it loads

    def greeted(self, now: float) -> None:
        """Notes the hello: the process speaks our protocol, and loads."""
        self._greeted, self._seen_at = True, now

    def says(self, now: float) -> None:
        """Notes the process's word that it goes on."""
        self._word_at = now

    def look(self, used: Used, now: float) -> None:
        """Compares the use so far with the use at the last progress."""
        seen = self._seen
        grown = used.read - seen.read >= READ or abs(used.private - seen.private) >= GROWN
        if grown:
            self._grown_cpu_s = used.cpu_s
        if grown or used.cpu_s - seen.cpu_s >= CPU_S:
            self._seen, self._seen_at = used, now
        self.used = used

    def timer(self, settings: WorkerSettings) -> float:
        """The time at which the start is ended if it makes no progress before."""
        if self.computed >= LOOP_S:
            return -math.inf
        limit = settings.start_timeout if self._greeted else HELLO_S
        believed = min(self._word_at, self._seen_at + WORD_S - limit) if self._greeted else self._seen_at
        return max(self._seen_at, believed) + limit

    def ended_for(self, settings: WorkerSettings) -> str:
        """The reason why the start is ended."""
        if self.computed >= LOOP_S:
            return f"has used {LOOP_S:.0f} s of CPU time while loading, and neither read nor grown"
        return f"did not become ready, and made no progress for {settings.start_timeout:.0f} s"

    @property
    def computed(self) -> float:
        """The CPU seconds since the process last read or grew."""
        return self.used.cpu_s - self._grown_cpu_s

    def excuse(self, late: float) -> None:
        """Extends the watch by `late` seconds, in which the supervisor could not look."""
        self._seen_at += late
        self._word_at += late
