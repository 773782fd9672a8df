"""The requests that run on a worker's process, and how long those before them took."""

from __future__ import annotations

import math
from collections import deque

from .request import ActiveRequest

LATENCIES = 32  # recent requests of which the status shows median and 95th percentile


class Running(dict[bytes, ActiveRequest]):
    """The running requests by id: at most one for each slot, and those that have given up theirs.
    A cancelled request stays here, `done`, while the engine is still at a piece of it."""

    @property
    def sessions(self) -> int:
        return sum(request.session for request in self.values())

    @property
    def endless(self) -> int:
        """The number of jobs that run for as long as their clients like."""
        return sum(request.endless for request in self.values())

    @property
    def uncancelled(self) -> int:
        return sum(not request.cancelled for request in self.values())

    # --- the process ---------------------------------------------------------------------------------------------

    def compute(self, cpu_s: float, works: bool, now: float) -> None:
        """Divides CPU time of the process equally among its jobs; if that is a sign of work, it is one for all."""
        for request in self.values():
            request.compute(cpu_s / len(self), works, now)

    def limit_cancel(self, now: float) -> None:
        """Gives the engine little more time for cancelled jobs: the process is to leave."""
        if not self.uncancelled:
            for request in self.values():
                request.limit_cancel(now)

    def repeat_none(self) -> None:
        """Has stopped jobs end when the engine obeys, not repeated: the supervisor is about to leave."""
        for request in self.values():
            request.end_as("shutting_down", instead_of="worker_stopped")

    def lose(self) -> list[ActiveRequest]:
        """Returns the requests that ran on a process that has ended; the caller repeats or fails each."""
        lost = list(self.values())
        self.clear()
        return lost

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self, stall_limit: float, gives_up_slots: bool) -> float:
        """The time at which one of them next needs attention, `math.inf` for never.
        `gives_up_slots`: whether jobs that wait for their clients do that."""
        deadlines = [request.next_deadline(stall_limit) for request in self.values()]
        if gives_up_slots:
            deadlines += [request.idle_slot_until() for request in self.values()]
        return min(deadlines, default=math.inf)

    def overdue(self, now: float) -> list[ActiveRequest]:
        """The jobs that are past their deadlines, or whose client does not read."""
        late = (each for each in self.values() if each.deadline <= now or each.client_stopped_reading(now))
        return [each for each in late if not each.done]

    def leave_idle_slots(self, now: float) -> bool:
        """Takes the slots from jobs that wait for their clients; returns whether there were any."""
        return sum(request.leave_idle_slot(now) for request in self.values()) > 0

    def cancel_ignored(self, now: float) -> bool:
        """Returns whether a job goes on long after it was cancelled."""
        return any(request.cancel_ignored(now) for request in self.values())

    def stalled(self, now: float, limit: float) -> bool:
        """Returns whether a job has shown no work for longer than its limit."""
        return any(request.stalls_at(limit) <= now for request in self.values())

    def extend_deadlines(self, by_s: float, now: float) -> None:
        """Extends the clocks of every job by `by_s` seconds."""
        for request in self.values():
            request.extend_deadlines(by_s, now)


class Timings:
    """The number and the times of the jobs that have ended, over all processes."""

    def __init__(self) -> None:
        self._completed = 0
        # Seconds from the arrival of each recent request to its first output, where that does not wait for the client.
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._usual_s = {False: 0.0, True: 0.0}  # moving averages of the time of a file (False) and of a session (True)

    @property
    def completed(self) -> int:
        """The number of jobs that have ended."""
        return self._completed

    def has_output(self, request: ActiveRequest, now: float) -> None:
        """Records output of a job: its first output ends its latency."""
        if (latency := request.first_output_s(now)) is not None:
            self._latencies.append(latency)

    def has_ended(self, request: ActiveRequest, now: float, *, served: bool) -> None:
        """Records a job that the process has ended; one that it has not `served`, but refused, or ended as it was told,
        says nothing about the time of others, nor does one with its client's pauses."""
        duration, average = now - request.started, self.usual_s(request)
        if served and not request.without_slot:
            self._usual_s[request.session] = 0.8 * average + 0.2 * duration if average else duration
        self._completed += 1

    def usual_s(self, request: ActiveRequest) -> float:
        """The usual time of jobs of its kind, 0 until one was served."""
        return self._usual_s[request.session]

    def latency_ms(self, share: float) -> float | None:
        """The latency in ms within which `share` of the last requests had their first output; None before any."""
        if not self._latencies:
            return None
        ordered = sorted(self._latencies)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1)
