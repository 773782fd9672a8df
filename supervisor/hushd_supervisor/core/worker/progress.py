"""The progress of a start, by what its process uses: a start that makes any is never ended.

Bytes that it reads and memory that it takes are progress whatever they are for. CPU time alone is believed for a
limited number of CPU seconds, since a load may also turn in a circle; the process's own word for a limited time.
"""

from __future__ import annotations

import math

from hushd_protocol.light_dataclass import dataclass
from hushd_schema.settings import WorkerSettings

HELLO_S = 10.0  # without progress, from the start of the process to its hello
WORD_S = 300.0  # for which `loading` alone is believed
LOOK_S = 2.0  # between two looks
CPU_S = 0.05  # CPU time that is a sign of work
READ = 65536  # bytes,
GROWN = 1_000_000  # and these of memory, likewise; a process that only waits does neither


@dataclass(frozen=True, slots=True)
class Used:
    """The use by a process and its descendants so far: CPU seconds, bytes read, and bytes of private memory now."""

    cpu_s: float = 0.0
    read: int = 0
    private: int = 0


class Progress:
    """The watch over one start, from the moment when its process runs.

    Attributes:
        used: at the last look.
        look_due: when to look again.
    """

    def __init__(self, now: float) -> None:
        self.used = Used()
        self.look_due = now + LOOK_S
        self._greeted = False
        self._seen = Used()  # at the last progress
        self._seen_at = now
        self._grown_cpu_s = 0.0  # CPU time at the last that was not of the processor alone
        self._word_at = now  # when the process last said that it loads

    def greeted(self, now: float) -> None:
        """The process has said hello: it runs our protocol, and loads."""
        self._greeted, self._seen_at = True, now

    def says(self, now: float) -> None:
        """The process says that it goes on."""
        self._word_at = now

    def look(self, used: Used, now: float) -> None:
        """Compares the use so far with that at the last progress."""
        seen = self._seen
        grown = used.read - seen.read >= READ or abs(used.private - seen.private) >= GROWN
        if grown:
            self._grown_cpu_s = used.cpu_s
        if grown or used.cpu_s - seen.cpu_s >= CPU_S:
            self._seen, self._seen_at = used, now
        self.used = used

    def timer(self, settings: WorkerSettings) -> float:
        """The time at which the start is ended unless there is progress before."""
        if self.computed >= settings.start_cpu_limit > 0:
            return -math.inf
        limit = settings.start_timeout if self._greeted else HELLO_S
        believed = min(self._word_at, self._seen_at + WORD_S - limit) if self._greeted else self._seen_at
        return max(self._seen_at, believed) + limit

    def ended_for(self, settings: WorkerSettings) -> str:
        """The reason why the start is ended."""
        limit = settings.start_cpu_limit
        if self.computed >= limit > 0:
            return f"has computed for {limit:.0f} s of CPU time while it loads, and neither read nor grown"
        return f"did not become ready, and made no progress for {settings.start_timeout:.0f} s"

    @property
    def computed(self) -> float:
        """The CPU seconds since it last read or grew."""
        return self.used.cpu_s - self._grown_cpu_s

    def excuse(self, late: float) -> None:
        """Takes `late` seconds out of the watch, in which nobody could look."""
        self._seen_at += late
        self._word_at += late
