"""The next move of a worker: a job for the process, rest, another process, or none."""

from __future__ import annotations

from hushd_protocol import messages as m

from .jobs import Jobs
from .leases import Leases
from .lifecycle import BEAT_S, WATCHED, Lifecycle
from .states import State


class Dispatcher:
    """Brings the process and the requests of one worker together.

    Attributes:
        held: no process is started any more; requests go on waiting.
    """

    def __init__(self, lifecycle: Lifecycle, jobs: Jobs, leases: Leases) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._leases = leases
        self.held = False

    def settle(self, now: float) -> None:
        """After any change: hands out work, rests, leaves or starts, as the state and the queue ask for."""
        state = self._lifecycle.state
        if state in (State.READY, State.BUSY):
            self._answer_warm(now)
            self._jobs.queue.sort(now)
            self._hand_out(now)
        elif state is State.DRAINING and not self._jobs.running:
            self._lifecycle.leave(now)
        elif state is State.STOPPED and self._jobs.waiting and not self.held:
            self._lifecycle.wait(now)
        elif state is State.WAITING and not self._jobs.waiting:
            self._lifecycle.end(now)

    def rest(self, now: float) -> None:
        """READY with nothing to do: waits for as long as the leases say, or leaves."""
        self._lifecycle.rest(self._leases.expiry(now), now)

    def recycle(self, now: float) -> None:
        """Has an idle process replaced if it is used up."""
        if self._lifecycle.state is State.READY and (used_up := self._used_up(now)):
            self._replace(used_up, now)

    def watch(self, now: float) -> None:
        """Ends jobs that are due, and a process that hangs under them."""
        if self._lifecycle.state not in WATCHED:
            return
        name = self._lifecycle.name
        self._jobs.expire_running(now)
        if self._jobs.cancel_ignored(now):
            self._lifecycle.log("WARNING", f"{name} ignored a cancel")
            self._lifecycle.kill(now, expected=True)
        elif self._jobs.stalled(now, self._lifecycle.settings.stall_timeout):
            self._lifecycle.log("ERROR", f"{name} stalled: no output and no CPU time for too long")
            self._lifecycle.kill(now)
        elif self._lifecycle.hangs(now):
            self._lifecycle.log("ERROR", f"{name} hangs: no sign of life for {BEAT_S:.0f} s")
            self._lifecycle.kill(now)

    # --- inside --------------------------------------------------------------------------------------------------

    def _answer_warm(self, now: float) -> None:
        for request in [t for t in self._jobs.waiting if t.message.op == "warm"]:
            self._jobs.waiting.remove(request)
            self._leases.use(request.holder, request.message.keep_alive, now)
            self._jobs.finish(request, m.Result(id=request.id, data={"worker": self._lifecycle.name}))

    def _hand_out(self, now: float) -> None:
        # A used-up process is replaced after a job, not in the way of one, and not while somebody speaks.
        busy = self._lifecycle.state is State.BUSY
        used_up = self._used_up(now) if busy and not self._jobs.sessions else ""
        while (request := self._jobs.next()) and not used_up:
            if self._lifecycle.state is State.READY:
                self._lifecycle.work(now)
            self._jobs.run(request, now)
        if self._jobs.running:
            if used_up:
                self._lifecycle.drain(now)
            return
        if self._lifecycle.state is State.BUSY:
            self._lifecycle.enter(State.READY)
        if used_up:
            self._replace(used_up, now)
        else:
            self.rest(now)

    def _used_up(self, now: float) -> str:
        return self._lifecycle.used_up(self._jobs.completed_here, now)

    def _replace(self, used_up: str, now: float) -> None:
        self._lifecycle.log("INFO", f"{self._lifecycle.name} is used up ({used_up}): a new process takes over")
        self._lifecycle.leave(now)
