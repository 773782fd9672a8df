"""The requests of one worker: the waiting ones (`Queue`), and those that run on its process (`Running`).

`Jobs` keeps the accounts of every request and passes its messages on in both directions; the worker decides when the
process starts and ends. Every request ends in `finish`, exactly once. A cancelled one ends at once for its client,
while its engine may still work at a piece of it: until the engine stops, the request keeps its slot, and is `running`
although `done`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError

from hushd_supervisor.core.actions import Action, ToClient

from .crashes import Crashes, Death
from .queue import NoticeTimer, Queue
from .request import ENDINGS, STOPS, ActiveRequest
from .running import Running, Timings

_MAX_NAMED_PROGRAMS = 4  # named in the worker's row of the status


class Jobs:
    """The requests of `worker`; appends actions to `outbox`.

    Args:
        send: sends a message to the worker's process.
        economy: whether memory is short, so that jobs are asked to use less.

    Attributes:
        queue: the waiting requests, and the slots of the process.
        waiting: the waiting requests, as they came.
    """

    def __init__(
        self, worker: str, send: Callable[[m.Message], None], outbox: list[Action], economy: Callable[[], bool]
    ) -> None:
        self._worker = worker
        self._send = send
        self._outbox = outbox
        self._economy = economy
        self.running = Running()
        self.queue = Queue(self.running)
        self.waiting: Final = self.queue.waiting
        self._notices = NoticeTimer(self.waiting)
        self.timings = Timings()
        self._ended: list[ActiveRequest] = []

    # --- waiting and starting ------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """True if no request waits, runs, or has ended since the pool last looked."""
        return not (self.waiting or self.running or self._ended)

    def pop_ended(self) -> list[ActiveRequest]:
        """Returns the requests that have ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def wait(self, request: ActiveRequest, now: float) -> None:
        """Queues `request`."""
        request.wait(self._worker, now)
        self.queue.add(request)
        self._notices.add(request)

    def run(self, request: ActiveRequest, now: float) -> None:
        """Hands a waiting request to the process."""
        self.queue.remove(request, served=True)
        self.running[request.id] = request
        is_news = request.run(now)
        self._send(request.job(self._economy()))
        if is_news:  # the answer tells a client that never waited
            self._outbox.append(ToClient(request.route, m.Accepted(id=request.id, state="running")))

    def wait_ms(self, request: ActiveRequest) -> int:
        """The expected wait of a new request in ms, from the measured times of jobs; at least a second."""
        ahead, places = self.queue.ahead(request)
        return max(1000, int(sum(self.timings.usual_s(each) for each in (*ahead, request)) / places * 1000))

    # --- ending --------------------------------------------------------------------------------------------------

    def finish(self, request: ActiveRequest, message: m.Result | m.Error) -> None:
        """Ends a request; no other code does. The caller has taken it out of `waiting`."""
        self._outbox.append(ToClient(request.route, message))
        request.end()
        self._ended.append(request)

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
        if request.cancel(code, now):
            self._send(m.Cancel(id=request.id))
        if code not in STOPS:
            self.fail(request, code)

    def cancel_all_of(self, route: bytes, now: float) -> None:
        """Cancels the requests of one client."""
        for request in [each for each in (*self.waiting, *self.running.values()) if each.route == route]:
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
        if not request.accept_input(chunk, now):
            self.cancel(request, now, "protocol_error")
        else:
            self._send(chunk)

    def grant(self, request: ActiveRequest, chunks: int, now: float) -> None:
        """Passes on credit from the client."""
        if not request.grant(chunks, now):
            self.cancel(request, now, "protocol_error")
        elif self.running.get(request.id) is request:
            self._send(m.Credit(id=request.id, chunks=chunks))

    def receive(self, request: ActiveRequest, message: m.Message, now: float) -> bool:
        """Handles the process's message about a running request; False if it breaks the rules of credit."""
        if isinstance(message, m.Chunk | m.Partial | m.Result) and not request.done:
            self.timings.has_output(request, now)
        if not request.receive(message, now):
            return False
        if isinstance(message, m.Result):
            self._end_run(request, message, now)
        elif isinstance(message, m.Error):
            self._failed(request, message, now)
        elif not request.done:
            self._outbox.append(ToClient(request.route, message))
        return True

    def _failed(self, request: ActiveRequest, message: m.Error, now: float) -> None:
        """Ends a run with the process's error, or as it was stopped; one that can be repeated is."""
        if request.ending == "worker_stopped" and request.repeatable and not request.done:
            del self.running[request.id]
            self._repeat(request, now)
        else:
            code = request.ending
            error = HushdError(code, ENDINGS[code]) if code else message.exception()
            self._end_run(request, m.Error.of(message.id, error), now)

    def report_position(self, request: ActiveRequest, state: str, now: float, note: str = "") -> None:
        """Tells a client that its request waits, `queued` or for a `starting` worker; `note` says why."""
        position = self.queue.position(request, now)
        self._notices.sent(request, now)
        accepted = m.Accepted(id=request.id, state=state, position=position, note=note)
        self._outbox.append(ToClient(request.route, accepted))

    # --- time ----------------------------------------------------------------------------------------------------

    def waiting_deadline(self) -> float:
        """The time at which a waiting request is overdue or its client must be told, `math.inf` for never."""
        return self._notices.next()

    def attend(self, state: str, note: str, now: float) -> bool:
        """Ends waiting requests that are past their deadlines, and tells others what they wait for.
        Returns whether others may run now: any has ended or given way, or has come before a suspect with its age."""
        late, untold = self._notices.pop_due(now)
        self.queue.yield_slots(untold, now)
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

    def first_end(self) -> float:
        """The time at which the first running job is done by the usual times, `math.inf` where these are unknown."""
        usual = ((request.started, self.timings.usual_s(request)) for request in self.running.values())
        return min((started + usual_s for started, usual_s in usual if usual_s), default=math.inf)

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of some programs whose requests run or wait."""
        names = dict.fromkeys(request.program for request in (*self.running.values(), *self.waiting))
        return tuple(names)[:_MAX_NAMED_PROGRAMS]

    # --- the process is gone -------------------------------------------------------------------------------------

    def lose(self, death: Death, crashes: Crashes, repeat: bool, now: float) -> bool:
        """Ends the requests that ran on a process that has died, or repeats them where `repeat` allows it.
        Returns whether one of them explains the crash, which is its second."""
        lost = self.running.lose()
        crashes.add(death, frozenset(request.key for request in lost), now)
        culprits = []
        for request in lost:
            is_culprit = request.died(death, crashes)
            if is_culprit and len(lost) == 1:  # no other request can be it
                self.finish(request, m.Error.of(request.id, death.last_word()))
            else:
                self.repeat_or_fail(request, now, repeat and not request.is_given_up, death.loss())
            culprits.append(is_culprit and not death.felled)
        return any(culprits)

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
