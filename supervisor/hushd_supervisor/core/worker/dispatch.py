"""The next move of a worker: run a job, rest for as long as its leases say, start another process, or nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

from hushd_protocol import JsonObject
from hushd_protocol import messages as m

from hushd_supervisor.core.requests.request import ActiveRequest

from .jobs import Jobs
from .lifecycle import BEAT_S, WATCHED, Lifecycle
from .states import State

MAX_HOLDERS = 256  # with a lease on one worker; beyond that, the lease that ends first is dropped


class Leases:
    """The keep-alive leases of one worker, by holder.

    A holder's newer lease replaces its older one. An idle worker leaves when its latest lease ends; without a lease,
    `default` seconds after its last job (-1: never). A lease of 0 withdraws the holder's lease, and ends an idle worker
    at once if no other lease remains.
    """

    def __init__(self, default: float) -> None:
        self.set_default(default)
        self._until: dict[str, float] = {}
        self._last_use = -math.inf
        self._withdrawn = False

    def set_default(self, default: float) -> None:
        """Sets how long a worker without a lease stays after its last job."""
        self._default = math.inf if default < 0 else default

    def use(self, holder: str, keep_alive: float | None, now: float) -> None:
        """Records the end of a job of `holder`; with "", that the worker has become ready."""
        self._last_use = now
        self._withdrawn = keep_alive == 0
        if keep_alive is None:
            return
        if keep_alive == 0:
            self._until.pop(holder, None)
        else:
            self._until[holder] = math.inf if keep_alive < 0 else now + keep_alive
            if len(self._until) > MAX_HOLDERS:
                del self._until[min(self._until, key=self._until.__getitem__)]

    def worked(self, now: float) -> None:
        """Records the end of work on a request that had already ended for its client."""
        self._last_use = now

    def holder_left(self, is_theirs: Callable[[str], bool]) -> bool:
        """Drops the leases of departed holders; returns whether there was one.

        A lease that ends before the worker would leave without it stays: its holder wants the memory back soon.
        """
        count, default_expiry = len(self._until), self._last_use + self._default
        self._until = {
            holder: until for holder, until in self._until.items() if not is_theirs(holder) or until < default_expiry
        }
        return len(self._until) < count

    def clear(self) -> None:
        """Drops all leases: the worker is being ended."""
        self._until.clear()

    def holders(self, now: float) -> dict[str, float | None]:
        """The remaining seconds of each lease by holder, None for an endless one."""
        return {h: None if t == math.inf else t - now for h, t in self._until.items() if t > now}

    def expiry(self, now: float) -> float:
        """The time at which an idle worker leaves; may be past, is `math.inf` for never."""
        self._until = {holder: until for holder, until in self._until.items() if until > now}
        if self._until:
            return max(self._until.values())
        return now if self._withdrawn else self._last_use + self._default


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

    @property
    def retires(self) -> bool:
        """True if the process gets no more jobs, and leaves after the last: it is used up, or not wanted any more.

        Beside jobs that may last for hours, live sessions and downloads, it goes on meanwhile.
        """
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
        self._lifecycle.process.unwanted = self._lifecycle.process.unwanted or why
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
            self._lifecycle.log("ERROR", f"{name} hangs: no sign of life for {BEAT_S:.0f} s")
            self._lifecycle.kill(now)

    # --- inside --------------------------------------------------------------------------------------------------

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
        process, limits = self._lifecycle.process, self._lifecycle.settings
        process.worn = process.used_up(limits, self._jobs.timings.completed_here, now)

    def _replace(self, now: float) -> None:
        self._lifecycle.log("INFO", f"{self._lifecycle.name} leaves ({self._lifecycle.process.retiring})")
        self._lifecycle.leave(now)
