"""The life of one worker's process: how it starts, is watched, comes to rest, and ends.

`Life` knows the states, their timers and the moves between them; what the process is given to do, and what follows from
its messages and its death, is the `Worker`'s. What settles the races:

- every process has a generation, and news of an old one is dropped;
- a stop is never reversed: a request that comes meanwhile waits for the exit and starts the next generation at once;
- nothing is started before the exit of the last process was seen, so there is never a second one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator

from hushd_protocol import messages as m

from hushd_supervisor.core.actions import Action, Kill, Log, Spawn, ToWorker
from hushd_supervisor.core.settings import WorkerSettings

from .crashes import Crashes
from .jobs import Jobs
from .leases import Leases
from .states import ALLOWED, State

HELLO_S = 10.0  # from the start of the process to its hello
START_CAP_S = 300.0  # a start never takes longer, however often it says `loading`
BEAT_S = 6.0  # three beats of 2 s
CPU_S = 0.05  # of CPU time is a sign of work; beating alone costs 1 ms each time
GRACE_S = 5.0  # from `drain` to the exit
ROOM_S = 15.0  # for those who were asked to leave to make room: longer than their grace and a kill
LATE_S = 2.0  # a timer that fires later than this: we were stopped, or the machine slept
START_GUESS_S = 1.0  # what a start takes, as long as none has succeeded
ALARM_S = 5.0  # a process that SIGKILL has not ended sleeps in the kernel: say so, and try again

RUNS = (State.BUSY, State.DRAINING)  # jobs run, and are watched


def ceiling(size: int) -> float:
    """How large a worker may get that had `size` bytes when it was ready: beyond any long job, within reach of a leak.

    One engine is known to lose 24 MB a request.
    """
    return 2 * size + 1e9 if size else math.inf


class Life(ABC):
    """The processes of one worker, one after the other.

    `generations` numbers processes over all workers, so that no news of one can ever be taken for another's.
    """

    def __init__(self, name: str, settings: WorkerSettings, generations: Iterator[int]) -> None:
        self.name = name
        self.settings = settings
        self._generations = generations
        self._out: list[Action] = []
        self.state = State.STOPPED
        self.gen = 0
        self.jobs = Jobs(name, self._out)
        self.leases = Leases(settings.keep_alive)
        self.crashes = Crashes()
        self.starts = 0
        self.start_s = START_GUESS_S  # what the last start took
        self.pss = 0  # bytes, as the worker told last
        self.was_ready = False  # ever
        self.idle_since: float | None = None
        self._timer = math.inf  # of the state
        self._start_cap = math.inf
        self._beat_due = math.inf
        self._cpu_s = 0.0
        self._completed_before = 0  # jobs of earlier processes
        self._started_at = 0.0
        self.ready_at = math.inf
        self._ceiling = math.inf  # bytes at which this process is used up, unless its settings name another size
        self._expected = False  # the exit that will come was asked for
        self._killed = False
        self._start_timed_out = False
        self._verdict = ("worker_failed", "")  # what FAILED tells
        self._down = False
        self._held = False

    # --- what the pool decides -----------------------------------------------------------------------------------

    def admit(self, now: float) -> list[Action]:
        """There is memory for it: start."""
        if self.state is State.WAITING:
            self._start(now)
        return self._take()

    def help(self, now: float) -> list[Action]:
        """Others of its family have too much to do, and there is memory: start, with nobody waiting here yet."""
        self._enter(State.WAITING)
        self._start(now)
        return self._take()

    def refuse(self, now: float, message: str, retry_after_ms: int) -> list[Action]:
        """There is no memory for it, and nobody can leave for it."""
        if self.state is State.WAITING:
            self.jobs.fail_waiting("server_busy", message, retry_after_ms)
            self._enter(State.STOPPED)
        return self._take()

    def evict(self, now: float) -> list[Action]:
        """Its memory is needed: it leaves if it is idle, whatever its leases say."""
        if self.state is State.READY and not self.settings.pinned:
            self._log("INFO", f"{self.name} makes room")
            self._leave(now)
        return self._take()

    # --- what the owner does -------------------------------------------------------------------------------------

    def unload(self, now: float) -> list[Action]:
        """Ends the worker whatever its leases say; running jobs finish first."""
        self.leases.clear()
        if self.state in (State.BACKOFF, State.FAILED):
            self.crashes.forget()
            self._enter(State.STOPPED)
            self._settle(now)
        elif self.state is State.WAITING and not self.jobs.waiting:
            self._enter(State.STOPPED)
        elif self.state is State.STARTING:
            self._kill(now, expected=True)
        elif self.state is State.READY:
            self._leave(now)
        elif self.state is State.BUSY:
            self._enter(State.DRAINING, now + self.settings.drain_timeout)
        return self._take()

    def configure(self, settings: WorkerSettings, now: float) -> list[Action]:
        """Other settings from now on. A process that was started with what has changed finishes its jobs and leaves."""
        before, self.settings = self.settings, settings
        self.leases.set_default(settings.keep_alive)
        if (before.command, before.environment) != (settings.command, settings.environment):
            return self.unload(now)
        if self.state is State.READY:
            self._rest(now)
        return self._take()

    def hold(self, now: float) -> list[Action]:
        """Starts nothing any more: running jobs finish, and who waits goes on waiting, until `shutdown`."""
        self._held = True
        if self.state is State.WAITING:
            self._enter(State.STOPPED)
        return self._take() + self.unload(now)

    def shutdown(self, now: float) -> list[Action]:
        """Refuses what waits, lets running jobs finish; called again, or after `hold`, waits for nothing."""
        first = not self._down
        if first:
            self._down = True
            self.jobs.fail_waiting("shutting_down", "hushd is shutting down; ask again in a moment.")
        if first and not self._held:
            return self._take() + self.unload(now)
        if self.state.has_process and self.state is not State.KILLING:
            self._give_up_jobs(now)
        return self._take()

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """When `on_time` must be called, `math.inf` for never."""
        due = min(self._timer, self.jobs.waiting_deadline())
        if self.state in RUNS:
            due = min(due, self._beat_due, self.jobs.running_deadline(self.settings.stall_timeout))
        return due

    def on_time(self, now: float) -> list[Action]:
        """What is due at `now`."""
        if (late := now - self.deadline()) > LATE_S:
            self._excuse(late + BEAT_S)
        if self.jobs.expire_waiting(now):
            self._settle(now)
        if self.state in RUNS:
            self.jobs.expire_running(now)
            if self.jobs.cancel_ignored(now):
                self._log("WARNING", f"{self.name} ignored a cancel")
                self._kill(now, expected=True)
            elif self.jobs.stalled(now, self.settings.stall_timeout):
                self._log("ERROR", f"{self.name} stalled: no output and no CPU time for too long")
                self._kill(now)
            elif self._beat_due <= now:
                self._log("ERROR", f"{self.name} hangs: no sign of life for {BEAT_S:.0f} s")
                self._kill(now)
        if self._timer <= now:
            self._timer_fired(now)
        return self._take()

    def _excuse(self, late: float) -> None:
        """Nobody is to blame for a time in which nobody ran or was heard: watches go on as if it had not been."""
        self._beat_due += late
        if self.state in (State.WAITING, State.STARTING, State.DRAINING):
            self._timer += late
            self._start_cap += late
        self.jobs.excuse(late)

    def _timer_fired(self, now: float) -> None:
        match self.state:
            case State.STARTING:
                self._log("ERROR", f"{self.name} did not become ready in time")
                self._start_timed_out = True
                self._kill(now)
            case State.READY:
                self._log("INFO", f"{self.name} was idle")
                self._leave(now)
            case State.WAITING:
                message = f"There is no memory for {self.name}: those who were to leave for it have not left in time."
                self.jobs.fail_waiting("server_busy", message, 5000)
                self._enter(State.STOPPED)
            case State.DRAINING:
                self._give_up_jobs(now)
            case State.STOPPING:
                self._kill(now, expected=True)
            case State.KILLING:
                self._log("ERROR", f"{self.name} has not died of SIGKILL: it sleeps in the kernel; trying again")
                self._out.append(Kill(self.name, self.gen))
                self._timer = now + ALARM_S
            case State.BACKOFF | State.FAILED:
                if self.state is State.FAILED:
                    self.crashes.forget()
                self._enter(State.STOPPED)
                self._settle(now)

    # --- moves ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def _settle(self, now: float) -> None:
        """After any change: gives out work, rests, leaves or starts, as the state and the queue ask for."""

    def _enter(self, state: State, timer: float = math.inf) -> None:
        assert (self.state, state) in ALLOWED, f"{self.state} -> {state}"
        self.state = state
        self._timer = timer

    def _start(self, now: float) -> None:
        self.gen = self.jobs.gen = next(self._generations)
        self.starts += 1
        self._expected = self._killed = self._start_timed_out = False
        self._cpu_s = 0.0
        self.pss = 0
        self._completed_before = self.jobs.completed
        self._started_at = now
        self._start_cap = now + START_CAP_S
        self._out.append(Spawn(self.name, self.gen))
        self._enter(State.STARTING, now + HELLO_S)

    def _rest(self, now: float) -> None:
        """READY with nothing to do: sets the time to leave, or leaves."""
        if self.idle_since is None:
            self.idle_since = now
            self._beat_due = math.inf
        self._timer = math.inf if self.settings.pinned else self.leases.expiry(now)
        if self._timer <= now:
            self._leave(now)

    def _used_up(self, now: float) -> str:
        """Why this process should do nothing more, empty while it may."""
        limits = self.settings
        if 0 < limits.max_requests <= self.jobs.completed - self._completed_before:
            return f"{limits.max_requests} requests"
        if self.pss >= (limits.max_pss_mb * 1e6 or self._ceiling) and self.jobs.completed > self._completed_before:
            return f"{self.pss / 1e6:.0f} MB"
        if 0 < limits.max_age <= now - self.ready_at:
            return f"{now - self.ready_at:.0f} s old"
        return ""

    def _recycle(self, used_up: str, now: float) -> None:
        self._log("INFO", f"{self.name} is used up ({used_up}): a new process takes over")
        self._leave(now)

    def _leave(self, now: float) -> None:
        self._expected = True
        self._beat_due = math.inf
        self._enter(State.STOPPING, now + GRACE_S)
        self._send(m.Drain())

    def _give_up_jobs(self, now: float) -> None:
        for ticket in self.jobs.running.values():
            ticket.ending = ticket.ending or "shutting_down"
        self._kill(now, expected=True)

    def _kill(self, now: float, expected: bool = False) -> None:
        self._expected = self._expected or expected
        self._killed = True
        self._out.append(Kill(self.name, self.gen))
        self._enter(State.KILLING, now + ALARM_S)

    def _timer_ms(self, now: float) -> int:
        return max(1, int((self._timer - now) * 1000))

    def _send(self, message: m.Message) -> None:
        self._out.append(ToWorker(self.name, self.gen, message))

    def _log(self, level: str, text: str) -> None:
        self._out.append(Log(level, text))

    def _take(self) -> list[Action]:
        out = self._out.copy()
        self._out.clear()
        return out
