"""The measured times of a worker's jobs, used to predict waits and shown in the status."""

from __future__ import annotations

from collections import deque

from .request import ActiveRequest

LATENCIES = 32  # recent requests of which the status shows median and 95th percentile


class Timings:
    """The number and the times of the jobs that have ended, over all processes.

    Attributes:
        completed: the number of completed jobs.
        completed_here: the number completed by the process that runs or ran last.
        latencies: seconds from the arrival of each recent request to its first output, without sessions and jobs set
            aside, whose output waits for the client.
    """

    def __init__(self) -> None:
        self.completed = 0
        self.completed_here = 0
        self.latencies: deque[float] = deque(maxlen=LATENCIES)
        self._usual_s = {False: 0.0, True: 0.0}  # moving averages of the time of a file (False) and of a session (True)

    def has_output(self, request: ActiveRequest, now: float) -> None:
        """Records output of a job: its first output ends its latency."""
        if not (request.output or request.session or request.aside):
            self.latencies.append(now - request.arrived)

    def has_ended(self, request: ActiveRequest, now: float) -> None:
        """Records a job that has ended by itself."""
        duration, average = now - request.started, self.usual_s(request)
        if not request.aside:  # its client's pauses say nothing about other jobs
            self._usual_s[request.session] = 0.8 * average + 0.2 * duration if average else duration
        self.completed += 1
        self.completed_here += 1

    def usual_s(self, request: ActiveRequest) -> float:
        """The usual time of jobs of its kind, 0 until one has ended."""
        return self._usual_s[request.session]

    def latency_ms(self, share: float) -> float | None:
        """The latency in ms within which `share` of the last requests had their first output; None before any."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1)
