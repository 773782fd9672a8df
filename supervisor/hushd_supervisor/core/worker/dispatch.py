"""The next move of a worker: run a job, rest for as long as its leases say, start another process, or nothing."""

from __future__ import annotations

from hushd_protocol import JsonObject
from hushd_protocol import messages as m

from .jobs import Jobs
from .leases import Leases
from .lifecycle import BEAT_TIMEOUT_S, WATCHED, Lifecycle
from .request import ActiveRequest
from .states import State


class Dispatcher:
    """Brings the process and the requests of one worker together.

    Attributes:
        held: whether processes are no longer started; requests go on waiting.
        down: whether the supervisor leaves, so that requests are no longer repeated.
        where: the device, as reported in the result of a request that only starts the process.
    """

    def __init__(self, lifecycle: Lifecycle, jobs: Jobs, leases: Leases) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._leases = leases
        self.held = self.down = False
        self.where: JsonObject = {}

    def hold(self) -> None:
        """Starts no more processes."""
        self.held = True

    def shut(self) -> None:
        """Repeats no more requests: the supervisor leaves."""
        self.down = True

    def located(self, where: JsonObject) -> None:
        """Notes the device of a process that has become ready."""
        self.where = where

    @property
    def retires(self) -> bool:
        """True if the process gets no more jobs, and leaves after the last: it is used up, or not wanted any more.
        Beside jobs that may last for hours, live sessions and downloads, it goes on meanwhile."""
        lasts = self._jobs.running.endless or self._lifecycle.name.startswith("models/")
        return self._lifecycle.state is State.BUSY and bool(self._lifecycle.process.retiring) and not lasts

    def settle(self, now: float) -> None:
        """After any change: hands out work, rests, leaves or starts, depending on the state and the queue."""
        state = self._lifecycle.state
        if state is State.DRAINING or self._lifecycle.process.unwanted:
            self._jobs.running.hurry(now)
        if state in (State.READY, State.BUSY):
            self._serve(now)
        elif state is State.SUSPENDED:
            self._lifecycle.want(bool(self._jobs.waiting), now)
        elif state is State.DRAINING and not self._jobs.running:
            self._lifecycle.leave(now)
        elif state is State.STOPPED and self._jobs.waiting and not self.held:
            self._lifecycle.wait(now)
        elif state is State.WAITING and not self._jobs.waiting:
            self._lifecycle.end(now)

    def stop(self, now: float) -> None:
        """Comes to a stop without a process, and starts the next one where a request waits."""
        self._lifecycle.enter(State.STOPPED)
        self.settle(now)

    def rest(self, now: float) -> None:
        """Waits, READY or SUSPENDED with nothing to do, for as long as the leases say; or leaves."""
        self._lifecycle.rest(self._leases.expiry(now), now)

    def recycle(self, now: float) -> None:
        """Replaces a process that is used up: at once if it is idle, else once nothing runs on it."""
        if self._lifecycle.state in (State.READY, State.BUSY):
            retired = self.retires
            self._wear(now)
            if self._lifecycle.state is State.READY and self._lifecycle.process.retiring:
                self._replace(now)
            elif retired and not self.retires:
                self.settle(now)  # waiting requests may run again

    def retire(self, why: str, now: float) -> None:
        """Gives a working process no more jobs; it leaves once nothing runs on it."""
        self._lifecycle.process.retire(why)
        self.settle(now)

    def lease(self, request: ActiveRequest, now: float) -> None:
        """Records the lease that a request earned by running."""
        self._leases.use(request.holder, request.message.keep_alive, now)

    def watch(self, now: float) -> None:
        """Ends overdue jobs, and a process that hangs."""
        if self._lifecycle.state not in WATCHED:
            return
        name = self._lifecycle.name
        for request in self._jobs.expire_running(now):
            self.lease(request, now)
        if self._jobs.running.cancel_ignored(now):
            self._lifecycle.log("WARNING", f"{name} ignored a cancel")
            self._lifecycle.kill(now, expected=True)
        elif self._jobs.running.stalled(now, self._lifecycle.settings.stall_timeout):
            self._lifecycle.log("ERROR", f"{name} stalled: no output and no CPU time for too long")
            self._lifecycle.kill(now)
        elif self._lifecycle.hangs(now):
            self._lifecycle.log("ERROR", f"{name} hangs: no sign of life for {BEAT_TIMEOUT_S:.0f} s")
            self._lifecycle.kill(now)

    def _serve(self, now: float) -> None:
        if not self.retires:
            self._answer_warm(now)
        self._hand_out(now)

    def _answer_warm(self, now: float) -> None:
        for request in self._jobs.queue.warming():
            self._jobs.queue.remove(request)
            self._leases.use(request.holder, request.message.keep_alive, now)
            self._jobs.finish(request, m.Result(id=request.id, data={"worker": self._lifecycle.name} | self.where))

    def _hand_out(self, now: float) -> None:
        # A used-up process is replaced after a job, so that no job waits for its replacement.
        if self._lifecycle.state is State.BUSY:
            self._wear(now)
        while not self.retires and (request := self._jobs.queue.next(now)):
            if self._lifecycle.state is State.READY:
                self._lifecycle.work(now)
            self._jobs.run(request, now)
        if self._jobs.running:
            return
        if self._lifecycle.state is State.BUSY:
            self._lifecycle.enter(State.READY)
        if self._lifecycle.process.retiring:
            self._replace(now)
        else:
            self.rest(now)

    def _wear(self, now: float) -> None:
        """Retires a process that is used up; takes this back if only a job had made it large."""
        self._lifecycle.process.wear_out(self._lifecycle.settings, self._jobs.timings.completed_here, now)

    def _replace(self, now: float) -> None:
        self._lifecycle.log("INFO", f"{self._lifecycle.name} leaves ({self._lifecycle.process.retiring})")
        self._lifecycle.leave(now)
