"""The requests that run on a worker's process, and their limits of time."""

from __future__ import annotations

import math

from .request import ActiveRequest


class Running(dict[bytes, ActiveRequest]):
    """The running requests by id: at most one for each slot, and those set aside.

    A cancelled request stays here, `done`, while the engine is still at a piece of it.
    """

    @property
    def sessions(self) -> int:
        """The number of live streams."""
        return sum(request.session for request in self.values())

    @property
    def endless(self) -> int:
        """The number of jobs that run for as long as their clients like."""
        return sum(request.session or request.aside for request in self.values())

    @property
    def uncancelled(self) -> int:
        """The number of jobs that were not cancelled."""
        return sum(not request.cancelled for request in self.values())

    # --- the process ---------------------------------------------------------------------------------------------

    def spend(self, cpu_s: float) -> None:
        """Divides CPU time of the process equally among its jobs."""
        for request in self.values():
            if request.cancelled:
                request.unheard_cpu_s += cpu_s / len(self)

    def touch(self, now: float) -> None:
        """Restarts the stall clock of every job, since the process has done work."""
        for request in self.values():
            request.touched = now

    def hurry(self, now: float) -> None:
        """Gives the engine little more time for cancelled jobs: the process is to leave."""
        if not self.uncancelled:
            for request in self.values():
                request.hurried_at = now if request.hurried_at is None else request.hurried_at

    def give_up(self) -> None:
        """Marks the jobs as ended by us: the process is about to be killed, and the supervisor is leaving."""
        for request in self.values():
            request.ending = request.ending or "shutting_down"

    def repeat_none(self) -> None:
        """Has stopped jobs end when the engine obeys, not repeated: the supervisor is about to leave."""
        for request in self.values():
            request.ending = "shutting_down" if request.ending == "worker_stopped" else request.ending

    def lose(self) -> list[ActiveRequest]:
        """Returns the requests that ran on a process that has ended; the caller repeats or fails each."""
        lost = list(self.values())
        self.clear()
        return lost

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self, stall_limit: float, aside: bool) -> float:
        """The time at which one of them next needs attention, `math.inf` for never.

        Args:
            aside: whether jobs that wait for their clients are set aside.
        """
        deadline = min((request.next_deadline(stall_limit) for request in self.values()), default=math.inf)
        return min(deadline, *(request.aside_at() for request in self.values())) if aside and self else deadline

    def overdue(self, now: float) -> list[ActiveRequest]:
        """The jobs that are past their deadlines, or whose client does not read."""
        return [t for t in self.values() if not t.done and (t.deadline <= now or t.starves(now))]

    def set_aside(self, now: float) -> bool:
        """Takes the slots from jobs that wait for their clients; returns whether there were any."""
        resting = [request for request in self.values() if request.aside_at() <= now]
        for request in resting:
            request.aside = True
        return bool(resting)

    def cancel_ignored(self, now: float) -> bool:
        """Returns whether a job goes on long after it was cancelled."""
        return any(request.cancel_ignored(now) for request in self.values())

    def stalled(self, now: float, limit: float) -> bool:
        """Returns whether a job has shown no work for longer than its limit."""
        return any(request.stalls_at(limit) <= now for request in self.values())

    def excuse(self, late: float, now: float) -> None:
        """Extends the clocks of every job by `late` seconds."""
        for request in self.values():
            request.excuse(late, now)
