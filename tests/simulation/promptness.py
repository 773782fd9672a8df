"""Nothing waits for no reason: bounds for what comes at once where nothing goes wrong.

Memory that is short is noticed within ten seconds, whoever works: its supervisor looks as often while a worker lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import floor
from .history import Event
from .processes import Process

if TYPE_CHECKING:
    from .world import World

SOON_S = 3.0  # for what takes a moment, and a process or two to have their turns
_FELT_S = 12.0  # for which a fault may slow others down
_KEY = 24  # bytes of a piece of speech, by which it is known again
LOOK_S = 10.0  # between two looks at memory, at most


class Promptness:
    """Looks at the times of what programs get.

    Args:
        world: whose faults excuse lateness.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._ends: list[float] = []  # of requests
        self._spoken: dict[bytes, float] = {}  # when a worker said each piece of speech
        self._looked: dict[int, float] = {}  # when each supervisor last looked at memory

    @property
    def _now(self) -> float:
        return self._world.scheduler.time

    def spoke(self, data: bytes) -> None:
        """Notes that a worker has said something."""
        self._spoken[data[:_KEY]] = self._now

    def heard(self, request: str, data: bytes) -> None:
        """Judges when a waiting client has heard a piece of speech, or a part of one."""
        late = self._now - self._spoken.get(data[:_KEY], self._now)
        if late > SOON_S and not self._world.storm.troubled(self._now - late - _FELT_S, self._now):
            self._world.violation(f"{request} has heard after {late:.1f} s what its worker had said")

    def looked(self, process: Process) -> None:
        """Judges when a supervisor looks at memory whether it has let a worker live for too long since it last did."""
        storm, since = self._world.storm, self._looked.get(process.pid, process.born)
        self._looked[process.pid] = self._now
        if storm.struck(("disk",), since) or "old measure holds" in storm.points:
            return
        asleep_s = storm.slept(since) + storm.starting_s(since)
        workers = [p for p in self._world.machine.processes.values() if p.started_by is process and p.kind == "engine"]
        lived_s = max((min(p.ended or self._now, self._now) - max(p.born, since) for p in workers), default=0.0)
        if lived_s > LOOK_S + asleep_s:
            self._world.violation(f"{process} has not looked at memory for {lived_s:.1f} s while a worker lived")

    def ended(self) -> None:
        """Notes the end of a request."""
        self._ends.append(self._now)

    def told(self, status: Any) -> None:
        """Judges a status: a supervisor works for requests that somebody waits for, or did a moment ago."""
        since = self._now - SOON_S
        jobs = sum(row.queued + row.running for row in status.workers)
        known = len(self._world.open_requests) + sum(end >= since for end in self._ends)
        if jobs > known and not self._world.storm.troubled(since - _FELT_S, self._now):
            self._world.violation(f"the supervisor has {jobs} jobs, and {known} requests were there lately")

    def check_floor(self, events: list[Event]) -> None:
        """Judges by the history that nobody waits for a loudspeaker that is free."""
        for request, begin, end in floor.in_vain(events):
            if end - begin > SOON_S and not self._world.storm.troubled(begin - _FELT_S, end):
                self._world.violation(f"{request} waited for a loudspeaker that was free for {end - begin:.1f} s")
