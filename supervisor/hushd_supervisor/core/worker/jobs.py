"""The requests of one worker: the waiting ones (`Queue`), the ones that run on its process, and how long they took.

`Jobs` keeps the accounts of every request and passes its messages on in both directions; the worker decides when the
process starts and ends. Every request ends in `finish`, exactly once. A cancelled one ends at once for its client,
while its engine may still work at a piece of it: until the engine stops, the request keeps its slot, and is `running`
although `done`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import KeysView

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError

from hushd_supervisor.core.actions import Action, ToClient, ToWorker

from .queue import Notices, Queue
from .request import ENDINGS, ActiveRequest

LATENCIES = 32  # recent requests of which the status shows median and 95th percentile
STOPS = ("shutting_down", "worker_stopped")  # codes of requests that we ended, not the client


class Jobs:
    """The requests of `worker`; appends actions to `outbox`.

    Attributes:
        queue: the waiting requests, and the slots of the process.
        ended: requests finished since the pool last looked.
        economy: whether memory is short, so that jobs are asked to use less.
    """

    def __init__(self, worker: str, outbox: list[Action]) -> None:
        self._worker = worker
        self._outbox = outbox
        self.gen = 0
        self.running = Running()
        self.queue = Queue(self.running)
        self._notices = Notices(self.queue.waiting)
        self.timings = Timings()
        self.ended: list[ActiveRequest] = []
        self.economy = False

    # --- waiting and starting ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> KeysView[ActiveRequest]:
        """The waiting requests, as they came."""
        return self.queue.waiting.keys()

    def take_ended(self) -> list[ActiveRequest]:
        """Returns the requests that have ended since the last call."""
        ended, self.ended = self.ended, []
        return ended

    def economise(self, economy: bool) -> None:
        """Has jobs use less memory, or no longer."""
        self.economy = economy

    def begin(self, gen: int) -> None:
        """Starts the accounts of a new process."""
        self.gen = gen
        self.timings.completed_here = 0

    def wait(self, request: ActiveRequest, now: float) -> None:
        """Queues `request`."""
        request.told = request.told or now
        self.queue.add(request)
        self._notices.add(request)

    def run(self, request: ActiveRequest, now: float) -> None:
        """Hands a waiting request to the process."""
        self.queue.remove(request, served=True)
        request.told = 0.0
        self.running[request.id] = request
        request.run(now)
        self._to_worker(request.job(self.economy))
        if request.position is not None:  # the answer tells a client that never waited
            request.position = None
            self._to_client(request, m.Accepted(id=request.id, state="running"))

    def wait_ms(self, request: ActiveRequest) -> int:
        """The expected wait of a new request in ms, from the measured times of jobs; at least a second."""
        ahead, places = self.queue.ahead(request)
        return max(1000, int(sum(self.timings.usual_s(t) for t in (*ahead, request)) / places * 1000))

    # --- ending --------------------------------------------------------------------------------------------------

    def finish(self, request: ActiveRequest, message: m.Result | m.Error) -> None:
        """Ends a request; no other code does. The caller has taken it out of `waiting`."""
        assert not request.done
        self._to_client(request, message)
        request.done = True
        self.ended.append(request)

    def fail(self, request: ActiveRequest, code: str, message: str = "", retry_after_ms: int | None = None) -> None:
        error = HushdError(code, message or ENDINGS[code], retry_after_ms)
        self.finish(request, m.Error.of(request.id, error))

    def fail_waiting(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        """Ends every waiting request with an error."""
        for request in list(self.waiting):
            self.queue.remove(request)
            self.fail(request, code, message, retry_after_ms)

    def cancel(self, request: ActiveRequest, now: float, code: str) -> None:
        """Ends a request with `code` at once, and asks the engine to stop if it runs.

        A request that the supervisor stops ends when the engine obeys or the process is gone. With `worker_stopped` it
        is queued again if it can be repeated, unless another code follows.
        """
        if request.done:
            return
        if request in self.waiting:
            self.queue.remove(request)
            self.fail(request, code)
            return
        if not request.cancelled:
            request.cancelled, request.touched = True, now
            self._to_worker(m.Cancel(id=request.id))
        if code in STOPS:
            request.ending = request.ending or code
        else:
            request.ending = code
            self.fail(request, code)

    def cancel_all_of(self, route: bytes, now: float) -> None:
        """Cancels the requests of one client."""
        for request in [t for t in (*self.waiting, *self.running.values()) if t.route == route]:
            self.cancel(request, now, "cancelled")

    def stop(self, code: str, now: float) -> None:
        """Asks the engine to end all running jobs."""
        for request in self.running.values():
            self.cancel(request, now, code)

    # --- passing on ----------------------------------------------------------------------------------------------

    def input(self, request: ActiveRequest, chunk: m.Chunk, now: float) -> None:
        """Passes on input from the client; cancels the request if the worker did not ask for this chunk."""
        if request.cancelled:
            return
        if not request.take_input(chunk, now):
            self.cancel(request, now, "protocol_error")
        else:
            self._to_worker(chunk)

    def grant(self, request: ActiveRequest, chunks: int, now: float) -> None:
        """Passes on credit from the client."""
        if not request.grant(chunks, now):
            self.cancel(request, now, "protocol_error")
        elif self.running.get(request.id) is request:
            self._to_worker(m.Credit(id=request.id, chunks=chunks))

    def receive(self, request: ActiveRequest, message: m.Message, now: float) -> bool:
        """Handles the process's message about a running request; False if it breaks the rules of credit."""
        request.touched = now
        if request.done:
            if isinstance(message, m.Result | m.Error):
                self._end_run(request, message, now)
            return True
        if isinstance(message, m.Chunk | m.Partial | m.Result):
            self.timings.has_output(request, now)
        match message:
            case m.Chunk():
                if not request.take_output(now):
                    return False
                self._to_client(request, message)
            case m.Partial():
                request.output = True
                self._to_client(request, message)
            case m.Progress():
                request.audio = message.total
                self._to_client(request, message)
            case m.Credit():
                if not request.ask_input(message.chunks, now):
                    return False
                self._to_client(request, message)
            case m.Result():
                self._end_run(request, message, now)
            case m.Error() if request.ending == "worker_stopped" and request.repeatable:
                del self.running[request.id]
                self._repeat(request, now)
            case m.Error():
                error = HushdError(request.ending, ENDINGS[request.ending]) if request.ending else message.exception()
                self._end_run(request, m.Error.of(message.id, error), now)
        return True

    def report_position(self, request: ActiveRequest, state: str, now: float, note: str = "") -> None:
        """Tells a client that its request waits, `queued` or for a `starting` worker; `note` says why."""
        request.position = self.queue.position(request, now)
        self._notices.told(request, now)
        self._to_client(request, m.Accepted(id=request.id, state=state, position=request.position, note=note))

    # --- time ----------------------------------------------------------------------------------------------------

    def waiting_deadline(self) -> float:
        """The time at which a waiting request is overdue or its client must be told, `math.inf` for never."""
        return self._notices.next()

    def attend(self, state: str, note: str, now: float) -> bool:
        """Ends waiting requests that are past their deadlines, and tells others what they wait for.
        Returns whether others may run now: any has ended or given way, or has come before a suspect with its age."""
        late, untold = self._notices.take(now)
        self.queue.make_way(untold, now)
        for request in late:
            self.cancel(request, now, "deadline_exceeded")
        for request in untold:
            self.report_position(request, state, now, note)
        return bool(late or untold)

    def expire_running(self, now: float) -> list[ActiveRequest]:
        """Ends running requests that are past their deadlines or whose client does not read; returns them."""
        late = self.running.overdue(now)
        for request in late:
            self.cancel(request, now, "deadline_exceeded" if request.deadline <= now else "slow_consumer")
        return late

    # --- the process is gone -------------------------------------------------------------------------

    def repeat_or_fail(self, request: ActiveRequest, now: float, repeat: bool, error: HushdError) -> None:
        """Queues a lost request again if `repeat` allows it and no output was sent yet; else ends it with `error`."""
        if request.done:
            return
        stopped = request.ending in ("", "worker_stopped")
        if stopped and repeat and request.repeatable and now < request.deadline:
            self._repeat(request, now)
        elif request.ending:
            self.fail(request, request.ending)
        else:
            self.finish(request, m.Error.of(request.id, error))

    def _repeat(self, request: ActiveRequest, now: float) -> None:
        request.again()
        self.wait(request, now)
        self.report_position(request, "starting", now)

    def _end_run(self, request: ActiveRequest, message: m.Result | m.Error, now: float) -> None:
        del self.running[request.id]
        self.timings.has_ended(request, now, served=isinstance(message, m.Result) and not request.cancelled)
        if not request.done:
            self.finish(request, message)

    def _to_client(self, request: ActiveRequest, message: m.Message) -> None:
        if not request.gone:
            self._outbox.append(ToClient(request.route, message))

    def _to_worker(self, message: m.Message) -> None:
        self._outbox.append(ToWorker(self._worker, self.gen, message))


