"""The troubles so far, which rules ask before they blame anybody."""

from __future__ import annotations

import signal
from collections.abc import Collection

from .machine import Machine
from .processes import Process

STILL_S = 5.0  # for which a supervisor must answer nobody until a client gives it up, `hushd.transport.link.FIND_S`
LEAVE_S = 75.0  # for one that finishes its jobs first to leave: `drain_timeout` and `lock.AFTER_JOBS_S`
BREATH_S = 1.0  # between two standstills that count as one


class Troubles:
    """The faults that there were, each with its time, and what they may have brought about.

    Attributes:
        points: in product code that are open.
        felled, held: the processes that it has killed or meant to, and those that it has stopped for a while.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.points: frozenset[str] = frozenset()
        self.felled: set[int] = set()
        self.held: set[int] = set()
        self._blows: list[float] = []  # when a supervisor was ended, or told to leave
        self._standstills: list[tuple[float, float]] = []  # of supervisors: when each began and ends
        self._absences: list[tuple[float, float]] = []  # likewise, with those that look busy
        self._stood: dict[int, list[tuple[float, float]]] = {}  # likewise of each process that was stopped alone
        self._starved: dict[int, list[tuple[float, float]]] = {}  # likewise of each client that waited for its turn
        self._slow: list[tuple[float, float]] = []  # of libzmq's threads: a turn's delay at most, and until when
        self._struck: list[tuple[str, float]] = []  # the kind of each fault so far, and its end
        self._troubles: list[tuple[float, float]] = []  # the beginning of each, and its end

    @property
    def now(self) -> float:
        return self._machine.scheduler.time

    def excuses(self, since: float, most: int) -> bool:
        """Returns whether a request that began at `since` may have been lost: so many supervisors ended over it, or
        one stood still until its clients gave it up."""
        ended = [p.ended for p in self._machine.processes.values() if p.kind == "supervisor" and not p.living]
        blows = sum(moment >= since for moment in (*self._blows, *ended))
        return blows >= most or any(end >= since and end - begin >= STILL_S for begin, end in self._standstills)

    def awake_until(self, moment: float) -> float:
        """Returns the time at which the standstill of supervisors began in which a moment is, or which had just ended
        then; the moment itself where there is none."""
        absences = (begin for begin, end in self._absences if begin <= moment <= end + BREATH_S)
        return min(absences, default=moment)

    def slept(self, since: float, until: float | None = None) -> float:
        """Returns the seconds of that time, else until now, in which supervisors stood still, or looked busy."""
        until = self._machine.scheduler.time if until is None else until
        return sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in self._absences)

    def stood_still(self, process: Process, since: float) -> float:
        """Returns the length of the longest standstill of a process alone that had not ended at `since`, so far."""
        return self._longest(self._stood.get(process.pid, []), since)

    @property
    def slowness(self) -> float:
        """The seconds by which a turn of libzmq's threads is late now, at most."""
        now = self._machine.scheduler.time
        return max((delay for delay, end in self._slow if end + delay >= now), default=0.0)

    def held_for(self, since: float) -> float:
        """Returns the length of the longest standstill of one process alone, whichever, likewise."""
        return max((self._longest(standstills, since) for standstills in self._stood.values()), default=0.0)

    def starved_for(self, since: float) -> float:
        """Returns the length of the longest time for which one client, whichever, waited for its turn, likewise."""
        return max((self._longest(waits, since) for waits in self._starved.values()), default=0.0)

    def _longest(self, standstills: list[tuple[float, float]], since: float) -> float:
        now = self._machine.scheduler.time
        return max((min(end, now) - begin for begin, end in standstills if end >= since), default=0.0)

    def _stand_still(self, seconds: float, standstills: list[tuple[float, float]], breath_s: float = BREATH_S) -> None:
        """Notes a standstill, with an earlier one from which nobody had gone on for longer than a breath as one."""
        begin = self._machine.scheduler.time
        end = begin + seconds
        for other in list(standstills):
            if begin <= other[1] + breath_s:
                begin, end = min(begin, other[0]), max(end, other[1])
                standstills.remove(other)
        standstills.append((begin, end))

    def struck(self, kinds: Collection[str], since: float) -> bool:
        """Returns whether a fault of `kinds` was there at `since` or later."""
        return any(kind in kinds and end >= since for kind, end in self._struck)

    def scarce(self, since: float) -> bool:
        """Returns whether a program has seen since then that memory is scarce."""
        return self._machine.scarce_at >= since

    def troubled(self, since: float, until: float) -> bool:
        """Returns whether anything went wrong in that time, or anybody ended."""
        ended = any(since <= process.ended <= until for process in self._machine.processes.values() if process.ended)
        return ended or any(begin <= until and end >= since for begin, end in self._troubles)

    def deaths(self, kind: str, since: float, innocent: bool = False) -> int:
        """The processes of a kind that have ended since then by a signal or with an error; if `innocent`, without those
        that a fault has killed or stopped."""
        dead = [p for p in self._machine.processes.values() if p.kind == kind and p.status and p.ended >= since]
        struck = [p for p in dead if p.status == -signal.SIGKILL and p.pid in self.felled | self.held]
        return len(dead) - len(struck) * innocent

    def left(self, since: float) -> bool:
        """Returns whether a supervisor has ended since then that was told so before, or leaves whenever it is idle."""
        processes = self._machine.processes.values()
        told = any(since - LEAVE_S <= moment < since for moment in self._blows)
        leaves = told or "idle supervisor leaves" in self.points
        return leaves and any(p.kind == "supervisor" and p.status == 0 and p.ended >= since for p in processes)
