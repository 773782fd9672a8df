"""The requests of one worker: the waiting ones (`queue`) and the ones that run on its process (`running`).

`Jobs` keeps the accounts of every request and passes its messages on in both directions; the worker decides when the
process starts and ends. Every request ends in `finish`, exactly once. A cancelled one ends at once for its client,
while its engine may still work at a piece of it: until the engine stops, the request keeps its slot, and is `running`
although `done`.
"""

from __future__ import annotations

from collections.abc import KeysView

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace

from hushd_supervisor.core.actions import Action, ToClient, ToWorker

from .notices import Notices
from .queue import Queue
from .request import ActiveRequest
from .running import Running
from .timings import Timings

ENDINGS = {
    "cancelled": "The request was cancelled.",
    "deadline_exceeded": "The request's deadline has passed.",
    "slow_consumer": "The client stood still, or stopped reading its results; ask again.",
    "protocol_error": "The client sent input that was not asked for or is out of order, or granted too much credit.",
    "shutting_down": "hushd is shutting down, and the job had not finished in time; ask again.",
    "worker_stopped": "The worker was stopped before the job had finished; ask again.",
}
STOPS = ("shutting_down", "worker_stopped")  # codes of requests that we ended, not the client


class Jobs:
    """The requests of `worker`; appends actions to `outbox`.

    Attributes:
        queue: the waiting requests, and the slots of the process.
        running: the requests that run on the process.
        timings: the times of the jobs that have ended.
        ended: requests finished since the pool last looked.
        gen: the generation of the process that runs the jobs.
        economy: whether memory is short, so that jobs are asked to use less.
    """

    def __init__(self, worker: str, outbox: list[Action]) -> None:
        self._worker = worker
        self._outbox = outbox
        self.gen = 0
        self.queue = Queue()
        self._notices = Notices(self.queue.waiting)
        self.running = Running()
        self.timings = Timings()
        self.ended: list[ActiveRequest] = []
        self.economy = False

    # --- waiting and starting ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> KeysView[ActiveRequest]:
        """The waiting requests, as they came."""
        return self.queue.waiting.keys()

    def begin(self, gen: int) -> None:
        """Starts the accounts of a new process."""
        self.gen = gen
        self.timings.completed_here = 0

    def wait(self, request: ActiveRequest, now: float) -> None:
        """Queues `request`."""
        request.told = request.told or now
        self.queue.add(request)
        self._notices.add(request)

    def next(self, now: float) -> ActiveRequest | None:
        """The request that may run now."""
        return self.queue.next(self.running.values(), now) if self.waiting else None

    @property
    def free(self) -> bool:
        """True if the process has a slot for another job of any kind."""
        return self.queue.free(self.running.values())

    def would_run(self, request: ActiveRequest) -> bool:
        """Returns whether a new request would run at once."""
        return self.queue.would_run(request, self.running.values())

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
        if isinstance(message, m.Result):
            message = replace(message, data=message.data | request.remarks(message.data))
        self._to_client(request, message)
        request.done = True
        self.ended.append(request)

    def fail(self, request: ActiveRequest, code: str, message: str = "", retry_after_ms: int | None = None) -> None:
        """Ends a request with an error."""
        error = HushdError(code, message or ENDINGS[code], retry_after_ms)
        self.finish(request, m.Error.of(request.id, error))

    def fail_waiting(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        """Ends every waiting request with an error."""
        for request in list(self.waiting):
            self.queue.remove(request)
            self.fail(request, code, message, retry_after_ms)

    def displace(self) -> list[ActiveRequest]:
        """Removes the waiting requests, for another worker; requests that came from another worker stay."""
        moving = [request for request in self.waiting if not request.degraded]
        for request in moving:
            self.queue.remove(request)
            request.degraded = True
        return moving

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

        Returns whether any has ended.
        """
        late, untold = self._notices.take(now)
        for request in late:
            self.cancel(request, now, "deadline_exceeded")
        for request in untold:
            self.report_position(request, state, now, note)
        return bool(late)

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

    # --- inside --------------------------------------------------------------------------------------------------

    def _repeat(self, request: ActiveRequest, now: float) -> None:
        request.again()
        self.wait(request, now)
        self.report_position(request, "starting", now)

    def _end_run(self, request: ActiveRequest, message: m.Result | m.Error, now: float) -> None:
        del self.running[request.id]
        self.timings.has_ended(request, now)
        if not request.done:
            self.finish(request, message)

    def _to_client(self, request: ActiveRequest, message: m.Message) -> None:
        if not request.gone:
            self._outbox.append(ToClient(request.route, message))

    def _to_worker(self, message: m.Message) -> None:
        self._outbox.append(ToWorker(self._worker, self.gen, message))