class Running(dict[bytes, ActiveRequest]):
    """The running requests by id: at most one for each slot, and those set aside.
    A cancelled request stays here, `done`, while the engine is still at a piece of it."""

    @property
    def sessions(self) -> int:
        return sum(request.session for request in self.values())

    @property
    def endless(self) -> int:
        """The number of jobs that run for as long as their clients like."""
        return sum(request.session or (request.aside and not request.gave_way) for request in self.values())

    @property
    def uncancelled(self) -> int:
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
        `aside`: whether jobs that wait for their clients are set aside."""
        deadline = min((request.next_deadline(stall_limit) for request in self.values()), default=math.inf)
        return min(deadline, *(request.aside_at() for request in self.values())) if aside and self else deadline

    def overdue(self, now: float) -> list[ActiveRequest]:
        """The jobs that are past their deadlines, or whose client does not read."""
        return [t for t in self.values() if not t.done and (t.deadline <= now or t.starves(now))]

    def set_aside(self, now: float) -> bool:
        """Takes the slots from jobs that wait for their clients; returns whether there were any."""
        resting = [request for request in self.values() if request.aside_at() <= now]
        for request in resting:
            request.aside, request.gave_way = True, False
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


class Timings:
    """The number and the times of the jobs that have ended, over all processes.

    Attributes:
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

    def has_ended(self, request: ActiveRequest, now: float, *, served: bool) -> None:
        """Records a job that the process has ended; one that it has not `served`, but refused, or ended as it was told,
        says nothing about the time of others, nor does one with its client's pauses."""
        duration, average = now - request.started, self.usual_s(request)
        if served and not request.aside:
            self._usual_s[request.session] = 0.8 * average + 0.2 * duration if average else duration
        self.completed += 1
        self.completed_here += 1

    def usual_s(self, request: ActiveRequest) -> float:
        """The usual time of jobs of its kind, 0 until one was served."""
        return self._usual_s[request.session]

    def latency_ms(self, share: float) -> float | None:
        """The latency in ms within which `share` of the last requests had their first output; None before any."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1)
