"""The measured times of a worker's jobs, from which waits are foretold and the status reports."""

from __future__ import annotations

from collections import deque

from .request import ActiveRequest

LATENCIES = 32  # of the last requests, of which the status reports median and 95th percentile


class Timings:
    """The number and the times of the jobs that have ended, over all processes.

    Attributes:
        completed: jobs that have ended on a worker.
        completed_here: those of the process that runs, or ran last.
        latencies: seconds from the arrival of each of the last requests to its first output; sessions and jobs that
            were set aside, whose output waits for somebody, are left out.
    """

    def __init__(self) -> None:
        self.completed = 0
        self.completed_here = 0
        self.latencies: deque[float] = deque(maxlen=LATENCIES)
        self._usual_s = {False: 0.0, True: 0.0}  # moving averages of the time of a file, and of a session

    def has_output(self, request: ActiveRequest, now: float) -> None:
        """Books output of a job: the first one ends its latency."""
        if not (request.output or request.session or request.aside):
            self.latencies.append(now - request.arrived)

    def has_ended(self, request: ActiveRequest, now: float) -> None:
        """Books a job that has ended by itself."""
        took, usual = now - request.started, self.usual_s(request)
        if not request.aside:  # the time of its client's pauses says nothing of others
            self._usual_s[request.session] = 0.8 * usual + 0.2 * took if usual else took
        self.completed += 1
        self.completed_here += 1

    def usual_s(self, request: ActiveRequest) -> float:
        """The usual time of jobs of its kind, 0 as long as none has ended."""
        return self._usual_s[request.session]

    def latency_ms(self, share: float) -> float | None:
        """The latency in ms within which `share` of the last requests had their first output; None before any."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1)
